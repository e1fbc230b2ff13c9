"""Receipts whose events are not in the log that stands beside them: they are translated again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw

from adapters.sdk.outcome import MessageOutcome
from events.codec import Sealed, header_id, leaf_hash
from events.log import file
from events.log.transaction import transaction
from hub.receipts.documents import decode

_ROW = (
    "SELECT known_us, header, nonce, body, leaf, EXISTS(SELECT 1 FROM removed r WHERE r.position = l.position) "
    "FROM log l WHERE position = ?"
)


def reopen_lost(receipts: Path, log: Path) -> int:
    """Gives receipts back to the start-up sweep whose outcomes name events that a log does not hold; how many.

    An event is held where the row at its position has its id and the leaf of its bytes. For files that nobody has open.
    """
    told, rows = apsw.Connection(str(receipts)), file.connect(log, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        lost = {receipt for receipt, outcomes in _outcomes(told) if not all(_is_held(rows, each) for each in outcomes)}
        with transaction(told):
            told.executemany("INSERT OR IGNORE INTO unfinished VALUES(?)", [(each,) for each in sorted(lost)])
        return len(lost)
    finally:
        rows.close()
        told.close()


def _outcomes(db: apsw.Connection) -> Iterator[tuple[int, list[MessageOutcome]]]:
    for table in ("outcomes", "retried"):
        for receipt, document, event_ids in db.execute(f"SELECT receipt, document, event_ids FROM {table}"):
            yield receipt, decode(document, event_ids)


def _is_held(db: apsw.Connection, outcome: MessageOutcome) -> bool:
    return all(_has(db, int(each.position.rpartition(":")[2]), bytes.fromhex(each.id)) for each in outcome.events)


def _has(db: apsw.Connection, offset: int, event_id: bytes) -> bool:
    row = db.execute(_ROW, (offset,)).fetchone()
    if row is None or header_id(row[1]) != event_id:
        return False
    known_us, header, nonce, body, leaf, is_removed = row
    # What a redaction took away has its leaf still, and nothing to work it out from.
    return bool(is_removed) or leaf_hash(offset, known_us, Sealed(header, nonce, body)) == leaf
