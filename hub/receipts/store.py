"""The store of receipts: raw bytes are durable here before anything reads them.

Bytes up to 1 MiB are a row of receipts.sqlite, longer ones a file in `receipts/` beside it, written before its row.
One thread writes, in groups; reading is allowed from any thread.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import apsw
import orjson
import structlog

from adapters.sdk.outcome import MessageOutcome
from adapters.sdk.receipts import Arrival, Receipt
from events.clock import Clock, from_us
from events.errors import Refused, TryAgainLater
from hub.receipts.documents import encode, printable
from hub.receipts.files import ReceiptFiles
from hub.receipts.journal import (
    BeginReceipt,
    FinishReceipt,
    Journal,
    NoteOutcomes,
    QuarantinedMessage,
    ReplaceOutcome,
    StoreReceipt,
)
from hub.receipts.names import KEY_BYTES, NameKey, ReceiptNames
from hub.receipts.queries import (
    DayCounts,
    FoundMessage,
    QuarantineEntry,
    QuarantineState,
    ReceiptQueries,
    ReceiptStatus,
)
from hub.receipts.tables import STORED_FORMAT, make_tables
from hub.receipts.writer import GroupWriter, Waiter
from hub.sqlite import open_file, open_to_read, transaction

ROW_MAX_BYTES = 1 << 20
PAGE_MAX = 1_000
_QUARTER_US = 900_000_000
_FILE = "receipts.sqlite"
_LONDON = ZoneInfo("Europe/London")
_log = structlog.get_logger()


class ReceiptStore:
    """Receipts in a folder: `receipts.sqlite` and `receipts/`."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        epoch: str = "",
        zone: ZoneInfo = _LONDON,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`epoch` is the log's: after a restore, receipts get their ids under a new key (see names.py)."""
        self._path = folder / _FILE
        self._clock = clock
        self._db = open_file(self._path, STORED_FORMAT, make_tables)
        first: int = (self._db.execute("SELECT max(number) FROM receipts").get or 0) + 1
        self._numbers = itertools.count(first)
        self._names = ReceiptNames(_name_keys(self._db, epoch, first, random))
        self._readers = threading.local()
        self._files = ReceiptFiles(folder / "receipts")
        self.missing: tuple[str, ...] = self._compare_files()
        self._writer = GroupWriter(_FILE, Journal(self._db, self._names, _days_in(zone)).commit)

    def _compare_files(self) -> tuple[str, ...]:
        """Removes files that no row names, left by a crash; ids of the receipts whose file is gone or cut short."""
        filed = ReceiptQueries(self._db, self._names).in_files()
        for name in set(self._files.names()) - {name for name, _ in filed}:
            self._files.remove(name)
            _log.info("receipt_file_without_row_removed", receipt=name)
        missing = tuple(name for name, size in filed if self._files.size_bytes(name) != size)
        for name in missing:
            _log.error("receipt_bytes_missing", receipt=name)
        return missing

    # ---- what intake asks for

    def store(self, arrival: Arrival, raw: bytes | BinaryIO) -> Receipt:
        """Durable when it returns. Raises TryAgainLater (`disk-full`, `disk-error`) when nothing was kept."""
        head = raw if isinstance(raw, bytes) else _read_up_to(raw, ROW_MAX_BYTES + 1)
        if len(head) <= ROW_MAX_BYTES:
            (stored,) = self.submit([(arrival, head)])
            return stored()
        number = self._next_number()
        name = self._names.name_of(number)
        size_bytes, sha256 = self._files.write(name, head, io.BytesIO() if isinstance(raw, bytes) else raw)
        job = self._job(number, arrival, None, size_bytes, sha256)
        try:
            self._writer.submit(job)
            return job.stored()
        except BaseException:
            self._files.remove(name)
            raise

    def submit(self, arrivals: Sequence[tuple[Arrival, bytes]]) -> list[Callable[[], Receipt]]:
        """The same for many that each fit a row, without waiting: what is given back for each waits, and raises."""
        jobs = [
            self._job(self._next_number(), arrival, raw, len(raw), hashlib.sha256(raw).digest())
            for arrival, raw in arrivals
        ]
        self._writer.submit(*jobs)
        return [job.stored for job in jobs]

    def _next_number(self) -> int:
        number = next(self._numbers)
        while not self._names.is_clear(number):
            number = next(self._numbers)
        return number

    def _job(self, number: int, arrival: Arrival, body: bytes | None, size_bytes: int, sha256: bytes) -> StoreReceipt:
        if arrival.file_name is not None and (file_name := printable(arrival.file_name)) != arrival.file_name:
            arrival = replace(arrival, file_name=file_name)
        receipt = Receipt(self._names.name_of(number), arrival, self._clock(), size_bytes, sha256.hex())
        return StoreReceipt(number, receipt, orjson.dumps(dict(arrival.options)), sha256, body, Waiter())

    def open(self, receipt_id: str) -> tuple[Receipt, BinaryIO]:
        """The receipt and its bytes. Raises Refused `unknown-receipt` or `receipt-bytes-missing`."""
        queries = self._queries()
        number, receipt = queries.receipt(receipt_id)
        body = queries.body(number)
        if body is not None:
            return receipt, io.BytesIO(body)
        if self._files.size_bytes(receipt.id) != receipt.size_bytes:
            raise Refused(
                "receipt-bytes-missing",
                "the file with the bytes of this receipt is gone or was cut short",
                where=f"receipt {receipt.id}",
                next_step="Restore the folder `receipts` of the home from a backup; its events are not harmed.",
            )
        return receipt, self._files.open(receipt.id)

    def begin(self, receipt_id: str) -> None:
        """The messages of a stored receipt get their outcomes anew; those noted before go."""
        self._writer.submit_riding(BeginReceipt(receipt_id))

    def note(self, receipt_id: str, outcomes: Sequence[MessageOutcome], *, are_last: bool = False) -> None:
        """Outcomes of the next messages, in their order; not waited for, but a full queue slows the caller.

        The last ones finish the receipt.
        """
        if outcomes:
            noted = encode(outcomes)
            quarantined = [_quarantined(each, self._clock()) for each in outcomes if each.state == "quarantined"]
            self._writer.submit_riding(NoteOutcomes(receipt_id, noted, quarantined, are_last))
        elif are_last:
            self.finish(receipt_id)

    def replace(self, receipt_id: str, outcome: MessageOutcome) -> None:
        """The outcome of a message that was quarantined and retried; understood at last, it leaves the quarantine."""
        quarantined = _quarantined(outcome, self._clock()) if outcome.state == "quarantined" else None
        job = ReplaceOutcome(receipt_id, printable(outcome.place), encode([outcome]), quarantined)
        self._writer.submit_riding(job)

    def finish(self, receipt_id: str) -> None:
        """All messages of the receipt have their outcome. Not waited for either."""
        self._writer.submit_riding(FinishReceipt(receipt_id))

    def unfinished(self) -> Iterator[Receipt]:
        """Receipts without outcome whose bytes are there, oldest first: what a killed process left behind."""
        self.settle()
        return (each for each in self._queries().unfinished() if each.id not in self.missing)

    # ---- what people ask for

    def settle(self) -> None:
        """Waits until all that was noted before can be read, or the disk takes it not."""
        with suppress(TryAgainLater):
            self._writer.wait()

    def receipt(self, receipt_id: str) -> ReceiptStatus:
        """Raises Refused `unknown-receipt`."""
        self.settle()
        return self._queries().status(receipt_id)

    def outcomes(self, receipt_id: str, after: int = 0, limit: int = PAGE_MAX) -> list[tuple[int, MessageOutcome]]:
        """Outcomes of the messages after the how-manieth, each with its own how-manieth. Raises `unknown-receipt`."""
        self.settle()
        return self._queries().outcomes(receipt_id, after, min(limit, PAGE_MAX))

    def find(self, *, sender_id: str, agency: str | None = None, limit: int = 100) -> list[FoundMessage]:
        """Messages that carry a sender's own id, newest first."""
        self.settle()
        return self._queries().of_sender_id(printable(sender_id), agency, limit)

    def quarantined(
        self,
        agency: str | None = None,
        *,
        receipt_id: str | None = None,
        state: QuarantineState | None = "waiting",
        after: int = 0,
        limit: int = 100,
    ) -> list[QuarantineEntry]:
        """Quarantined messages by their number, after one."""
        self.settle()
        return self._queries().quarantine(agency, receipt_id, state, after, min(limit, PAGE_MAX))

    def quarantine_entry(self, number: int) -> QuarantineEntry:
        """Raises Refused `unknown-quarantine-number`."""
        self.settle()
        return self._queries().quarantine_entry(number)

    def has_received(self, agency: str) -> bool:
        """Whether there is a receipt of any of an agency's systems."""
        self.settle()
        return self._queries().has_received(agency)

    def counts_by_day(self) -> list[DayCounts]:
        """Sums per agency, system and day of receipt."""
        self.settle()
        return self._queries().days()

    def _queries(self) -> ReceiptQueries:
        """One connection a thread."""
        queries: ReceiptQueries | None = getattr(self._readers, "queries", None)
        if queries is None:
            queries = self._readers.queries = ReceiptQueries(open_to_read(self._path), self._names)
        return queries

    def close(self) -> None:
        """Writes what was noted and closes the file."""
        self._writer.close()
        self._db.close()


def _name_keys(db: apsw.Connection, epoch: str, first: int, random: Callable[[int], bytes]) -> list[NameKey]:
    """The keys of receipt ids, with a new one where the log's epoch is new."""
    newest = db.execute("SELECT epoch FROM name_keys ORDER BY first DESC LIMIT 1").get
    if newest != epoch:
        with transaction(db):
            db.execute("INSERT OR REPLACE INTO name_keys VALUES(?, ?, ?)", (first, epoch, random(KEY_BYTES)))
    return [NameKey(*row) for row in db.execute("SELECT first, key FROM name_keys ORDER BY first")]


def _quarantined(outcome: MessageOutcome, noted_us: int) -> QuarantinedMessage:
    why = outcome.findings[0]
    return QuarantinedMessage(
        printable(outcome.place),
        printable(why.code),
        printable(why.where),
        printable(why.detail),
        outcome.sender_id and printable(outcome.sender_id),
        len(outcome.findings),
        noted_us,
    )


def _read_up_to(raw: BinaryIO, size_bytes: int) -> bytes:
    """So many bytes of a stream that may give fewer at a time, or all there are."""
    parts: list[bytes] = []
    while size_bytes and (part := raw.read(size_bytes)):
        parts.append(part)
        size_bytes -= len(part)
    return b"".join(parts)


def _days_in(zone: ZoneInfo) -> Callable[[int], str]:
    @lru_cache(maxsize=1024)
    def day_of_quarter(quarter: int) -> str:
        return from_us(quarter * _QUARTER_US).astimezone(zone).date().isoformat()

    return lambda received_us: day_of_quarter(received_us // _QUARTER_US)
