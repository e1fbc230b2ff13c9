"""Tables of facts that stand by the laws; a view that keeps facts has a set of its own, named by its prefix.

`<prefix>_entries` holds one row for each thing said of a fact: its versions, and the withdrawals and voids that end
them. It is clustered for reading one record's chronology; known times are microseconds since 1970, days yyyymmdd.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

from projections.engine.projection import FOREVER

# Of `<prefix>_entries`: what stands now, and what stood at a known time, which is given once for each `?`.
STANDS = f"current_to = {FOREVER}"
STOOD = (
    "known_us <= ? AND is_hidden = 0 AND (current_from <= ? AND current_to > ? OR earlier IS NOT NULL AND "
    "EXISTS (SELECT 1 FROM json_each(earlier) WHERE json_extract(value, '$[0]') <= ? "
    "AND json_extract(value, '$[1]') > ?))"
)


@dataclass(frozen=True)
class FactTables:
    """The four tables of one view."""

    entries: Table
    groups: Table  # withdraw-group events
    closings: Table  # closings of full returns, part by part
    scoped: Table  # which facts ever came in a return's scope


def fact_tables(prefix: str, metadata: MetaData) -> FactTables:
    """A view's own set of tables."""
    return FactTables(
        _entries(prefix, metadata), _groups(prefix, metadata), _closings(prefix, metadata), _scoped(prefix, metadata)
    )


def _entries(prefix: str, metadata: MetaData) -> Table:
    entries = Table(
        f"{prefix}_entries",
        metadata,
        Column("subject", LargeBinary, primary_key=True),
        Column("sort", Text, primary_key=True),  # see projections/engine/occurred.py
        Column("fact", Text, primary_key=True),
        Column("at", Integer, primary_key=True),  # offset in the log
        Column("partition", Text, nullable=False),
        Column("known_us", Integer, nullable=False),
        Column("kind", Text, nullable=False),  # assert, withdraw, void
        # When it stood: from known time to known time. Earlier intervals of one that stood again: JSON pairs.
        Column("current_from", Integer),
        Column("current_to", Integer),
        Column("earlier", Text),
        Column("is_hidden", Integer, nullable=False),  # about the wrong person: in no past either
        Column("run", Text),  # see runs.py
        Column("type", Text, nullable=False),
        Column("title", Text),  # of a version, as the first one of its fact
        Column("digest", LargeBinary, nullable=False),
        Column("order", Text),
        Column("order_from", Text, nullable=False),
        Column("factgroup", Text),
        Column("returnscope", Text),
        Column("is_wrong_person", Integer, nullable=False),
        Column("day_from", Integer),
        Column("day_to", Integer),
        Column("time", Text),
        Column("recorded", Text),
        Column("factref", LargeBinary, nullable=False),
        Column("event_id", LargeBinary, nullable=False),
        Column("findings", Text),  # JSON list
        Column("payload", LargeBinary, nullable=False),  # canonical JSON
        sqlite_with_rowid=False,
    )
    Index(f"{prefix}_by_fact", entries.c.subject, entries.c.fact)
    return entries


def _groups(prefix: str, metadata: MetaData) -> Table:
    return Table(
        f"{prefix}_groups",
        metadata,
        Column("subject", LargeBinary, primary_key=True),
        Column("factgroup", Text, primary_key=True),
        Column("at", Integer, primary_key=True),
        Column("known_us", Integer, nullable=False),
        Column("order", Text),
        Column("is_wrong_person", Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _closings(prefix: str, metadata: MetaData) -> Table:
    return Table(
        f"{prefix}_closings",
        metadata,
        Column("source", Text, primary_key=True),
        Column("scope", Text, primary_key=True),
        Column("at", Integer, primary_key=True),
        Column("known_us", Integer, nullable=False),
        Column("order", Text),
        Column("is_incremental", Integer, nullable=False),
        Column("low", LargeBinary, nullable=False),  # decides about fact tokens from here
        Column("high", LargeBinary),  # up to here, not included; null: to the end
        Column("tokens", LargeBinary, nullable=False),  # those it names, 16 bytes each, rising
        sqlite_with_rowid=False,
    )


def _scoped(prefix: str, metadata: MetaData) -> Table:
    scoped = Table(
        f"{prefix}_scoped",
        metadata,
        Column("source", Text, primary_key=True),
        Column("scope", Text, primary_key=True),
        Column("subject", LargeBinary, primary_key=True),
        Column("fact", Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    Index(f"{prefix}_scoped_of", scoped.c.subject)
    return scoped
