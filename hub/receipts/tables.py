"""The tables of receipts.sqlite.

Small rows in the order in which they come: nothing that one message writes lies on random pages.

Rows of `receipt_keys` and `owned` never move and are never deleted: SQLite copies cells when it balances a tree, and
secure_delete does not overwrite what such a copy left behind. They come one after the other by row id behind a few
rows that make the tree high enough at once, and what has to go is overwritten where it stands.
"""

from __future__ import annotations

import apsw

STORED_FORMAT = 2
_FILLERS = 8

_TABLES = """
-- from which number on which key gives receipts their ids (see names.py), and in which epoch of the log it was made
CREATE TABLE name_keys(first INTEGER PRIMARY KEY, epoch TEXT NOT NULL, key BLOB NOT NULL);

-- file name and options as the sender gave them lie sealed in head, which every part of the receipt opens
CREATE TABLE receipts(
  number INTEGER PRIMARY KEY, agency TEXT NOT NULL, system TEXT NOT NULL, adapter TEXT NOT NULL,
  received_us INTEGER NOT NULL, size_bytes INTEGER NOT NULL, head BLOB);

-- the key of what arrived, under the intake key of its day; zeros once the receipt was parted
CREATE TABLE receipt_keys(number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);

-- what arrived, sealed, until it was parted; NULL for what lies in a file of its own
CREATE TABLE arrived(number INTEGER PRIMARY KEY, body BLOB);

-- the parts of the messages first, first + 1, ... of a receipt (see parts.py); seq names their row of owned, and
-- several the rows of it for parts that are about several records: {how-manieth: seq}
CREATE TABLE parts(
  receipt INTEGER NOT NULL, first INTEGER NOT NULL, seq INTEGER NOT NULL, several TEXT, sizes BLOB NOT NULL,
  heading BLOB, content BLOB NOT NULL, PRIMARY KEY(receipt, first)) WITHOUT ROWID;

-- whose those parts are, and the tokens of their senders' ids; for one part about several records (at) their owners
CREATE TABLE owned(
  seq INTEGER PRIMARY KEY, receipt INTEGER NOT NULL, first INTEGER NOT NULL, at INTEGER,
  owners BLOB NOT NULL, tokens BLOB NOT NULL);

-- subjects whose parts were dropped: a part that comes after that is a hole at once
CREATE TABLE dropped(subject BLOB PRIMARY KEY) WITHOUT ROWID;

-- receipts whose messages do not all have their outcome yet: what the start-up sweep finishes
CREATE TABLE unfinished(receipt INTEGER PRIMARY KEY);

-- outcomes of the messages first, first + 1, ... of a receipt, as hub.receipts.documents writes them
CREATE TABLE outcomes(
  receipt INTEGER NOT NULL, first INTEGER NOT NULL, messages INTEGER NOT NULL, accepted INTEGER NOT NULL,
  findings INTEGER NOT NULL, not_mapped INTEGER NOT NULL, quarantined INTEGER NOT NULL, events INTEGER NOT NULL,
  duplicates INTEGER NOT NULL, with_findings INTEGER NOT NULL, document BLOB NOT NULL, event_ids BLOB NOT NULL,
  PRIMARY KEY(receipt, first)) WITHOUT ROWID;

-- newer outcomes of single messages: they stand for those in `outcomes`
CREATE TABLE retried(
  receipt INTEGER NOT NULL, place TEXT NOT NULL, document BLOB NOT NULL, event_ids BLOB NOT NULL,
  PRIMARY KEY(receipt, place)) WITHOUT ROWID;

-- what newer outcomes change in the sums of a receipt
CREATE TABLE changed(
  receipt INTEGER PRIMARY KEY, messages INTEGER NOT NULL, accepted INTEGER NOT NULL, findings INTEGER NOT NULL,
  not_mapped INTEGER NOT NULL, quarantined INTEGER NOT NULL, events INTEGER NOT NULL, duplicates INTEGER NOT NULL,
  with_findings INTEGER NOT NULL);

CREATE TABLE quarantine(
  number INTEGER PRIMARY KEY, receipt INTEGER NOT NULL, at INTEGER NOT NULL, place TEXT NOT NULL, code TEXT NOT NULL,
  field TEXT NOT NULL, detail TEXT NOT NULL, findings INTEGER NOT NULL, state TEXT NOT NULL, noted_us INTEGER NOT NULL,
  UNIQUE(receipt, place));

-- sums per day of receipt; accepted holds those with findings too
CREATE TABLE days(
  agency TEXT NOT NULL, system TEXT NOT NULL, day TEXT NOT NULL, receipts INTEGER NOT NULL, accepted INTEGER NOT NULL,
  with_findings INTEGER NOT NULL, not_mapped INTEGER NOT NULL, quarantined INTEGER NOT NULL, last_us INTEGER NOT NULL,
  PRIMARY KEY(agency, system, day)) WITHOUT ROWID;
"""


def make_tables(db: apsw.Connection) -> None:
    db.execute(_TABLES)
    filler = bytes(4_000)
    for number in range(-_FILLERS, 0):
        db.execute("INSERT INTO receipt_keys VALUES(?, ?)", (number, filler))
        db.execute("INSERT INTO owned VALUES(?, 0, 0, NULL, ?, x'')", (number, filler))
