"""Tables of the people view: registrations by the laws, and what standing ones are looked up by."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text

from projections.engine.facts.tables import fact_tables

metadata = MetaData()
facts = fact_tables("people", metadata)

identifiers = Table(
    "people_identifiers",
    metadata,
    Column("system", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True),
    Column("fact", Text, primary_key=True),
    sqlite_with_rowid=False,
)
Index("people_identifiers_of", identifiers.c.subject, identifiers.c.fact)

births = Table(
    "people_births",  # one row a standing registration; names folded for comparing, joined by blanks
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("fact", Text, primary_key=True),
    Column("born", Text, nullable=False),  # as told: YYYY, YYYY-MM or YYYY-MM-DD; empty if not told
    Column("names", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("people_births_by_day", births.c.born)
