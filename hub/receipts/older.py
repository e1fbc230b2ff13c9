"""Receipts from before sealing (format 1), taken over: under the same ids, as if they had just arrived.

The sweep of the next start reads them all again: what the log has of them is known to it, each message is kept for
whom it tells of, and what nobody read for 30 days goes.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zoneinfo import ZoneInfo

import apsw
import orjson

from adapters.sdk.receipts import Arrival
from events.errors import WrongSettings
from events.log.faults import broken_file
from events.log.transaction import transaction
from hub.receipts.names import KEY_BYTES, NameKey, ReceiptNames
from hub.receipts.sealing import ReceiptKeys
from hub.receipts.store import ReceiptStore
from hub.receipts.tables import STORED_FORMAT, make_tables
from hub.sqlite import open_file

FILE = "receipts.sqlite"
_NAME_KEYS = "SELECT CAST(first AS INTEGER), CAST(epoch AS TEXT), CAST(key AS BLOB) FROM name_keys ORDER BY first"
# Cast: SQLite keeps a value of another type where somebody wrote one.
_RECEIPTS = (
    "SELECT number, CAST(sha256 AS BLOB), CAST(body AS BLOB), CAST(received_us AS INTEGER), CAST(options AS BLOB), "
    "CAST(agency AS TEXT), CAST(system AS TEXT), CAST(adapter AS TEXT), CAST(file_name AS TEXT) FROM receipts "
    "WHERE number > ? ORDER BY number LIMIT 1"
)
_GONE = (
    "SELECT min(receipt) FROM (SELECT receipt FROM outcomes UNION SELECT receipt FROM unfinished "
    "UNION SELECT receipt FROM retried UNION SELECT receipt FROM quarantine) "
    "WHERE receipt NOT IN (SELECT number FROM receipts)"
)


class _Stored(NamedTuple):
    """A receipt as the old home keeps it; its bytes lie in a file where `body` is None."""

    number: int
    sha256: bytes
    body: bytes | None
    received_us: int
    options: bytes
    whose: tuple[str, str, str]
    file_name: str | None

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> _Stored:
        number, sha256, body, received_us, options, agency, system, adapter, file_name = row
        return cls(number, sha256, body, received_us, options, (agency, system, adapter), file_name)


class _Then:
    """A clock that says when the receipt at hand came."""

    now_us = 0

    def __call__(self) -> int:
        return self.now_us


def take_over(old: Path, home: Path, keys: ReceiptKeys, zone: ZoneInfo) -> int:
    """Fills the store of a new home from an old one's folder; how many receipts.

    Raises WrongSettings `receipt-bytes-missing` where a receipt that outcomes name, or the file of one, is gone,
    `receipt-damaged` where one is not as it arrived, `broken-file` where nothing leads to their ids.
    """
    with closing(apsw.Connection(str(old / FILE), flags=apsw.SQLITE_OPEN_READONLY)) as source:
        named: list[Any] = source.execute(_NAME_KEYS).fetchall()
        names = _names(named)
        gone: Any = source.execute(_GONE).get
        if gone is not None:
            raise _missing("outcomes are known of this receipt, and it is gone itself", names.name_of(gone))
        with closing(open_file(home / FILE, STORED_FORMAT, make_tables)) as db, transaction(db):
            db.executemany("INSERT INTO name_keys VALUES(?, ?, ?)", named)
        then, many, number = _Then(), 0, 0
        with closing(ReceiptStore(home, clock=then, keys=keys, epoch=named[-1][1], zone=zone)) as store:
            while row := source.execute(_RECEIPTS, (number,)).fetchone():
                stored = _Stored.of(row)
                number, then.now_us = stored.number, stored.received_us
                _bring(store, stored, old / "receipts" / names.name_of(number))
                many += 1
    return many


def _names(named: list[Any]) -> ReceiptNames:
    if not named or any(len(key) != KEY_BYTES for _, _, key in named):
        raise broken_file(FILE)
    return ReceiptNames([NameKey(first, key) for first, _, key in named])


def _bring(store: ReceiptStore, stored: _Stored, path: Path) -> None:
    """`path`: where its bytes lie if not in the row; named after the receipt."""
    try:
        arrival = Arrival(*stored.whose, stored.file_name, orjson.loads(stored.options))
    except orjson.JSONDecodeError as error:
        raise _damaged(path.name) from error
    if stored.body is not None:
        if hashlib.sha256(stored.body).digest() != stored.sha256:
            raise _damaged(path.name)
        store.bring(stored.number, arrival, stored.body)
        return
    try:
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise _missing("the file with the bytes of this receipt is gone", path.name) from error
    with raw:
        store.bring(stored.number, arrival, _unchanged(raw, stored.sha256))


def _unchanged(raw: BinaryIO, sha256: bytes) -> BinaryIO:
    """The file, at its beginning again. Raises WrongSettings `receipt-damaged`."""
    if hashlib.file_digest(raw, "sha256").digest() != sha256:  # type: ignore[arg-type]  # typeshed wants more of it
        raise _damaged(Path(str(raw.name)).name)
    raw.seek(0)
    return raw


_NEXT_STEP = "Restore the old home from a backup, then write that anew."


def _missing(what: str, receipt: str) -> WrongSettings:
    return WrongSettings("receipt-bytes-missing", what, where=f"receipt {receipt}", next_step=_NEXT_STEP)


def _damaged(receipt: str) -> WrongSettings:
    return WrongSettings(
        "receipt-damaged",
        "what is kept of this receipt is not what arrived",
        where=f"receipt {receipt}",
        next_step=_NEXT_STEP,
    )
