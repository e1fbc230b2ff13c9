"""Events to the log's bytes and back (docs/stored-bytes.md).

Clear header: u8 format ‖ u8 length, agency ‖ 32 id ‖ 16 subject ‖ 24 key id. Body: canonical JSON of the attributes,
padded with blanks to a multiple of 256 bytes, never compressed, sealed under the key that the key id names and bound
to the header.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.envelope import Event, Logged
from events.identity import SubjectKeys
from events.ids import EventId, SubjectId
from events.sealing import DoesNotOpen, opened

FORMAT = 1
PAD_BYTES = 256
_BODY_LABEL = b"tellonce/event-body/1\0"
_LEAF_HEAD = struct.Struct(">BQQH")
_BODY_LENGTH = struct.Struct(">I")
_IDS_BYTES = 72


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


class Header(NamedTuple):
    """What a row says in clear: nothing that names anybody."""

    agency: str
    id: EventId
    subject: SubjectId
    key_id: bytes


class Closed(NamedTuple):
    """A row that was not opened. `erased`: its key was destroyed on purpose; any other code is a refusal."""

    offset: int
    known_us: int
    agency: str
    subject: bytes
    key_id: bytes
    code: str


class Opened(NamedTuple):
    """What became of rows, each part in their order."""

    logged: list[Logged]
    closed: list[Closed]


class Opener(Protocol):
    """Whoever holds the keys: rows are opened through it alone."""

    def open(self, partition: str, rows: Sequence[StoredRow]) -> Opened:
        """Opens what may be opened: events whose types and versions this program knows (events/soundness.py).

        Raises TryAgainLater where it can't be known whether keys still hold.
        """
        ...


def seal(keys: SubjectKeys, event_id: EventId, agency: str, attributes: Mapping[str, Any]) -> Sealed:
    """Bytes to append. `attributes` may hold the payload as an orjson.Fragment of its canonical bytes."""
    body = orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)
    return seal_body(keys, event_id, agency, body + b" " * (-len(body) % PAD_BYTES))


def seal_body(keys: SubjectKeys, event_id: EventId, agency: str, body: bytes) -> Sealed:
    """The same of a body that is padded already."""
    name = agency.encode()
    header = bytes((FORMAT, len(name))) + name + event_id + keys.subject + keys.key_id
    return Sealed(header, *keys.cipher.seal(body, _BODY_LABEL + header))


def header_id(header: bytes) -> EventId:
    """The event id in a clear header."""
    start = 2 + header[1]
    return EventId(header[start : start + 32])


def read_header(header: bytes) -> Header | None:
    """What a clear header says; None where it is not of this format."""
    try:
        start = 2 + header[1]
        agency = header[2:start].decode()
    except (IndexError, TypeError, AttributeError, UnicodeDecodeError):  # SQLite keeps whatever type somebody wrote
        return None
    if header[0] != FORMAT or len(header) != start + _IDS_BYTES:
        return None
    ids = header[start:]
    return Header(agency, EventId(ids[:32]), SubjectId(ids[32:48]), ids[48:])


def leaf_hash(offset: int, known_us: int, sealed: Sealed) -> bytes:
    """SHA-256(0x00 ‖ u64 position ‖ u64 known time in µs ‖ u16 length, header ‖ nonce ‖ u32 length, body)."""
    head = _LEAF_HEAD.pack(0, offset, known_us, len(sealed.header))
    whole = b"".join((head, sealed.header, sealed.nonce, _BODY_LENGTH.pack(len(sealed.body)), sealed.body))
    return hashlib.sha256(whole).digest()


def open_row(partition: str, row: StoredRow, header: Header, cipher: AESGCM) -> Logged | None:
    """The event of a stored row under the key that its header names; None where it does not open to one."""
    try:
        attributes = orjson.loads(opened(cipher, row.nonce, row.body, _BODY_LABEL + row.header))
    except (DoesNotOpen, TypeError, orjson.JSONDecodeError):  # a column may hold another type
        return None
    if not isinstance(attributes, dict):
        return None
    return Logged(partition, row.offset, row.known_us, Event(header.id, header.agency, header.subject, attributes))
