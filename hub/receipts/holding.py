"""What is kept of receipts, read again: parts are opened by whoever holds their owners' keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import apsw

from adapters.sdk.again import receipt_damaged
from adapters.sdk.receipts import Part
from events.errors import Refused
from events.ids import SubjectId
from events.sealing import Cipher, DoesNotOpen
from hub.receipts.parts import (
    HOLE,
    OWNER_BYTES,
    SEVERAL,
    WAITING,
    OpenedPart,
    StoredBatch,
    open_heading,
    open_part,
    rows_named,
    subjects_of,
)
from hub.receipts.sealing import Days, ReceiptKeys

_RAW = "raw"
_BATCHES = (
    "SELECT p.first, CAST(p.several AS BLOB), CAST(p.sizes AS BLOB), CAST(p.heading AS BLOB), "
    "CAST(p.content AS BLOB), CAST(o.owners AS BLOB), CAST(o.tokens AS BLOB) FROM parts p "
    "JOIN owned o ON o.seq = p.seq WHERE p.receipt = ? AND p.first >= "
    "coalesce((SELECT max(first) FROM parts WHERE receipt = ? AND first <= ?), 0) ORDER BY p.first LIMIT 1"
)


class Whose(NamedTuple):
    """A receipt whose parts are read."""

    number: int
    id: str
    agency: str
    received_us: int


class HeldPart(NamedTuple):
    """What is left of a message; None where it is gone."""

    opened: OpenedPart | None
    is_owned: bool
    is_erased: bool = False
    is_damaged: bool = False


class HeldBatch(NamedTuple):
    first: int
    parts: Sequence[HeldPart]


class Holding:
    """Opens the parts of receipts, on one connection that reads."""

    def __init__(self, db: apsw.Connection, keys: ReceiptKeys, days: Days) -> None:
        self._db = db
        self._keys = keys
        self._days = days

    def batches(self, whose: Whose, at: int = 0) -> Iterator[HeldBatch]:
        """Batches from the one that message `at` stands in, in their order. Each is read when it is asked for.

        Raises Refused `receipt-damaged` for one whose parts can't be told apart.
        """
        while (row := self._db.execute(_BATCHES, (whose.number, whose.number, at)).fetchone()) is not None:
            first, named, sizes, heading, content, owners, tokens = row
            if first + len(owners) // OWNER_BYTES <= at:
                return
            try:
                several = self._several(named)
                batch = StoredBatch(owners, tokens, sizes, content)
            except DoesNotOpen as error:
                raise receipt_damaged(whose.id) from error
            yield HeldBatch(first, self._opened(whose, first, batch, several, heading))
            at = first + len(batch.owners)

    def one(self, whose: Whose, at: int) -> HeldPart | None:
        """What is left of one message, the how-manieth from 0; None where none is noted, or it can't be told apart."""
        with suppress(Refused):
            for batch in self.batches(whose, at):
                return batch.parts[at - batch.first] if at >= batch.first else None
        return None

    def any_head_key(self, whose: Whose) -> bytes:
        """What opens the receipt's head, from the first part that is left; nothing where none is."""
        with suppress(Refused):
            for batch in self.batches(whose):
                for held in batch.parts:
                    if held.opened is not None:
                        return held.opened.head_key
        return b""

    def _several(self, named: bytes | None) -> dict[int, bytes]:
        find = "SELECT CAST(owners AS BLOB) FROM owned WHERE seq = ?"
        return {at: self._db.execute(find, (seq,)).get or b"" for at, seq in rows_named(named).items()}

    def _opened(
        self, whose: Whose, first: int, batch: StoredBatch, several: Mapping[int, bytes], heading: bytes | None
    ) -> list[HeldPart]:
        subjects = [subjects_of(owner, several.get(at, b"")) for at, owner in enumerate(batch.owners)]
        ciphers = self._ciphers(whose, subjects)
        line = partial(open_heading, heading or b"")
        found: list[HeldPart] = []
        for at, (owner, content) in enumerate(zip(batch.owners, batch.contents, strict=True)):
            theirs = self._theirs(whose, owner, subjects[at], ciphers)
            # What is somebody's, or several's, has bytes: else it was taken out by hand.
            opened, is_damaged = None, bool(subjects[at] and not content) or _is_nobodys(owner, subjects[at])
            if theirs and content:
                try:
                    opened = open_part(content, whose.number, first + at, theirs, line)
                except DoesNotOpen:
                    is_damaged = True
            found.append(HeldPart(opened, bool(subjects[at]), owner == HOLE, is_damaged))
        return found

    def _ciphers(self, whose: Whose, subjects: Sequence[Sequence[SubjectId]]) -> Mapping[SubjectId, Cipher]:
        wanted = {subject for several in subjects for subject in several}
        return self._keys.ciphers_of(whose.agency, wanted, _RAW) if wanted else {}

    def _theirs(
        self, whose: Whose, owner: bytes, subjects: Sequence[SubjectId], ciphers: Mapping[SubjectId, Cipher]
    ) -> list[Cipher]:
        """The keys of all whom a part is about, or none where one of them is gone."""
        if owner == WAITING:
            day = self._days.of(whose.received_us)
            return [] if day is None else [day.waiting]
        found = [ciphers[subject] for subject in subjects if subject in ciphers]
        return found if len(found) == len(subjects) else []


def _is_nobodys(owner: bytes, subjects: Sequence[SubjectId]) -> bool:
    """Whether a part is about several records, and who they are was written over."""
    return owner == SEVERAL and not (subjects and all(len(subject) == OWNER_BYTES for subject in subjects))


def placed(held: HeldPart, place: str) -> Part | None:
    """The part as it was noted, at its place."""
    if held.opened is None:
        return None
    part = held.opened.part
    return part._replace(message=part.message._replace(place=place))


def sender_ids(batch: HeldBatch) -> list[str | None]:
    """The senders' ids of messages whose parts are left."""
    return [None if held.opened is None else held.opened.part.message.sender_id for held in batch.parts]
