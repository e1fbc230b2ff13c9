"""The sources view: what came from each source, shared message ids, and gaps in sequences.

What it says depends on which events there are, never on the order in which they came: so what is gone of a record can
be counted out. A message id is noted by record, as a digest salted with the record's random number: whoever holds a
message about two persons finds it at neither once the other is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData

from events.catalogue import TYPES
from events.envelope import Logged
from events.log.bulk import insert_rows, select_rows
from events.pairs import WHOLE
from projections.engine.projection import Connection, Folder, Gone, insert_sql
from projections.sources import ranges, tables

_SUMS = (
    "INSERT INTO sources_sums VALUES(?, ?, ?) ON CONFLICT(source) DO UPDATE SET "
    "events = events + excluded.events, findings = findings + excluded.findings"
)
_SAID = "INSERT INTO sources_said VALUES"
_RAW = "SELECT raw FROM sources_said WHERE subject = column1 AND message = column2 ORDER BY raw {} LIMIT 1"
_SHARED_NOW = f"SELECT column1, column2, column3 FROM wanted WHERE ({_RAW.format('')}) <> ({_RAW.format('DESC')})"
_SHARED = "INSERT OR IGNORE INTO sources_shared VALUES"
_STILL_SHARED = (
    "INSERT INTO sources_shared SELECT subject, message, min(source) FROM sources_said "
    "WHERE subject = ? AND message <> x'' GROUP BY message HAVING min(raw) <> max(raw)"
)
_OF_SUBJECT = "SELECT message, raw, at, source, retention, findings FROM sources_said WHERE subject = ?"
_FORGET = "DELETE FROM sources_said WHERE subject = ? AND message = ? AND raw = ? AND at = ?"
_NUMBER = insert_sql(tables.numbers)
_NUMBERS_OF = "SELECT source, number, at FROM sources_numbers WHERE subject = ?"
_HUB = "hub"
_RAW_DIGITS = 24
_NUMBER_DIGITS_MAX = 18  # the sequence is a text in CloudEvents: not all are numbers, nor all fit


class SourcesProjection:
    """The view `sources`."""

    name = "sources"
    version = 4
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return _Fold(db)


class _Fold:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def batch(self, batch: Sequence[Logged]) -> None:
        sums: dict[str, list[int]] = {}
        said: list[tuple[Any, ...]] = []
        for logged in batch:
            event = logged.event
            attributes = event.attributes
            if attributes["type"] in WHOLE:
                continue  # it goes with either of two records: it is in no count
            source = attributes["source"]
            findings = len(attributes.get("findings", ()))
            of_source = sums.setdefault(source, [0, 0])
            of_source[0] += 1
            of_source[1] += findings
            sender_id = attributes.get("senderid")
            message = raw = b""
            if sender_id is not None:
                message = _message_token(event.subject, source, sender_id)
                raw = bytes.fromhex(attributes["rawhash"][:_RAW_DIGITS])
            said.append((event.subject, message, raw, logged.offset, source, _class_of(logged), findings))
            if "sequence" in attributes:
                self._take_number(source, str(attributes["sequence"]), logged)
        self._add(sums)
        said.sort()
        insert_rows(self._db, _SAID, said)
        messages = sorted({(row[0], row[1], row[4]) for row in said if row[1]})
        insert_rows(self._db, _SHARED, list(select_rows(self._db, _SHARED_NOW, messages, 3)))

    def _add(self, sums: dict[str, list[int]]) -> None:
        self._db.executemany(_SUMS, [(source, *counts) for source, counts in sorted(sums.items())])

    def _take_number(self, source: str, text: str, logged: Logged) -> None:
        if text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX:
            number = int(text)
            self._db.execute(_NUMBER, (source, number, logged.offset, logged.event.subject))
            ranges.add(self._db, source, number)

    # ---- what is gone

    def purge(self, gone: Gone) -> Sequence[int]:
        rows = [
            row for row in self._db.execute(_OF_SUBJECT, (gone.subject,)).fetchall() if _is_gone(gone, row[2], row[4])
        ]
        if not rows:
            return ()
        sums: dict[str, list[int]] = {}
        for *_, source, _, findings in rows:
            of_source = sums.setdefault(source, [0, 0])
            of_source[0] -= 1
            of_source[1] -= findings
        self._add(sums)
        self._db.execute("DELETE FROM sources_sums WHERE events = 0")
        self._db.executemany(_FORGET, [(gone.subject, *row[:3]) for row in rows])
        self._db.execute("DELETE FROM sources_shared WHERE subject = ?", (gone.subject,))
        self._db.execute(_STILL_SHARED, (gone.subject,))
        self._forget_numbers(gone.subject, {row[2] for row in rows})
        return ()

    def _forget_numbers(self, subject: bytes, offsets: set[int]) -> None:
        for source, number, at in self._db.execute(_NUMBERS_OF, (subject,)).fetchall():
            if at in offsets:
                key = (source, number)
                self._db.execute("DELETE FROM sources_numbers WHERE source = ? AND number = ? AND at = ?", (*key, at))
                others = "SELECT 1 FROM sources_numbers WHERE source = ? AND number = ?"
                if self._db.execute(others, key).fetchone() is None:
                    ranges.remove(self._db, source, number)

    def refold(self, subject: bytes, rows: Sequence[Logged]) -> None:
        self.batch(rows)


def _class_of(logged: Logged) -> str:
    """The retention class that the event goes with; what the hub says of a record goes with the whole record."""
    kind = TYPES.get(logged.event.attributes["type"])
    return kind.retention if kind is not None and logged.event.agency != _HUB else ""


def _is_gone(gone: Gone, at: int, retention: str) -> bool:
    return gone.is_whole or at in gone.offsets or (gone.retention is not None and retention == gone.retention)


def _message_token(subject: bytes, source: str, sender_id: str) -> bytes:
    return hashlib.sha256(b"\0".join((subject, source.encode(), sender_id.encode()))).digest()[:12]
