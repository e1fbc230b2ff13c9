"""Bodies that a redaction took out. Their leaves can't be worked out any more: an event of the hub holds the rest.

The log notes which event names each. Everybody can see whether the note leads to an event of the hub's own; what that
event says is for whoever has the hub's keys. It lies under a key of no record, so that no erasure takes it along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from events.codec import Header, Opener, StoredRow, read_header
from events.log import file
from events.log.sqlite import PARTITION
from hub.ledger.ranges import Fault

_HUB = "hub"
_TYPE = "hub.body-removed"
_NOTES = "SELECT position, named_by FROM removed ORDER BY position"
_NOTE = "SELECT named_by FROM removed WHERE position = ?"


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


def checked(path: Path, opener: Opener | None) -> tuple[Fault | None, Removals]:
    """Every note of a removed body: the first that does not hold, and what was taken for true up to there."""
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
