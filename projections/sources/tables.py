"""Tables of the sources view: how each agency's systems are doing.

What is counted is kept by record, so that a record that is gone can be counted out again.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

sums = Table(
    "sources_sums",
    metadata,
    Column("source", Text, primary_key=True),
    Column("events", Integer, nullable=False),
    Column("findings", Integer, nullable=False),
    sqlite_with_rowid=False,
)

said = Table(
    "sources_said",  # one row an event
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("message", LargeBinary, primary_key=True),  # salted digest of the sender's message id; empty if none
    Column("raw", LargeBinary, primary_key=True),  # from the digest of the message as it came
    Column("at", Integer, primary_key=True),  # offset in the log
    Column("source", Text, nullable=False),
    Column("retention", Text, nullable=False),  # class; empty for what the hub itself said
    Column("findings", Integer, nullable=False),
    sqlite_with_rowid=False,
)

shared = Table(
    "sources_shared",  # a sender's message ids that came with different bytes about the same record
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("message", LargeBinary, primary_key=True),
    Column("source", Text, nullable=False),
    sqlite_with_rowid=False,
)

numbers = Table(
    "sources_numbers",  # of the CloudEvents `sequence` of a source
    metadata,
    Column("source", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Integer, primary_key=True),
    Column("subject", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
Index("sources_numbers_of", numbers.c.subject)

ranges = Table(
    "sources_ranges",  # neighbouring numbers that came, first to last
    metadata,
    Column("source", Text, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    sqlite_with_rowid=False,
)
