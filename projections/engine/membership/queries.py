"""Reading membership: whom a number led to, whose records were whose, at any known time.

Times are known times in microseconds; NOW stands for the newest state.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple

from events.log.bulk import select_rows
from projections.engine.projection import FOREVER, Connection

NOW = FOREVER - 1
_EDGE = "SELECT to_number FROM membership_edges WHERE number = ? AND from_us <= ? AND to_us > ?"
_MERGE = f"{_EDGE} AND kind = 'merge'"
_MERGED = "SELECT number FROM membership_edges WHERE to_number = ? AND from_us <= ? AND to_us > ? AND kind = 'merge'"
# A person's numbers, merged ones included, and the records linked to each.
_PAGE = """
WITH RECURSIVE mine(number) AS (
    SELECT :number
    UNION
    SELECT e.number FROM mine JOIN membership_edges e ON e.to_number = mine.number
    WHERE e.kind = 'merge' AND e.from_us <= :at_us AND e.to_us > :at_us
)
SELECT mine.number, l.subject, r.record FROM mine
LEFT JOIN membership_links l ON l.person = mine.number AND l.from_us <= :at_us AND l.to_us > :at_us
LEFT JOIN membership_records r ON r.subject = l.subject
"""
_LINKED = "SELECT subject FROM membership_links WHERE person = ? AND from_us <= ? AND to_us > ?"
_LINK = "SELECT person FROM membership_links WHERE subject = ? AND from_us <= ? AND to_us > ?"
_LINKS = (
    "SELECT l.subject, l.person FROM wanted CROSS JOIN membership_links l ON l.subject = wanted.column1 "
    f"WHERE l.from_us <= {NOW} AND l.to_us > {NOW}"
)
# Records that a human took from a person and that nothing brought back since, each with whom it was with before.
_UNLINKED = (
    "SELECT l.subject, b.person FROM membership_links l "
    "JOIN membership_links b ON b.subject = l.subject AND b.to_us = l.from_us "
    f"WHERE l.how = 'unlinked' AND l.to_us > {NOW}"
)
_UNMERGED = "SELECT person, other FROM membership_decisions WHERE kind = 'unmerged'"
_BY_RECORD = attrgetter("record")


class RecordOfPerson(NamedTuple):
    """A source record of a page: its subject and its text form."""

    subject: bytes
    record: str


class Page(NamedTuple):
    """Which records a person's page shows."""

    person: str  # whom the number leads to today
    asked: str
    is_open: bool  # False: the number had not been given out yet
    records: tuple[RecordOfPerson, ...]
    merged: tuple[str, ...]  # other numbers that lead to the same person today


def lead(db: Connection, number: str, at_us: int = NOW) -> str:
    """The number that a number leads to, following merges and redirects."""
    return way_of(db, number, at_us)[-1]


def way_of(db: Connection, number: str, at_us: int = NOW) -> list[str]:
    """The numbers that a number leads to one after the other, itself first."""
    return _way(db, _EDGE, number, at_us)


def survivor_of(db: Connection, number: str) -> str:
    """The number whose page a number shares through merges today, wherever that leads; itself if none."""
    return _way(db, _MERGE, number, NOW)[-1]


def _way(db: Connection, edge: str, number: str, at_us: int) -> list[str]:
    way = {number: None}
    while (row := db.execute(edge, (number, at_us, at_us)).fetchone()) is not None and row[0] not in way:
        number = row[0]
        way[number] = None
    return list(way)


def numbers_of(db: Connection, number: str, at_us: int = NOW) -> list[str]:
    """The number itself and all that are merged into it, directly or not."""
    found = {number: None}
    rest = [number]
    while rest:
        for (merged,) in db.execute(_MERGED, (rest.pop(), at_us, at_us)).fetchall():
            if merged not in found:
                found[merged] = None
                rest.append(merged)
    return list(found)


def subjects_of(db: Connection, number: str, at_us: int = NOW) -> set[bytes]:
    """Subjects of the records that belong to a number, merged ones included."""
    return {
        subject for each in numbers_of(db, number, at_us) for (subject,) in db.execute(_LINKED, (each, at_us, at_us))
    }


def number_of(db: Connection, subject: bytes, at_us: int = NOW) -> str | None:
    """The number that a record itself is linked to, before merges."""
    row = db.execute(_LINK, (subject, at_us, at_us)).fetchone()
    return row[0] if row is not None else None


def numbers_among(db: Connection, subjects: Iterable[bytes]) -> dict[bytes, str]:
    """The same for many records; without those that have none yet."""
    keys = [(subject,) for subject in sorted(subjects)]
    return dict(select_rows(db, _LINKS, keys, 1))


def person_of(db: Connection, subject: bytes, at_us: int = NOW) -> str | None:
    """The person that a record belongs to."""
    number = number_of(db, subject, at_us)
    return lead(db, number, at_us) if number is not None else None


def is_severed(db: Connection, subject: bytes) -> bool:
    """Whether a human decided that this record is not one person with another that is there, and it still holds."""
    person = person_of(db, subject)
    apart = [(subject == whose, lead(db, before)) for whose, before in db.execute(_UNLINKED).fetchall()]
    if any(before == person or (is_own and subjects_of(db, before)) for is_own, before in apart):
        return True
    unmerged = [{lead(db, one), lead(db, other)} for one, other in db.execute(_UNMERGED).fetchall()]
    others = [two - {person} for two in unmerged if person in two and len(two) == 2]
    return any(subjects_of(db, other) for (other,) in others)


def subject_of_record(db: Connection, record: str) -> bytes | None:
    row = db.execute("SELECT subject FROM membership_records WHERE record = ?", (record,)).fetchone()
    return row[0] if row is not None else None


def record_of_subject(db: Connection, subject: bytes) -> str | None:
    row = db.execute("SELECT record FROM membership_records WHERE subject = ?", (subject,)).fetchone()
    return row[0] if row is not None else None


def opened_us(db: Connection, number: str) -> int | None:
    """When a number was given out; None for one that never was."""
    row = db.execute("SELECT opened_us FROM membership_persons WHERE person = ?", (number,)).fetchone()
    return row[0] if row is not None else None


def page_of(db: Connection, number: str, as_of_us: int | None = None) -> Page | None:
    """The records that a number's page shows: those it led to then which belong today to whom it leads to today.

    None for a number never given out.
    """
    opened = opened_us(db, number)
    if opened is None:
        return None
    person = lead(db, number)
    found = db.execute(_PAGE, {"number": person, "at_us": NOW}).fetchall()
    records = {RecordOfPerson(subject, record or "") for _, subject, record in found if subject is not None}
    is_open = as_of_us is None or opened <= as_of_us
    if as_of_us is not None:
        then = subjects_of(db, lead(db, number, as_of_us), as_of_us) if is_open else set()
        records = {each for each in records if each.subject in then}
    others = {each for each, _, _ in found if each != number}
    return Page(person, number, is_open, tuple(sorted(records, key=_BY_RECORD)), tuple(sorted(others)))


def own_number(db: Connection, subject: bytes) -> str | None:
    """The number first opened for a record."""
    row = db.execute("SELECT person FROM membership_records WHERE subject = ?", (subject,)).fetchone()
    return row[0] if row is not None else None


def opened_among(db: Connection, subjects: Iterable[bytes]) -> set[bytes]:
    """Those of some subjects that have a number already."""
    known = "SELECT r.subject FROM wanted CROSS JOIN membership_records r ON r.subject = wanted.column1"
    return {subject for (subject,) in select_rows(db, known, [(subject,) for subject in subjects], 1)}


def is_merged(db: Connection, survivor: str, absorbed: str) -> bool:
    """True while one number is merged into the other directly."""
    row = db.execute(_MERGE, (absorbed, NOW, NOW)).fetchone()
    return row is not None and row[0] == survivor


def is_moved_by_hand(db: Connection, subject: bytes) -> bool:
    """True when a human made the record's newest link: rules leave it where it is."""
    row = db.execute("SELECT how FROM membership_links WHERE subject = ? AND to_us = ?", (subject, FOREVER)).fetchone()
    return row is not None and row[0] in ("linked-by-hand", "unlinked")


def decided_to(db: Connection, partition: str) -> int:
    """The highest offset before which, by some decision's word, all was decided; 0 for none."""
    newest = "SELECT max(decided_to) FROM membership_decisions WHERE decided_in = ? AND decided_to IS NOT NULL"
    row = db.execute(newest, (partition,)).fetchone()
    return row[0] if row[0] is not None else 0
