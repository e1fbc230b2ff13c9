"""What the log is told of a run, and whether it was told already."""

from __future__ import annotations

import sqlite3
from typing import Any

from events.errors import TryAgainLater
from events.log.sqlite import PARTITION
from hub.erasure.runs import Run
from hub.erasurelist import Listed
from projections.custody import queries as custody


def event_of(run: Run, listed: Listed) -> tuple[str, dict[str, Any]]:
    """What the log is told of a run: type and payload."""
    payload: dict[str, Any] = {
        "subject": run.subject,
        "key_ids": list(run.key_ids),
        "ground": run.ground,
        "counts": {"listed": listed.number},
    }
    if run.reference is not None:
        payload["reference"] = run.reference
    if run.retention is not None:
        return "hub.class-shredded", {**payload, "retention_class": run.retention}
    if run.offset is not None:
        del payload["key_ids"]  # those of the raw parts: what the log holds goes on under the others
        return "hub.body-removed", {**payload, "positions": [f"{PARTITION}:{run.offset}"]}
    return "hub.subject-erased", payload


def told_at(db: sqlite3.Connection, run: Run) -> int | None:
    """The offset at which the log tells of a run already."""
    if run.offset is not None:
        return custody.removed_by(db, run.subject_bytes, run.offset)
    if run.retention is not None:
        shredded = custody.shredded_at(db, run.subject_bytes, run.retention)
        return shredded.at if shredded is not None and shredded.known_us >= run.begun_us else None
    erased = custody.erased(db, run.subject_bytes)
    return erased.at if erased is not None else None


def views_behind() -> TryAgainLater:
    return TryAgainLater(
        "erasure-waits",
        "another process still reads an old state of the home's files, and with it what is to go",
        where="home",
        next_step="Ask again in a moment: what is done stays done. The next start of the hub finishes it too.",
    )
