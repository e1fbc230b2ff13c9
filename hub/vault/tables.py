"""Tables of `keys.sqlite` (docs/stored-bytes.md).

Rows of `secrets`, `agency_keys` and `partners` never move and are never deleted: SQLite copies cells when it balances a
tree, and secure_delete does not overwrite what such a copy left behind (one of 3,000 deleted secrets was still in the
file). They come one after the other by row id, and what is destroyed or wrapped anew is overwritten where it stands.
"""

from __future__ import annotations

import apsw

from events.sealing import WRAPPED_BYTES

STORED_FORMAT = 3  # 2 was that of no release: look-ups that were not bound, no MACs
EMPTY = bytes(WRAPPED_BYTES)  # in place of a secret that was destroyed
KEYS_KEPT_DAYS = 30  # so long a backup of keys may be kept: an erasure is final when the last one with its keys is gone
FIRST_GENERATION = 1_000  # of an agency's keys; up to 32,767 all take two bytes, so that a row keeps its size

# A secret as it is read: somebody may have written a value of another type, and SQLite keeps it so.
STORED_ROW = (
    "CAST(k.agency AS BLOB), CAST(k.subject AS BLOB), CAST(k.class AS BLOB), CAST(k.key_id AS BLOB), "
    "CAST(k.generation AS INTEGER), CAST(k.wrapped AS BLOB)"
)

_TABLES = (
    "CREATE TABLE hub_keys(name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE agency_keys(seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, generation INTEGER NOT NULL, "
    "wrapped BLOB NOT NULL, UNIQUE(agency, generation))",
    "CREATE TABLE subjects(lookup BLOB PRIMARY KEY, subject BLOB NOT NULL UNIQUE, mac BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE secrets(seq INTEGER PRIMARY KEY, agency TEXT NOT NULL, subject BLOB NOT NULL, class TEXT NOT NULL, "
    "key_id BLOB NOT NULL, generation INTEGER NOT NULL, wrapped BLOB NOT NULL)",
    "CREATE INDEX secrets_by_subject ON secrets(subject)",
    "CREATE TABLE destroyed(seq INTEGER PRIMARY KEY, key_id BLOB NOT NULL UNIQUE, agency TEXT NOT NULL, "
    "subject BLOB NOT NULL, class TEXT NOT NULL, at_us INTEGER NOT NULL)",
    "CREATE INDEX destroyed_by_subject ON destroyed(subject)",
    "CREATE TABLE partners(ref INTEGER PRIMARY KEY, subject BLOB NOT NULL, key_id BLOB NOT NULL)",
    "CREATE TABLE suppressed(token BLOB PRIMARY KEY, at_us INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE intake_keys(day TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE backups(at_us INTEGER PRIMARY KEY)",
    "CREATE TABLE noted_checkpoints(origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) WITHOUT ROWID",
)


def make_tables(db: apsw.Connection) -> None:
    for statement in _TABLES:
        db.execute(statement)


def text_of(stored: bytes) -> str:
    """A name as it was stored; what is no text is no name that anybody has."""
    return stored.decode("utf-8", "replace")
