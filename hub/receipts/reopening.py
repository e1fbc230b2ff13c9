"""Receipts whose events are not in the log that stands beside them: they are translated again."""

from __future__ import annotations

from pathlib import Path

import apsw

from events.log import file
from hub.receipts.journal import reopen_since

_OVERLAP_US = 3_600_000_000


def reopen_lost(receipts: Path, log: Path) -> None:
    """Gives receipts of events that a log does not hold back to the start-up sweep, in a home that nobody has open."""
    db = file.connect(log, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        last_known_us = db.execute("SELECT known_us FROM log ORDER BY position DESC LIMIT 1").get or 0
    finally:
        db.close()
    reopen_since(receipts, int(last_known_us) - _OVERLAP_US)
