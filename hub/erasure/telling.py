"""What the log is told of a run, and whether it was told already."""

from __future__ import annotations

import sqlite3
from typing import Any

from events.codec import Sealed, leaf_hash
from events.errors import Refused, TryAgainLater
from events.ledger import includes
from events.log.sqlite import PARTITION, SqliteLog
from hub.erasure.runs import Run
from hub.erasurelist import Line
from hub.ledger.removals import repeated
from projections.custody import queries as custody


def event_of(run: Run, listed: Line) -> tuple[str, dict[str, Any]]:
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
        rows = {} if run.row is None else {"rows": [dict(run.row)]}
        return "hub.body-removed", {**payload, "positions": [f"{PARTITION}:{run.offset}"], **rows}
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


def row_to_repeat(log: SqliteLog, offset: int) -> dict[str, Any]:
    """What the redaction of an event repeats of its row, which the tree holds until then.

    Raises Refused `row-changed` where it does not: what was changed must not be told again as true.
    """
    signed = log.checkpoint().checkpoint
    (row,) = log.read(PARTITION, offset, 1)
    leaf = leaf_hash(offset, row.known_us, Sealed(row.header, row.nonce, row.body))
    if not includes(leaf, offset, signed.size, log.tree().inclusion(offset, signed.size), signed.root):
        raise Refused(
            "row-changed",
            "the row of this event is not the one that the log's tree holds: it was changed or damaged",
            where="position",
            next_step="Keep the file as it is, run `tellonce log verify`, and redact in a backup that verifies.",
        )
    return repeated(row)


def views_behind() -> TryAgainLater:
    return TryAgainLater(
        "erasure-waits",
        "another process still reads an old state of the home's files, and with it what is to go",
        where="home",
        next_step="Ask again in a moment: what is done stays done. The next start of the hub finishes it too.",
    )
