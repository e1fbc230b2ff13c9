"""Reading how the sources are doing."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple


class SourceDay(NamedTuple):
    """One source on one UTC day."""

    source: str
    day: str
    events: int
    findings: int
    last_known_us: int


class SourceState(NamedTuple):
    """A source over all days; `missing` are ranges of its sequence that have not come."""

    source: str
    events: int
    findings: int
    last_known_us: int
    shared_sender_ids: int
    missing: tuple[tuple[int, int], ...]


def days_of(db: sqlite3.Connection, source: str, since: str) -> list[SourceDay]:
    """From a day (YYYY-MM-DD) on, newest first."""
    found = db.execute("SELECT * FROM sources_days WHERE source = ? AND day >= ? ORDER BY day DESC", (source, since))
    return [SourceDay(*row) for row in found]


def has_sent(db: sqlite3.Connection, agency: str) -> bool:
    """Whether any system of an agency ever sent an event."""
    first, end = f"urn:tellonce:source:{agency}:", f"urn:tellonce:source:{agency};"  # `;` comes right after `:`
    row = db.execute("SELECT 1 FROM sources_days WHERE source >= ? AND source < ? LIMIT 1", (first, end))
    return row.fetchone() is not None


def states(db: sqlite3.Connection) -> list[SourceState]:
    """All sources that ever sent something, by name."""
    sums = db.execute(
        "SELECT source, sum(events), sum(findings), max(last_known_us) FROM sources_days "
        "GROUP BY source ORDER BY source"
    ).fetchall()
    shared = dict(db.execute("SELECT source, count(*) FROM sources_sender_ids WHERE is_shared = 1 GROUP BY source"))
    missing = {
        source: tuple((first, last) for first, last in json.loads(text))
        for source, text in db.execute("SELECT source, missing FROM sources_sequences")
    }
    return [
        SourceState(source, events, findings, last_us, shared.get(source, 0), missing.get(source, ()))
        for source, events, findings, last_us in sums
    ]
