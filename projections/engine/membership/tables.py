"""Tables of membership. Each row of links and edges holds from one known time until another (µs since 1970)."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

persons = Table(
    "membership_persons",
    metadata,
    Column("person", Text, primary_key=True),
    Column("opened_us", Integer, nullable=False),
    Column("subject", LargeBinary, nullable=False),  # the record that the number was opened for
    sqlite_with_rowid=False,
)

records = Table(
    "membership_records",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("record", Text, nullable=False, unique=True),  # <agency>:<system>/<type>/<id>
    Column("person", Text, nullable=False),  # the number first opened for it
    sqlite_with_rowid=False,
)

links = Table(
    "membership_links",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("from_us", Integer, primary_key=True),
    Column("to_us", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("how", Text, nullable=False),  # opened, linked, linked-by-hand, unlinked
    Column("event_id", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
Index("membership_links_by_person", links.c.person)

edges = Table(
    "membership_edges",  # number leads to to_number: merged into it, or emptied by a link (redirect)
    metadata,
    Column("number", Text, primary_key=True),
    Column("from_us", Integer, primary_key=True),
    Column("to_us", Integer, nullable=False),
    Column("to_number", Text, nullable=False),
    Column("kind", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("membership_edges_by_target", edges.c.to_number)

progress = Table(
    "membership_progress",  # the highest position that any decision names as its cause
    metadata,
    Column("partition", Text, primary_key=True),
    Column("cause_at", Integer, nullable=False),
    sqlite_with_rowid=False,
)
