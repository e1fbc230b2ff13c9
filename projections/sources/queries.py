"""Reading how the sources are doing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

_MISSING_MAX = 1_000
_RANGES = "SELECT source, first, last FROM sources_ranges ORDER BY source, first"


class SourceState(NamedTuple):
    """A source over all days; `missing` are ranges of its sequence that have not come, at most a thousand."""

    source: str
    events: int
    findings: int
    shared_sender_ids: int
    missing: tuple[tuple[int, int], ...]


def has_sent(db: sqlite3.Connection, agency: str) -> bool:
    """Whether the hub holds an event of any system of an agency."""
    first, end = f"urn:tellonce:source:{agency}:", f"urn:tellonce:source:{agency};"  # `;` comes right after `:`
    row = db.execute("SELECT 1 FROM sources_sums WHERE source >= ? AND source < ? LIMIT 1", (first, end))
    return row.fetchone() is not None


def states(db: sqlite3.Connection) -> list[SourceState]:
    """All sources of which the hub holds something, by name."""
    sums = db.execute("SELECT source, events, findings FROM sources_sums ORDER BY source").fetchall()
    shared = dict(db.execute("SELECT source, count(*) FROM sources_shared GROUP BY source"))
    missing = _missing(db.execute(_RANGES))
    return [
        SourceState(source, events, findings, shared.get(source, 0), tuple(missing.get(source, ())))
        for source, events, findings in sums
    ]


def _missing(ranges: Iterable[tuple[str, int, int]]) -> dict[str, list[tuple[int, int]]]:
    """Between neighbouring ranges of numbers that came, those that did not."""
    gaps: dict[str, list[tuple[int, int]]] = {}
    before: tuple[str, int] | None = None
    for source, first, last in ranges:
        if before is not None and before[0] == source and len(gaps.setdefault(source, [])) < _MISSING_MAX:
            gaps[source].append((before[1] + 1, first - 1))
        before = source, last
    return gaps
