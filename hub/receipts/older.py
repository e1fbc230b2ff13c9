"""Receipts from before sealing (format 1), taken over: under the same ids, as if they had just arrived.

The sweep of the next start reads them all again: what the log has of them is known to it, each message is kept for
whom it tells of, and what nobody read for 30 days goes.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import orjson

from adapters.sdk.receipts import Arrival
from events.errors import WrongSettings
from events.log.transaction import transaction
from hub.receipts.names import NameKey, ReceiptNames
from hub.receipts.sealing import ReceiptKeys
from hub.receipts.store import ReceiptStore
from hub.receipts.tables import STORED_FORMAT, make_tables
from hub.sqlite import open_file

_FILE = "receipts.sqlite"
_NAME_KEYS = "SELECT first, epoch, key FROM name_keys ORDER BY first"
_RECEIPTS = (
    "SELECT number, agency, system, adapter, file_name, options, received_us, body FROM receipts "
    "WHERE number > ? ORDER BY number LIMIT 1"
)


class _Then:
    """A clock that says when the receipt at hand came."""

    now_us = 0

    def __call__(self) -> int:
        return self.now_us


def take_over(old: Path, home: Path, keys: ReceiptKeys, zone: ZoneInfo) -> int:
    """Fills the store of a new home from an old one's folder; how many receipts.

    Raises WrongSettings `receipt-bytes-missing` where the file of one is gone.
    """
    with closing(apsw.Connection(str(old / _FILE), flags=apsw.SQLITE_OPEN_READONLY)) as source:
        named: list[Any] = source.execute(_NAME_KEYS).fetchall()
        names = ReceiptNames([NameKey(first, key) for first, _, key in named])
        with closing(open_file(home / _FILE, STORED_FORMAT, make_tables)) as db, transaction(db):
            db.executemany("INSERT INTO name_keys VALUES(?, ?, ?)", named)
        then, many, number = _Then(), 0, 0
        epoch = named[-1][1] if named else ""
        with closing(ReceiptStore(home, clock=then, keys=keys, epoch=epoch, zone=zone)) as store:
            while row := source.execute(_RECEIPTS, (number,)).fetchone():
                number, *arrival, then.now_us, body = _typed(row)
                _bring(store, number, Arrival(*arrival), body, old / "receipts" / names.name_of(number))
                many += 1
    return many


def _typed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    number, agency, system, adapter, file_name, options, received_us, body = row
    return number, agency, system, adapter, file_name, orjson.loads(options), received_us, body


def _bring(store: ReceiptStore, number: int, arrival: Arrival, body: bytes | None, path: Path) -> None:
    if body is not None:
        store.bring(number, arrival, body)
        return
    try:
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise WrongSettings(
            "receipt-bytes-missing",
            "the file with the bytes of this receipt is gone",
            where=f"receipt {path.name}",
            next_step="Restore the old home's folder `receipts` from a backup, then write it anew.",
        ) from error
    with raw:
        store.bring(number, arrival, raw)
