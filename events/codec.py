"""Events to the log's bytes and back (docs/stored-bytes.md).

Clear header: u8 format ‖ u8 length, agency ‖ 32 id ‖ 16 subject ‖ 24 key id. Body: canonical JSON of the attributes,
padded with blanks to a multiple of 256 bytes, never compressed. Until a home is sealed the key id and the nonce
are zeros and the body is plain.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from events.envelope import Event, Logged
from events.errors import HubError
from events.identity import NO_KEY_ID, NO_NONCE
from events.ids import EventId, SubjectId

FORMAT = 1
PAD_BYTES = 256
_LEAF_HEAD = struct.Struct(">BQQH")
_BODY_LENGTH = struct.Struct(">I")


class BrokenRow(HubError):
    """A stored row that does not read back: the log was damaged or written by something else."""


class Sealed(NamedTuple):
    """What a log is given: everything but position, known time and leaf."""

    header: bytes
    nonce: bytes
    body: bytes


class StoredRow(NamedTuple):
    """What a log holds; known time in microseconds since 1970."""

    offset: int
    known_us: int
    header: bytes
    nonce: bytes
    body: bytes
    leaf: bytes


def seal(event_id: EventId, agency: str, subject: SubjectId, attributes: Mapping[str, Any]) -> Sealed:
    """Bytes to append. `attributes` may hold the payload as an orjson.Fragment of its canonical bytes."""
    body = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
    name = agency.encode()
    header = bytes((FORMAT, len(name))) + name + event_id + subject + NO_KEY_ID
    return Sealed(header, NO_NONCE, body + b" " * (-len(body) % PAD_BYTES))


def header_id(header: bytes) -> EventId:
    """The event id in a clear header."""
    start = 2 + header[1]
    return EventId(header[start : start + 32])


def leaf_hash(offset: int, known_us: int, sealed: Sealed) -> bytes:
    """SHA-256(0x00 ‖ u64 position ‖ u64 known time in µs ‖ u16 length, header ‖ nonce ‖ u32 length, body)."""
    head = _LEAF_HEAD.pack(0, offset, known_us, len(sealed.header))
    whole = b"".join((head, sealed.header, sealed.nonce, _BODY_LENGTH.pack(len(sealed.body)), sealed.body))
    return hashlib.sha256(whole).digest()


def open_row(partition: str, row: StoredRow) -> Logged:
    """The event of a stored row. Raises BrokenRow `broken-row`, naming the position."""
    header = row.header
    start = 2 + header[1] if len(header) > 1 else 0
    if not header or header[0] != FORMAT or len(header) != start + 72:
        raise _broken(row.offset, "its header has an unknown format")
    try:
        attributes = orjson.loads(row.body)
        agency = header[2:start].decode()
    except ValueError as error:
        raise _broken(row.offset, "its body does not read back") from error
    event = Event(EventId(header[start : start + 32]), agency, SubjectId(header[start + 32 : start + 48]), attributes)
    return Logged(partition, row.offset, row.known_us, event)


def _broken(offset: int, why: str) -> BrokenRow:
    return BrokenRow(
        "broken-row",
        f"the stored row cannot be read: {why}",
        where=f"log, position {offset}",
        next_step="Run `tellonce log verify` and restore from a backup.",
    )
