"""Tables of the sources view: how each agency's systems are doing."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

days = Table(
    "sources_days",
    metadata,
    Column("source", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # UTC day of the known time
    Column("events", Integer, nullable=False),
    Column("findings", Integer, nullable=False),
    Column("last_known_us", Integer, nullable=False),
    sqlite_with_rowid=False,
)

senders = Table(
    "sources_sender_ids",  # a sender's message ids, as digests; one that came with other bytes is shared
    metadata,
    Column("source", Text, primary_key=True),
    Column("sender_id", LargeBinary, primary_key=True),
    Column("rawhash", LargeBinary, nullable=False),
    Column("is_shared", Integer, nullable=False),
    sqlite_with_rowid=False,
)

sequences = Table(
    "sources_sequences",  # gaps in the CloudEvents `sequence` of a source: ranges that have not come
    metadata,
    Column("source", Text, primary_key=True),
    Column("highest", Integer, nullable=False),
    Column("missing", Text, nullable=False),  # JSON list of [first, last]
    sqlite_with_rowid=False,
)
