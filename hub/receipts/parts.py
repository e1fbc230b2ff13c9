"""What is kept of the messages of a receipt: each one's own part, sealed for those whom it tells of.

Parts that follow each other are one piece of bytes, cut by their lengths; a part that went leaves a length of 0, its
owner's place and nothing else. Whose a part is stands beside it in 16 bytes, and the token of its sender's id in 8, so
that finding either reads 24 bytes a message and not its part.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from adapters.sdk.adapter import Finding, Message
from adapters.sdk.receipts import Part
from events.ids import SubjectId
from events.sealing import Cipher, DoesNotOpen
from hub.receipts.documents import printable
from hub.receipts.sealing import NO_TOKEN, PAD_BYTES, TOKEN_BYTES, DayKeys, Tokens, sealed, unsealed

OWNER_BYTES = 16
WAITING = bytes(OWNER_BYTES)  # nobody could tell whose it is
HOLE = b"\xff" * OWNER_BYTES
SEVERAL = b"\xfe" * OWNER_BYTES  # whose it is stands in a row of its own
GONE = b"\xfd" * OWNER_BYTES  # taken away, though nobody was erased
_PART_LABEL = b"tellonce/receipt-part/1\0"
_HEADING_LABEL = b"tellonce/receipt-heading/1\0"
_HEAD_KEY_BYTES = 32
SIZE_BYTES = 4
_LENGTHS = struct.Struct(">BII")


class SealedPart(NamedTuple):
    """A part as it is stored; no bytes where nothing is kept."""

    owner: bytes
    token: bytes
    content: bytes
    owners: bytes = b""  # one after the other, where there are several


class SealedBatch(NamedTuple):
    """The parts of messages that follow each other, as they are stored."""

    owners: bytes
    tokens: bytes
    sizes: bytes
    content: bytes
    heading: bytes | None
    several: Mapping[int, bytes]  # by the how-manieth of the batch


class Sealing(NamedTuple):
    """What the parts of one receipt are sealed with."""

    number: int
    agency: str
    day: DayKeys | None  # none where its 30 days are over
    tokens: Tokens
    head_key: bytes  # empty where nothing lies under it


class OpenedPart(NamedTuple):
    """A part that was opened, with what opens its receipt's head."""

    part: Part
    head_key: bytes


def seal_batch(sealing: Sealing, first: int, parts: Sequence[Part]) -> SealedBatch:
    """Seals the messages first, first + 1, ... of a receipt."""
    heading = next((part.message.header for part in parts if part.message.header is not None), None)
    each = [seal_part(sealing, first + at, part, heading) for at, part in enumerate(parts)]
    return SealedBatch(
        b"".join([part.owner for part in each]),
        b"".join([part.token for part in each]),
        struct.pack(f">{len(each)}I", *[len(part.content) for part in each]),
        b"".join([part.content for part in each]),
        None if heading is None else sealed(Cipher(sealing.head_key), heading, _HEADING_LABEL),
        {at: part.owners for at, part in enumerate(each) if part.owners},
    )


def seal_part(sealing: Sealing, at: int, part: Part, heading: bytes | None) -> SealedPart:
    """Seals one message, the how-manieth of its receipt from 0, for whoever it is about."""
    if part.is_closed:
        return SealedPart(HOLE, NO_TOKEN, b"")
    about = _about(sealing.number, at)
    sender_id = part.message.sender_id
    if not part.owners:
        if sealing.day is None:
            return SealedPart(WAITING, NO_TOKEN, b"")
        token = sealing.day.tokens.of(sealing.agency, sender_id)
        return SealedPart(WAITING, token, sealed(sealing.day.waiting, _packed(sealing, part, heading), about))
    token = sealing.tokens.of(sealing.agency, sender_id)
    content = _packed(sealing, part, heading)
    for owner in part.owners:
        content = sealed(owner.cipher, content, about)
    if len(part.owners) == 1:
        return SealedPart(part.owners[0].subject, token, content)
    return SealedPart(SEVERAL, token, content, b"".join(owner.subject for owner in part.owners))


def open_part(
    content: bytes, number: int, at: int, ciphers: Sequence[Cipher], heading: Callable[[bytes], bytes]
) -> OpenedPart:
    """Opens a part with its owners' keys, in the order in which it was sealed. Raises DoesNotOpen.

    Its place stands elsewhere. `heading` gives the heading line of the batch to whoever has the receipt's head key.
    """
    about = _about(number, at)
    for cipher in reversed(ciphers):
        content = unsealed(cipher, content, about)
    has_key, told_bytes, raw_bytes = _LENGTHS.unpack_from(content)
    told_at = _LENGTHS.size + has_key * _HEAD_KEY_BYTES
    raw_at = told_at + told_bytes
    head_key = content[_LENGTHS.size : told_at]
    sender_id, fault, ordinals, version, header = orjson.loads(content[told_at:raw_at])
    raw = content[raw_at : raw_at + raw_bytes]
    found = Finding(*fault) if fault else None
    line = heading(head_key) if header is True else header.encode("latin-1") if header is not None else None
    return OpenedPart(Part(Message("", raw, sender_id, found, line), (), False, tuple(ordinals), version), head_key)


def open_heading(content: bytes, head_key: bytes) -> bytes:
    """The heading line of a batch. Raises DoesNotOpen."""
    return unsealed(Cipher(head_key), content, _HEADING_LABEL)


def _packed(sealing: Sealing, part: Part, heading: bytes | None) -> bytes:
    """Lengths ‖ head key ‖ what is told of the message ‖ its bytes, padded."""
    message = part.message
    fault = message.fault and (message.fault.code, message.fault.where, message.fault.detail)
    header = message.header
    line = None if header is None else True if header == heading else header.decode("latin-1")
    told = _dumps((message.sender_id, fault, part.ordinals, part.version, line))
    lengths = _LENGTHS.pack(bool(sealing.head_key), len(told), len(message.raw))
    whole = b"".join((lengths, sealing.head_key, told, message.raw))
    return whole + bytes(-len(whole) % PAD_BYTES)


def _dumps(told: tuple[Any, ...]) -> bytes:
    try:
        return orjson.dumps(told)
    except orjson.JSONEncodeError:  # half a surrogate pair: no event could be made of it
        sender_id, fault, *rest = told
        return orjson.dumps((sender_id and printable(sender_id), fault and list(map(printable, fault)), *rest))


def _about(number: int, at: int) -> bytes:
    return b"%b%d/%d" % (_PART_LABEL, number, at)


# ---- a stored batch


class StoredBatch:
    """The parts of a batch, as they are stored; what goes leaves a hole."""

    def __init__(self, owners: bytes, tokens: bytes, sizes: bytes, content: bytes) -> None:
        """Raises DoesNotOpen where they do not fit together: somebody wrote in them."""
        many, rest = divmod(len(owners), OWNER_BYTES)
        if rest or len(tokens) != many * TOKEN_BYTES or len(sizes) != many * SIZE_BYTES:
            raise DoesNotOpen
        self.owners = cut(owners, OWNER_BYTES)
        self.tokens = cut(tokens, TOKEN_BYTES)
        lengths = struct.unpack(f">{len(self.owners)}I", sizes)
        self.contents: list[bytes] = []
        end = 0
        for length in lengths:
            self.contents.append(content[end : end + length])
            end += length
        if end != len(content):
            raise DoesNotOpen

    def put(self, at: int, part: SealedPart) -> None:
        self.owners[at] = part.owner
        self.tokens[at] = part.token
        self.contents[at] = part.content

    @property
    def stored(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Owners, tokens, sizes, content."""
        sizes = struct.pack(f">{len(self.contents)}I", *map(len, self.contents))
        return b"".join(self.owners), b"".join(self.tokens), sizes, b"".join(self.contents)


THE_HOLE = SealedPart(HOLE, NO_TOKEN, b"")
NOTHING_LEFT = SealedPart(GONE, NO_TOKEN, b"")


def cut(whole: bytes, size: int) -> list[bytes]:
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def rows_named(named: bytes | None) -> dict[int, int]:
    """Which rows of owned say whose the parts about several records are, by the how-manieth. Raises DoesNotOpen."""
    try:
        rows = {int(at): seq for at, seq in orjson.loads(named).items()} if named else {}
    except (ValueError, AttributeError) as error:
        raise DoesNotOpen from error
    if not all(type(seq) is int for seq in rows.values()):
        raise DoesNotOpen
    return rows


def places_of(wanted: bytes, whole: bytes) -> list[int]:
    """Where a value stands among values of its length that follow each other."""
    size = len(wanted)
    found: list[int] = []
    at = whole.find(wanted)
    while at >= 0:
        if at % size == 0:
            found.append(at // size)
        at = whole.find(wanted, at + 1)
    return found


def subjects_of(owner: bytes, several: bytes) -> list[SubjectId]:
    """Whose a part is; nobody's where it waits, or is gone."""
    if owner in (WAITING, HOLE, GONE):
        return []
    return [SubjectId(each) for each in (cut(several, OWNER_BYTES) if owner == SEVERAL else [owner])]
