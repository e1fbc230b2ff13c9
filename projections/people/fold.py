"""The people view: keeps registrations by the laws, and an index of the names and numbers of those that stand."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import MetaData

from projections.engine.facts.fold import FactFold
from projections.engine.facts.history import FactStore, Row
from projections.engine.projection import FOREVER, Folder, insert_sql
from projections.people import tables

TYPES = frozenset({"person.registered"})
STORE = FactStore(tables.facts)
_IDENTIFIER = insert_sql(tables.identifiers, replace=True)
_BIRTH = insert_sql(tables.births, replace=True)
_PAYLOAD = "SELECT payload FROM people_entries WHERE subject = ? AND sort = ? AND fact = ? AND at = ?"


class PeopleProjection:
    """The view `people`."""

    name = "people"
    version = 1
    metadata: MetaData = tables.metadata

    def folder(self, db: sqlite3.Connection) -> Folder:
        return _PeopleFold(db, STORE, TYPES).batch


class _PeopleFold(FactFold):
    def wrote(self, new: Sequence[Row], changed: Sequence[Row]) -> None:
        for row in changed:
            for table in ("people_identifiers", "people_births"):
                self._db.execute(f"DELETE FROM {table} WHERE subject = ? AND fact = ?", (row.subject, row.fact))
        for row in (*changed, *new):
            if row.kind == "assert" and row.current_to == FOREVER:
                self._index(row)

    def _index(self, row: Row) -> None:
        stored = row.payload
        if not row.is_new:
            (stored,) = self._db.execute(_PAYLOAD, (row.subject, row.sort, row.fact, row.at)).fetchone()
        payload = orjson.loads(stored)
        for identifier in payload.get("identifiers", ()):
            if identifier.get("system") and identifier.get("value"):
                values = (identifier["system"], identifier["value"], row.subject, row.fact)
                self._db.execute(_IDENTIFIER, values)
        names = " ".join(sorted(set(name_words(payload))))
        self._db.execute(_BIRTH, (row.subject, row.fact, payload.get("birth_date", ""), names))


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
