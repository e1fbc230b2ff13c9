"""Looking people up: which source records have this number, or this name and birth date."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import orjson

from projections.engine.facts.tables import STANDS, STOOD
from projections.people.fold import words

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
_BY_IDENTIFIER = "SELECT DISTINCT subject FROM people_identifiers WHERE system = ? AND value = ? ORDER BY subject"
_BY_BIRTH = "SELECT DISTINCT subject, names FROM people_births WHERE born = ? ORDER BY subject"
_REGISTRATIONS = f"SELECT fact, payload FROM people_entries WHERE subject = ? AND kind = 'assert' AND {STANDS}"
_REGISTRATIONS_THEN = f"SELECT fact, payload FROM people_entries WHERE subject = ? AND kind = 'assert' AND {STOOD}"
_SAME = (
    "SELECT DISTINCT i.subject FROM people_identifiers i JOIN people_births b "
    "ON b.subject = i.subject AND b.fact = i.fact WHERE i.system = ? AND i.value = ? AND b.born = ? ORDER BY i.subject"
)


class Registration(NamedTuple):
    """A standing registration of a record: fact name and payload; `demographics` comes first."""

    fact: str
    payload: dict[str, Any]


def with_identifier(db: sqlite3.Connection, system: str, value: str) -> list[bytes]:
    """Subjects of records whose standing registration has the identifier."""
    return [subject for (subject,) in db.execute(_BY_IDENTIFIER, (system, value))]


def with_nhs_number_and_birth(db: sqlite3.Connection, nhs_number: str, born: str) -> list[bytes]:
    """Subjects of records whose standing registration has both."""
    return [subject for (subject,) in db.execute(_SAME, (NHS_NUMBER, nhs_number, born))]


def with_name_and_birth(db: sqlite3.Connection, name: str, born: str) -> list[bytes]:
    """Subjects of records born that day one of whose names has all the words of `name`, in any order."""
    wanted = set(words(name))
    found = {subject: None for subject, names in db.execute(_BY_BIRTH, (born,)) if wanted <= set(names.split())}
    return list(found) if wanted else []


def registrations_of(db: sqlite3.Connection, subject: bytes, as_of_us: int | None = None) -> list[Registration]:
    """Registrations of a record that stand, or stood at a known time; the full one before short ones."""
    if as_of_us is None:
        rows = db.execute(_REGISTRATIONS, (subject,))
    else:
        rows = db.execute(_REGISTRATIONS_THEN, (subject, *[as_of_us] * STOOD.count("?")))
    found = [Registration(fact, orjson.loads(payload)) for fact, payload in rows]
    return sorted(found, key=lambda each: (not each.fact.startswith("demographics"), each.fact))
