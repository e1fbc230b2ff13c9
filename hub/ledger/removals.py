"""Bodies that a redaction took out. Their leaves can't be worked out any more: an event of the hub holds the rest.

The log notes which event names each. Everybody can see whether the note leads to an event of the hub's own; what that
event says is for whoever has the hub's keys. It lies under a key of no record, so that no erasure takes it along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from events.codec import Header, Opener, StoredRow, read_header
from events.log import file
from events.log.sqlite import PARTITION
from hub.erasure.runs import offsets_under_way
from hub.ledger.ranges import Fault

_HUB = "hub"
_TYPE = "hub.body-removed"
_NOTES = "SELECT position, named_by FROM removed ORDER BY position"
_OF_THE_HUB = (
    "SELECT position, known_us, header, nonce, body, leaf FROM log "
    "WHERE position >= ? AND position < ? AND substr(header, 1, 5) = ? ORDER BY position"
)
_HUB_HEADER = b"\x01\x03hub"
_PAGE = 4_096
_NOTE = "SELECT named_by FROM removed WHERE position = ?"


Rest = Callable[[float], object]
"""Told after each page how many seconds it took, to pause where others are to come first."""


def never(spent_s: float) -> None:
    """Pauses not at all."""


class Removals(NamedTuple):
    """How much of the rows without a body is taken for true, since nobody could look.

    `not_held`: rows whose known time, agency and subject nothing holds. `on_trust`: those among them of which it is
    not even seen whether a redaction took the body.
    """

    not_held: int = 0
    on_trust: int = 0


def repeated(row: StoredRow) -> dict[str, Any]:
    """What the event of a redaction repeats of a row: all that its leaf is the hash of, but the body."""
    return {
        "position": f"{PARTITION}:{row.offset}",
        "known_us": row.known_us,
        "header": row.header.hex(),
        "nonce": row.nonce.hex(),
    }


def checked(path: Path, opener: Opener | None, end: int, rest: Rest = never) -> tuple[Fault | None, Removals]:
    """Every note of a removed body: the first that does not hold, and what was taken for true up to there.

    With an opener also every redaction below `end`: the first body that one took and that is there again.
    """
    fault, removals = _noted(path, opener)
    if fault is None and opener is not None:
        fault = _put_back(path, opener, end, rest)
    return fault, removals


def _noted(path: Path, opener: Opener | None) -> tuple[Fault | None, Removals]:
    removals = Removals()
    with closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db:
        db.execute("BEGIN")  # one state of the file, or a redaction that comes meanwhile seems to be half of one
        for position, named_by in list(db.execute(_NOTES)):
            row = _row(db, position)
            if row is None or row.body:
                return Fault("removal-not-done", position, position), removals
            found = _looked_at(db, opener, row, named_by)
            if isinstance(found, str):
                return Fault(found, position, position), removals
            removals = Removals(removals.not_held + found.not_held, removals.on_trust + found.on_trust)
    return None, removals


def _put_back(path: Path, opener: Opener, end: int, rest: Rest) -> Fault | None:
    """Note and body may have been brought back together: what the hub said stays."""
    with closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db:
        for start in range(0, end, _PAGE):
            begun = time.perf_counter()
            # No transaction over pages: a redaction that comes meanwhile waits for whoever reads an old state.
            rows = list(map(StoredRow._make, db.execute(_OF_THE_HUB, (start, min(start + _PAGE, end), _HUB_HEADER))))
            there = [at for at in _taken(opener, rows) if _is_there(db, path, at)]
            if there:
                return Fault("removal-not-done", min(there), min(there))
            rest(time.perf_counter() - begun)
    return None


def _taken(opener: Opener, rows: Sequence[StoredRow]) -> Iterator[int]:
    """The positions whose bodies some events of the hub took."""
    for logged in opener.open(PARTITION, rows).logged:
        if logged.event.type == _TYPE:
            for position in logged.event.payload["positions"]:
                partition, _, offset = position.rpartition(":")
                if partition == PARTITION and offset.isdecimal():
                    yield int(offset)


def _is_there(db: apsw.Connection, path: Path, at: int) -> bool:
    """Whether a body is there that should not be. Between the event and the removal, its run is still open."""
    is_under_way = at in offsets_under_way(path.parent)  # before the look: it may end meanwhile
    row = _row(db, at)
    return not is_under_way and row is not None and bool(row.body)


def held_among(path: Path, opener: Opener, rows: Sequence[StoredRow]) -> set[int]:
    """Which of some rows without a body are held: what they say is what the event of a redaction repeats."""
    if not rows:
        return set()
    with closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db:
        return {row.offset for row in rows if _looked_at(db, opener, row, _named_by(db, row)) == Removals()}


def _named_by(db: apsw.Connection, row: StoredRow) -> object:
    return db.execute(_NOTE, (row.offset,)).get


def _looked_at(db: apsw.Connection, opener: Opener | None, row: StoredRow, named_by: object) -> Removals | str:
    """What is taken for true of a removed body, or the code of what is wrong with its note."""
    said = read_header(row.header)
    if said is None:
        return "broken-row"
    naming = _row(db, named_by) if isinstance(named_by, int) and named_by > row.offset else None
    if naming is None or not _may_name(naming, said):
        return "removal-not-named"
    if row.nonce != file.NO_NONCE:
        return "removed-row-differs"
    if opener is None:
        return Removals(1, 1)
    opened = opener.open(PARTITION, [naming])
    for logged in opened.logged:
        payload = logged.event.payload
        if logged.event.type != _TYPE or f"{PARTITION}:{row.offset}" not in payload["positions"]:
            return "removal-not-named"
        return _compared(row, payload)
    return "removal-not-named"


def _may_name(naming: StoredRow, removed: Header) -> bool:
    """Whether an event is one of the hub's own, about no record in particular."""
    header = read_header(naming.header)
    return header is not None and header.agency == _HUB and removed.agency != _HUB and header.subject != removed.subject


def _compared(row: StoredRow, payload: Mapping[str, Any]) -> Removals | str:
    for said in _said_of(row, payload):
        is_same = (said["known_us"], said["header"]) == (row.known_us, row.header.hex())
        return Removals() if is_same else "removed-row-differs"
    return Removals(not_held=1)  # of before redactions repeated it


def _said_of(row: StoredRow, payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (each for each in payload.get("rows", ()) if each["position"] == f"{PARTITION}:{row.offset}")


def _row(db: apsw.Connection, position: int) -> StoredRow | None:
    return next((row for row in file.rows_from(db, position, 1) if row.offset == position), None)
