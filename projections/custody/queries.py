"""Reading what may not be shown or erased, and what was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from events.log.bulk import select_rows

_RESTRICTED = "SELECT r.subject FROM wanted CROSS JOIN custody_restricted r ON r.subject = wanted.column1"
# What was decided about a record whose lane stands still is not known: nobody reads it until it is.
_UNSURE = "SELECT l.subject FROM wanted CROSS JOIN lanes l ON l.projection = 'custody' AND l.subject = wanted.column1"
_ERASED = "SELECT e.subject FROM wanted CROSS JOIN custody_erased e ON e.subject = wanted.column1"
_SHREDDED = (
    "SELECT s.* FROM wanted CROSS JOIN custody_shredded s ON s.subject = wanted.column1 ORDER BY s.subject, s.retention"
)


class Shredded(NamedTuple):
    """A class of a record that was kept long enough and destroyed."""

    subject: bytes
    retention: str
    at: int
    known_us: int


class Hold(NamedTuple):
    """A legal hold on a record, or, with a number, on a person whose record it is."""

    subject: bytes
    reference: str
    since_us: int
    ground: str
    person: str | None


class Restriction(NamedTuple):
    """A record that nobody may read for now."""

    subject: bytes
    since_us: int
    ground: str
    reference: str | None


class Erased(NamedTuple):
    """An erasure that the log tells of; `completed_us` is None until all is done."""

    subject: bytes
    at: int
    known_us: int
    ground: str
    reference: str | None
    completed_us: int | None
    readmitted_us: int | None


def hidden_among(db: sqlite3.Connection, subjects: Iterable[bytes]) -> set[bytes]:
    """Those of some records that nobody may read now, of whatever time."""
    wanted = [(subject,) for subject in subjects]
    return {subject for hidden in (_RESTRICTED, _UNSURE) for (subject,) in select_rows(db, hidden, wanted, 1)}


def erased_among(db: sqlite3.Connection, subjects: Iterable[bytes]) -> set[bytes]:
    return {subject for (subject,) in select_rows(db, _ERASED, [(subject,) for subject in subjects], 1)}


def is_restricted(db: sqlite3.Connection, subject: bytes) -> bool:
    return db.execute("SELECT 1 FROM custody_restricted WHERE subject = ?", (subject,)).fetchone() is not None


def restrictions(db: sqlite3.Connection) -> list[Restriction]:
    """Every restriction that lies on a record now."""
    return [Restriction(*row) for row in db.execute("SELECT * FROM custody_restricted ORDER BY since_us, subject")]


def shredded_among(db: sqlite3.Connection, subjects: Iterable[bytes]) -> list[Shredded]:
    """What was kept long enough of some records."""
    return [Shredded(*row) for row in select_rows(db, _SHREDDED, [(subject,) for subject in subjects], 1)]


def shredded_at(db: sqlite3.Connection, subject: bytes, retention: str) -> Shredded | None:
    """The newest shredding of a class of a record."""
    row = db.execute("SELECT * FROM custody_shredded WHERE subject = ? AND retention = ?", (subject, retention))
    found = row.fetchone()
    return Shredded(*found) if found is not None else None


def removed_by(db: sqlite3.Connection, subject: bytes, at: int) -> int | None:
    """The offset of the event that names an event as removed; None where it was not."""
    row = db.execute("SELECT named_at FROM custody_removed WHERE subject = ? AND at = ?", (subject, at)).fetchone()
    return row[0] if row is not None else None


def holds(db: sqlite3.Connection) -> list[Hold]:
    """Every hold that lies on a record now."""
    return [Hold(*row) for row in db.execute("SELECT * FROM custody_holds ORDER BY since_us, subject, reference")]


def holds_on(db: sqlite3.Connection, subject: bytes) -> list[Hold]:
    found = db.execute("SELECT * FROM custody_holds WHERE subject = ? ORDER BY reference", (subject,))
    return [Hold(*row) for row in found]


def erased(db: sqlite3.Connection, subject: bytes) -> Erased | None:
    row = db.execute("SELECT * FROM custody_erased WHERE subject = ?", (subject,)).fetchone()
    return Erased(*row) if row is not None else None


def erased_subjects(db: sqlite3.Connection) -> set[bytes]:
    """Every record that was ever erased."""
    return {subject for (subject,) in db.execute("SELECT subject FROM custody_erased")}
