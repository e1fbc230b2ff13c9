"""Checks the log from its stored bytes: every leaf, no gap, known times strictly rising."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from events.codec import Sealed, StoredRow, leaf_hash, read_header
from events.log.port import Log, page
from events.log.sqlite import PARTITION

_PAGE = 5_000


def verify(log: Log, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """{verified, events, first_bad, fault}: the first position that does not hold, and what is wrong with it."""
    end = log.head()[PARTITION]
    known_us, expected = -1, 0
    for row in _rows(log, end):
        fault = _fault(row, expected, known_us)
        if fault is not None:
            where = f"{log.epoch}:{PARTITION}:{min(row.offset, expected)}"
            return {"verified": False, "events": expected, "first_bad": where, "fault": fault}
        known_us, expected = row.known_us, row.offset + 1
        if expected % _PAGE == 0:
            progress(expected, end)
    progress(end, end)
    whole = expected == end
    missing = None if whole else f"{log.epoch}:{PARTITION}:{expected}"
    return {"verified": whole, "events": expected, "first_bad": missing, "fault": None if whole else "log-gap"}


def _rows(log: Log, end: int) -> Iterator[StoredRow]:
    at = 0
    while at < end:
        rows = page(log.read(PARTITION, at, min(_PAGE, end - at)))  # not what is appended meanwhile
        if not rows:
            return
        yield from rows
        at = rows[-1].offset + 1


def _fault(row: StoredRow, expected: int, known_us: int) -> str | None:
    if row.offset != expected:
        return "log-gap"
    if not all(isinstance(part, bytes) for part in (row.header, row.nonce, row.body, row.leaf)):
        return "broken-row"  # SQLite keeps whatever type somebody wrote
    if row.known_us <= known_us:
        return "known-time-not-rising"
    if leaf_hash(row.offset, row.known_us, Sealed(row.header, row.nonce, row.body)) != row.leaf:
        return "leaf-differs"
    return None if read_header(row.header) is not None else "broken-row"
