"""Tables of the custody view. Times are known times in microseconds since 1970."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

restricted = Table(
    "custody_restricted",  # records that nobody may read for now, through the past too
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("since_us", Integer, nullable=False),
    Column("ground", Text, nullable=False),
    Column("reference", Text),
    sqlite_with_rowid=False,
)

holds = Table(
    "custody_holds",  # records that may not be erased while any hold lies on them
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("reference", Text, primary_key=True),  # the controller's own; empty if none
    Column("since_us", Integer, nullable=False),
    Column("ground", Text, nullable=False),
    Column("person", Text),  # the number of the person who is held, where it is not the record alone
    sqlite_with_rowid=False,
)

erased = Table(
    "custody_erased",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("at", Integer, nullable=False),  # offset in the log
    Column("known_us", Integer, nullable=False),
    Column("ground", Text, nullable=False),
    Column("reference", Text),
    Column("completed_us", Integer),  # null: not all is done yet
    Column("readmitted_us", Integer),  # since when the record may send again, as another subject
    sqlite_with_rowid=False,
)

shredded = Table(
    "custody_shredded",  # classes of a record that were kept long enough
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("retention", Text, primary_key=True),
    Column("at", Integer, nullable=False),  # offset in the log, of the newest
    Column("known_us", Integer, nullable=False),
    sqlite_with_rowid=False,
)

removed = Table(
    "custody_removed",  # events whose content was taken out
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("at", Integer, primary_key=True),  # the event's offset in the log
    Column("named_at", Integer, nullable=False),  # of the event that says so
    Column("known_us", Integer, nullable=False),
    Column("ground", Text, nullable=False),
    sqlite_with_rowid=False,
)
