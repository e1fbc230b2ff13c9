"""Parts of receipts on the disk: put in with the outcomes, moved to another's key, dropped.

What has to go is overwritten where it stands (see tables.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import apsw
import orjson

from events.log.bulk import insert_rows, select_rows
from events.sealing import DoesNotOpen
from hub.receipts.parts import (
    NOTHING_LEFT,
    OWNER_BYTES,
    SEVERAL,
    SIZE_BYTES,
    THE_HOLE,
    SealedBatch,
    SealedPart,
    StoredBatch,
    cut,
    places_of,
    rows_named,
)
from hub.receipts.sealing import WRAPPED_BYTES

_BATCH = (
    "SELECT p.first, p.seq, CAST(p.several AS BLOB), CAST(p.sizes AS BLOB), CAST(p.content AS BLOB), "
    "CAST(o.owners AS BLOB), CAST(o.tokens AS BLOB) FROM parts p "
    "JOIN owned o ON o.seq = p.seq WHERE p.receipt = ? AND p.first <= ? ORDER BY p.first DESC LIMIT 1"
)


class Dropped(NamedTuple):
    """The parts of a subject (number of the receipt, how-manieth message), and the receipts whose files hold more."""

    holes: list[tuple[int, int]]
    files: list[int]


class Parting:
    """The tables parts, owned, receipt_keys and arrived; within the transactions of a journal."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._next_seq: int = max(0, db.execute("SELECT max(seq) FROM owned").get or 0) + 1
        self.dropped: set[bytes] = {subject for (subject,) in db.execute("SELECT subject FROM dropped")}
        self._parts: list[tuple[object, ...]] = []
        self._owned: list[tuple[object, ...]] = []

    def add(self, number: int, first: int, batch: SealedBatch) -> None:
        """Collects the parts of a batch; what is about a dropped subject is a hole at once."""
        if self.dropped and not self._is_clear(batch):
            batch = self._without_dropped(batch)
        seq = self._take_seq()
        self._owned.append((seq, number, first, None, batch.owners, batch.tokens))
        several: dict[int, int] = {}
        for at, owners in batch.several.items():
            several[at] = self._take_seq()
            self._owned.append((several[at], number, first, at, owners, b""))
        self._parts.append((number, first, seq, _named(several), batch.sizes, batch.heading, batch.content))

    def _take_seq(self) -> int:
        self._next_seq += 1
        return self._next_seq - 1

    def _is_clear(self, batch: SealedBatch) -> bool:
        whole = [batch.owners, *batch.several.values()]
        return self.dropped.isdisjoint(owner for owners in whole for owner in cut(owners, OWNER_BYTES))

    def _without_dropped(self, batch: SealedBatch) -> SealedBatch:
        stored = StoredBatch(batch.owners, batch.tokens, batch.sizes, batch.content)
        several = dict(batch.several)
        for at, owner in enumerate(stored.owners):
            owners = cut(several[at], OWNER_BYTES) if owner == SEVERAL else [owner]
            if not self.dropped.isdisjoint(owners):
                stored.put(at, THE_HOLE)
                several.pop(at, None)
        owned, tokens, sizes, content = stored.stored
        return SealedBatch(owned, tokens, sizes, content, batch.heading, several)

    def flush(self) -> None:
        """Writes what was collected."""
        insert_rows(self._db, "INSERT INTO parts VALUES", self._parts)
        insert_rows(self._db, "INSERT INTO owned VALUES", self._owned)
        self.discard()

    def discard(self) -> None:
        """Forgets what was collected, after a group that failed."""
        self._parts.clear()
        self._owned.clear()

    def move(self, number: int, at: int, moved: Mapping[int, SealedPart]) -> None:
        """Keeps parts of the batch that message `at` stands in otherwise; by the how-manieth of the receipt.

        A batch that somebody wrote in, so that nobody can tell whose is what, goes as a whole.
        """
        row = self._db.execute(_BATCH, (number, at)).fetchone()
        if row is None or not moved:
            return
        first, seq, named, sizes, content, owners, tokens = row
        try:
            batch, several = StoredBatch(owners, tokens, sizes, content), rows_named(named)
            if not all(first <= which < first + len(batch.owners) for which in moved):
                raise DoesNotOpen
        except DoesNotOpen:
            self._forget_batch(number, first, seq, len(owners) // OWNER_BYTES)
            return
        for which, part in moved.items():
            place = which - first
            self._forget_owners(several.pop(place, None))
            batch.put(place, part)
            if part.owners:
                several[place] = self._take_seq()
                self._db.execute(
                    "INSERT INTO owned VALUES(?, ?, ?, ?, ?, x'')", (several[place], number, first, place, part.owners)
                )
        owned, tokens, sizes, content = batch.stored
        self._db.execute("UPDATE owned SET owners = ?, tokens = ? WHERE seq = ?", (owned, tokens, seq))
        self._db.execute(
            "UPDATE parts SET several = ?, sizes = ?, content = ? WHERE receipt = ? AND first = ?",
            (_named(several), sizes, content, number, first),
        )

    def _forget_batch(self, number: int, first: int, seq: int, many: int) -> None:
        self._db.execute(
            "UPDATE owned SET owners = ?, tokens = ? WHERE seq = ?",
            (NOTHING_LEFT.owner * many, NOTHING_LEFT.token * many, seq),
        )
        self._db.execute(
            "UPDATE owned SET owners = zeroblob(length(owners)) WHERE receipt = ? AND first = ? AND at IS NOT NULL",
            (number, first),
        )
        self._db.execute(
            "UPDATE parts SET several = NULL, sizes = zeroblob(?), content = x'' WHERE receipt = ? AND first = ?",
            (many * SIZE_BYTES, number, first),
        )

    def _forget_owners(self, seq: int | None) -> None:
        self._db.execute("UPDATE owned SET owners = zeroblob(length(owners)) WHERE seq = ?", (seq,))

    def drop(self, subject: bytes, is_for_ever: bool) -> Dropped:
        """Makes holes of all parts that are about a subject; for ever also of those that come.

        What is kept as a whole because it could not be cut into messages goes too, where a part of it was hers.
        """
        if is_for_ever:
            self._db.execute("INSERT OR IGNORE INTO dropped VALUES(?)", (subject,))
        left = THE_HOLE if is_for_ever else NOTHING_LEFT
        rows = self._db.execute(
            "SELECT receipt, first, at, CAST(owners AS BLOB) FROM owned WHERE instr(owners, ?) AND receipt > 0",
            (subject,),
        )
        holes: dict[tuple[int, int], set[int]] = {}
        for number, first, at, owners in rows:
            places = places_of(subject, owners)
            found = [] if not places else places if at is None else [at]
            holes.setdefault((number, first), set()).update(first + place for place in found)
        for (number, first), places_there in holes.items():
            self.move(number, first, dict.fromkeys(places_there, left))
        done = "SELECT 1 FROM unfinished WHERE receipt = ?"
        whole = sorted({number for number, _ in holes if self._db.execute(done, (number,)).get is None})
        made = [(number, at) for (number, _), places_there in holes.items() for at in sorted(places_there)]
        return Dropped(made, self.forget_whole([(number,) for number in whole]))

    def forget_whole(self, numbers: Sequence[tuple[int]]) -> list[int]:
        """Destroys the keys of receipts and what arrived; those of them that have a file, which is to be removed."""
        if not numbers:
            return []
        db = self._db
        filed = [number for (number,) in self._filed(numbers)]
        zeros = f"UPDATE receipt_keys SET wrapped = zeroblob({WRAPPED_BYTES}) WHERE number IN (VALUES"
        insert_rows(db, zeros, numbers, ")")
        insert_rows(db, "DELETE FROM arrived WHERE number IN (VALUES", numbers, ")")
        return filed

    def _filed(self, numbers: Sequence[tuple[int]]) -> Iterable[tuple[int]]:
        return select_rows(
            self._db,
            "SELECT a.number FROM wanted CROSS JOIN arrived a ON a.number = wanted.column1 WHERE a.body IS NULL",
            numbers,
            1,
        )

    def forget_parts(self, number: int) -> None:
        """Of a run that is begun again."""
        of_receipt = "SELECT seq, CAST(several AS BLOB) FROM parts WHERE receipt = ?"
        for seq, named in list(self._db.execute(of_receipt, (number,))):
            self._db.execute(
                "UPDATE owned SET owners = zeroblob(length(owners)), tokens = zeroblob(length(tokens)) WHERE seq = ?",
                (seq,),
            )
            with suppress(DoesNotOpen):
                for each in rows_named(named).values():
                    self._forget_owners(each)
        self._db.execute("DELETE FROM parts WHERE receipt = ?", (number,))


def _named(several: Mapping[int, int]) -> str | None:
    return orjson.dumps({str(at): seq for at, seq in several.items()}).decode() if several else None
