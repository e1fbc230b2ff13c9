"""The tables of receipts.sqlite.

Small rows in the order in which they come: nothing that one message writes lies on random pages.
"""

from __future__ import annotations

import apsw

STORED_FORMAT = 1

_TABLES = """
-- from which number on which key gives receipts their ids (see names.py), and in which epoch of the log it was made
CREATE TABLE name_keys(first INTEGER PRIMARY KEY, epoch TEXT NOT NULL, key BLOB NOT NULL);

-- body is NULL for what lies in a file of its own; it stands last, so that reading the others does not read it
CREATE TABLE receipts(
  number INTEGER PRIMARY KEY, agency TEXT NOT NULL, system TEXT NOT NULL,
  adapter TEXT NOT NULL, file_name TEXT, options BLOB NOT NULL, received_us INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, body BLOB);
CREATE INDEX receipts_in_files ON receipts(number, size_bytes) WHERE body IS NULL;

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
  number INTEGER PRIMARY KEY, receipt INTEGER NOT NULL, place TEXT NOT NULL, code TEXT NOT NULL, field TEXT NOT NULL,
  detail TEXT NOT NULL, sender_id TEXT, findings INTEGER NOT NULL, state TEXT NOT NULL, noted_us INTEGER NOT NULL,
  UNIQUE(receipt, place));

-- sums per day of receipt; accepted holds those with findings too
CREATE TABLE days(
  agency TEXT NOT NULL, system TEXT NOT NULL, day TEXT NOT NULL, receipts INTEGER NOT NULL, accepted INTEGER NOT NULL,
  with_findings INTEGER NOT NULL, not_mapped INTEGER NOT NULL, quarantined INTEGER NOT NULL, last_us INTEGER NOT NULL,
  PRIMARY KEY(agency, system, day)) WITHOUT ROWID;
"""


def make_tables(db: apsw.Connection) -> None:
    db.execute(_TABLES)
