"""The people view: keeps registrations by the laws, and an index of the names and numbers of those that stand."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import MetaData

from events.log.bulk import insert_rows
from projections.engine.facts.fold import FACTS_VERSION, FactFold
from projections.engine.facts.history import NewRow, Row
from projections.engine.facts.store import FactStore
from projections.engine.projection import FOREVER, Connection, Folder, Gone
from projections.people import tables

TYPES = frozenset({"person.registered"})
STORE = FactStore(tables.facts)
_INDEXES = ("people_identifiers", "people_births")
_IDENTIFIER = "INSERT OR REPLACE INTO people_identifiers VALUES"
_BIRTH = "INSERT OR REPLACE INTO people_births VALUES"
_PAYLOAD = "SELECT payload FROM people_entries WHERE subject = ? AND sort = ? AND fact = ? AND at = ?"


class PeopleProjection:
    """The view `people`."""

    name = "people"
    version = 1 << 40 | FACTS_VERSION  # above it, that of the index
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return _PeopleFold(db, STORE, TYPES)


class _PeopleFold(FactFold):
    def purge(self, gone: Gone) -> Sequence[int]:
        again = super().purge(gone)
        if again:  # then nothing is left of the record
            for table in _INDEXES:
                self._db.execute(f"DELETE FROM {table} WHERE subject = ?", (gone.subject,))
        return again

    def wrote(self, new: Sequence[NewRow], changed: Sequence[Row]) -> None:
        for row in changed:
            for table in _INDEXES:
                self._db.execute(f"DELETE FROM {table} WHERE subject = ? AND fact = ?", (row.subject, row.fact))
        standing: list[tuple[Row | NewRow, bytes]] = []
        identifiers: list[tuple[Any, ...]] = []
        births: list[tuple[Any, ...]] = []
        standing += [(row, self._payload_of(row)) for row in changed if _stands(row)]
        standing += [(row, row.payload) for row in new if _stands(row)]
        for each, stored in standing:
            payload = orjson.loads(stored)
            identifiers += _identifiers(each, payload)
            births.append(_birth(each, payload))
        insert_rows(self._db, _IDENTIFIER, identifiers)
        insert_rows(self._db, _BIRTH, births)

    def _payload_of(self, row: Row) -> bytes:
        stored: bytes = self._db.execute(_PAYLOAD, (row.subject, row.sort, row.fact, row.at)).fetchone()[0]
        return stored


def _stands(row: Row | NewRow) -> bool:
    return row.kind == "assert" and row.current_to == FOREVER


def _identifiers(row: Row | NewRow, payload: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (identifier["system"], identifier["value"], row.subject, row.fact)
        for identifier in payload.get("identifiers", ())
        if identifier.get("system") and identifier.get("value")
    ]


def _birth(row: Row | NewRow, payload: Mapping[str, Any]) -> tuple[Any, ...]:
    return row.subject, row.fact, payload.get("birth_date", ""), " ".join(sorted(set(name_words(payload))))


def name_words(payload: Mapping[str, Any]) -> list[str]:
    """Every word of every name of a registration, folded for comparing."""
    found = []
    for name in payload.get("names", ()):
        for part in (name.get("family"), name.get("text"), *name.get("given", ())):
            found += words(part or "")
    return found


def words(text: str) -> list[str]:
    """Words of a name without accents, case and punctuation: `O'Brien-Łuk` is `obrien` and `łuk`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold()).replace("'", "").replace("\u2019", "")
    letters = "".join(c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c))
    return letters.split()
