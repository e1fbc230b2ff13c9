"""Tables of membership. Each row of links and edges holds from one known time until another (µs since 1970)."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

persons = Table(
    "membership_persons",
    metadata,
    Column("person", Text, primary_key=True),
    Column("opened_us", Integer, nullable=False),
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

decisions = Table(
    "membership_decisions",  # what all the others follow from, decision by decision
    metadata,
    Column("at", Integer, primary_key=True),  # offset in the log
    Column("known_us", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # opened, linked, linked-by-hand, unlinked, merged, unmerged
    Column("subject", LargeBinary),  # the record that it is about; null of a merge
    Column("record", Text),
    Column("person", Text, nullable=False),  # the number that it goes to; of a merge, the survivor
    Column("other", Text),  # of a merge, the number absorbed
    Column("event_id", LargeBinary, nullable=False),
    Column("decided_in", Text),  # where a rule decided: partition and offset before which all was decided then
    Column("decided_to", Integer),
    sqlite_with_rowid=False,
)
Index("membership_decisions_of", decisions.c.subject)
Index("membership_decisions_on", decisions.c.person)
Index("membership_decisions_on_other", decisions.c.other, sqlite_where=decisions.c.other.is_not(None))
Index(
    "membership_decisions_up_to",
    decisions.c.decided_in,
    decisions.c.decided_to,
    sqlite_where=decisions.c.decided_to.is_not(None),
)
