"""The sources view: what came from each source by day, shared message ids, and gaps in sequences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy import MetaData

from events.clock import from_us
from events.envelope import Logged
from events.log.bulk import insert_rows
from projections.engine.projection import Connection, Folder
from projections.sources import tables

_DAY_US = 86_400 * 1_000_000
_DAYS = (
    "INSERT INTO sources_days VALUES(?, ?, ?, ?, ?) ON CONFLICT(source, day) DO UPDATE SET "
    "events = events + excluded.events, findings = findings + excluded.findings, "
    "last_known_us = max(last_known_us, excluded.last_known_us)"
)
_SENDER = "INSERT INTO sources_sender_ids VALUES"
_IF_KNOWN = (
    " ON CONFLICT(source, sender_id) DO UPDATE SET is_shared = 1 "
    "WHERE rawhash <> excluded.rawhash OR excluded.is_shared"
)
_MISSING_MAX = 1_000
_RAW_DIGITS = 24


class SourcesProjection:
    """The view `sources`."""

    name = "sources"
    version = 2
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return _Fold(db).batch


class _Fold:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def batch(self, batch: Sequence[Logged]) -> None:
        days: dict[tuple[str, int], list[int]] = {}
        senders: dict[tuple[str, str], tuple[str, bool]] = {}  # the first raw hash, and whether another came
        for logged in batch:
            attributes = logged.event.attributes
            source = attributes["source"]
            day = days.setdefault((source, logged.known_us // _DAY_US), [0, 0, 0])
            day[0] += 1
            day[1] += len(attributes.get("findings", ()))
            day[2] = logged.known_us
            sender_id = attributes.get("senderid")
            if sender_id is not None:
                raw = attributes["rawhash"][:_RAW_DIGITS]
                first, is_shared = senders.setdefault((source, sender_id), (raw, False))
                senders[source, sender_id] = first, is_shared or first != raw
            if "sequence" in attributes:
                self._sequence(source, str(attributes["sequence"]))
        self._db.executemany(_DAYS, [(source, _day_text(day), *sums) for (source, day), sums in sorted(days.items())])
        insert_rows(self._db, _SENDER, sorted(_sender_row(*key, *said) for key, said in senders.items()), _IF_KNOWN)

    def _sequence(self, source: str, text: str) -> None:
        """Notes a number of a source's sequence; not all sequences are numbers (CloudEvents leaves it open)."""
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            return
        number = int(text)
        row = self._db.execute("SELECT highest, missing FROM sources_sequences WHERE source = ?", (source,)).fetchone()
        highest, missing = (row[0], json.loads(row[1])) if row is not None else (number, [])
        if number > highest + 1 and len(missing) < _MISSING_MAX:
            missing.append([highest + 1, number - 1])
        elif number < highest:
            missing = [part for gap in missing for part in _without(gap, number)]
        self._db.execute(
            "INSERT OR REPLACE INTO sources_sequences VALUES(?, ?, ?)",
            (source, max(highest, number), json.dumps(missing)),
        )


def _without(gap: list[int], number: int) -> list[list[int]]:
    first, last = gap
    if not first <= number <= last:
        return [gap]
    return [part for part in ([first, number - 1], [number + 1, last]) if part[0] <= part[1]]


def _sender_row(source: str, sender_id: str, raw: str, is_shared: bool) -> tuple[str, bytes, bytes, int]:
    return source, hashlib.sha256(sender_id.encode()).digest()[:12], bytes.fromhex(raw), int(is_shared)


def _day_text(day: int) -> str:
    return from_us(day * _DAY_US).date().isoformat()
