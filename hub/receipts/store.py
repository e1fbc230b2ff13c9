"""The store of receipts: raw bytes are durable here, sealed, before anything reads them.

Bytes up to 1 MiB are a row of receipts.sqlite, longer ones a file in `receipts/` beside it, written before its row.
Once every message has its outcome the bytes as a whole are gone, and each message's own part is kept for those whom it
tells of (sealing.py). One thread writes, in groups; reading is allowed from any thread.
"""

from __future__ import annotations

import io
import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import apsw
import structlog

from adapters.sdk.again import receipt_damaged, receipt_gone
from adapters.sdk.outcome import MessageOutcome
from adapters.sdk.reading import WHOLE
from adapters.sdk.receipts import Arrival, KeptBatch, Part, Receipt
from events.clock import Clock, from_us
from events.errors import Refused, TryAgainLater
from events.log.transaction import transaction
from hub.receipts.documents import encode, printable
from hub.receipts.files import ReceiptFiles
from hub.receipts.jobs import (
    BeginReceipt,
    DropParts,
    FinishReceipt,
    ForgetOld,
    NoteAgain,
    NoteOutcomes,
    QuarantinedMessage,
    ReplaceOutcome,
    StoreReceipt,
)
from hub.receipts.journal import Journal
from hub.receipts.names import KEY_BYTES, NameKey, ReceiptNames
from hub.receipts.parts import SealedPart
from hub.receipts.queries import (
    DayCounts,
    FoundMessage,
    QuarantineEntry,
    QuarantineState,
    ReceiptQueries,
    ReceiptStatus,
)
from hub.receipts.sealer import Flight, Sealer
from hub.receipts.sealing import Days, ReceiptKeys, padded_bytes
from hub.receipts.tables import STORED_FORMAT, make_tables
from hub.receipts.writer import GroupWriter, Waiter
from hub.sqlite import open_file, open_to_read, truncate

ROW_MAX_BYTES = 1 << 20
PAGE_MAX = 1_000
_QUARTER_US = 900_000_000
UNREAD = "not read for 30 days"
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
        keys: ReceiptKeys,
        epoch: str = "",
        zone: ZoneInfo = _LONDON,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`epoch` is the log's: after a restore, receipts get their ids under a new key (see names.py)."""
        self._path = folder / _FILE
        self._clock = clock
        self._keys = keys
        self._days = Days(keys, clock)
        self._sealer = Sealer(keys, self._days, random)
        self._db = open_file(self._path, STORED_FORMAT, make_tables)
        first: int = (self._db.execute("SELECT max(number) FROM receipts").get or 0) + 1
        self._numbers = itertools.count(first)
        self._names = ReceiptNames(_name_keys(self._db, epoch, first, random))
        self._readers = threading.local()
        self._files = ReceiptFiles(folder / "receipts")
        self.missing: tuple[str, ...] = self._compare_files()
        journal = Journal(self._db, self._names, _days_in(zone), self._files.remove)
        self._writer = GroupWriter(_FILE, journal.commit)

    def _compare_files(self) -> tuple[str, ...]:
        """Removes files that no row names, left by a crash; ids of the receipts whose file is gone or cut short."""
        filed = ReceiptQueries(self._db, self._names, self._keys, self._days).in_files()
        for name in set(self._files.names()) - {name for name, _ in filed}:
            self._files.remove(name)
            _log.info("receipt_file_without_row_removed", receipt=name)
        missing = tuple(name for name, size in filed if not self._files.is_whole(name, size))
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
        number, key = self._next_number(), self._sealer.new_key()
        name = self._names.name_of(number)
        size_bytes = self._files.write(name, key, head, io.BytesIO() if isinstance(raw, bytes) else raw)
        try:
            job = self._job(number, key, arrival, None, size_bytes)
            self._writer.submit(job)
            return job.stored()
        except BaseException:
            self._files.remove(name)
            raise

    def bring(self, number: int, arrival: Arrival, raw: bytes | BinaryIO) -> Receipt:
        """The same of a receipt that had its number elsewhere, and keeps it. Not beside `store` in other threads."""
        self._numbers = itertools.count(number)
        return self.store(arrival, raw)

    def submit(self, arrivals: Sequence[tuple[Arrival, bytes]]) -> list[Callable[[], Receipt]]:
        """The same for many that each fit a row, without waiting: what is given back for each waits, and raises."""
        jobs = [self._small_job(arrival, raw) for arrival, raw in arrivals]
        self._writer.submit(*jobs)
        return [job.stored for job in jobs]

    def _small_job(self, arrival: Arrival, raw: bytes) -> StoreReceipt:
        number, key = self._next_number(), self._sealer.new_key()
        return self._job(number, key, arrival, self._sealer.body(number, key, raw), len(raw))

    def _next_number(self) -> int:
        number = next(self._numbers)
        while not self._names.is_clear(number):
            number = next(self._numbers)
        return number

    def _job(self, number: int, key: bytes, arrival: Arrival, body: bytes | None, size_bytes: int) -> StoreReceipt:
        if arrival.file_name is not None and (file_name := printable(arrival.file_name)) != arrival.file_name:
            arrival = replace(arrival, file_name=file_name)
        receipt = Receipt(self._names.name_of(number), arrival, self._clock(), padded_bytes(size_bytes))
        head = self._sealer.head(number, key, arrival)
        wrapped = self._sealer.wrapped(number, key, receipt.received_us)
        self._sealer.begin(receipt.id, Flight(number, arrival.agency, receipt.received_us, key, head is not None))
        return StoreReceipt(number, receipt, head, wrapped, body, Waiter())

    def open(self, receipt_id: str) -> tuple[Receipt, BinaryIO | None]:
        """The receipt and its bytes, as long as they were not parted.

        Raises Refused `unknown-receipt`, `receipt-gone`, `receipt-damaged` (also while they are read) or
        `receipt-bytes-missing`.
        """
        self.settle()
        queries = self._queries()
        number, receipt = queries.receipt(receipt_id)
        if not queries.has_arrived(number):
            return receipt, None
        arrived = queries.arrived(number, receipt)
        if arrived is None:
            raise receipt_gone(receipt.id)
        if arrived.body is not None:
            return receipt, io.BytesIO(arrived.body)
        if not self._files.is_whole(receipt.id, receipt.size_bytes):
            raise Refused(
                "receipt-bytes-missing",
                "the file with the bytes of this receipt is gone or was cut short",
                where=f"receipt {receipt.id}",
                next_step="Restore the folder `receipts` of the home from a backup; its events are not harmed.",
            )
        return receipt, self._files.open(receipt.id, arrived.key, lambda: receipt_damaged(receipt.id))

    def kept(self, receipt_id: str) -> Iterator[KeptBatch]:
        """What is left of the messages of a receipt. Raises Refused `unknown-receipt`, `receipt-damaged`."""
        self.settle()
        return self._queries().kept(receipt_id)

    def begin(self, receipt_id: str) -> None:
        """The messages of a stored receipt get their outcomes anew; those noted before go."""
        self._writer.submit_riding(BeginReceipt(receipt_id))
        flight = self._sealer.flight(receipt_id)
        if flight is not None:
            flight.next_first = 0

    def note(
        self, receipt_id: str, outcomes: Sequence[MessageOutcome], parts: Sequence[Part], *, are_last: bool = False
    ) -> None:
        """Outcomes of the next messages, in their order, and what is kept of each; the last ones finish the receipt.

        Not waited for, but a full queue slows the caller.
        """
        if outcomes:
            flight = self._sealer.flight(receipt_id) or self._found(receipt_id)
            whole = any(outcome.state == "quarantined" and outcome.place == WHOLE for outcome in outcomes)
            sealed = self._sealer.batch(flight, parts)
            job = NoteOutcomes(
                receipt_id, flight.next_first, encode(outcomes), sealed, self._waiting(outcomes), whole, are_last
            )
            flight.next_first += len(outcomes)
            self._writer.submit_riding(job)
            if are_last:
                self._sealer.end(receipt_id)
        elif are_last:
            self.finish(receipt_id)

    def note_again(
        self, receipt_id: str, first: int, outcomes: Sequence[MessageOutcome], moved: Mapping[int, Part]
    ) -> None:
        """Outcomes of a batch of kept messages that were read again; `moved` are those that are kept otherwise now."""
        anew = self._moved(receipt_id, {first + at: part for at, part in moved.items()})
        self._writer.submit_riding(NoteAgain(receipt_id, first, encode(outcomes), anew, self._waiting(outcomes)))

    def replace(self, receipt_id: str, at: int, outcome: MessageOutcome, moved: Part | None = None) -> None:
        """The outcome of a message that was quarantined and retried; understood at last, it leaves the quarantine."""
        waiting = self._waiting([outcome])
        anew = self._moved(receipt_id, {} if moved is None else {at: moved}).get(at)
        place, quarantined = printable(outcome.place), waiting[0] if waiting else None
        self._writer.submit_riding(ReplaceOutcome(receipt_id, at, place, encode([outcome]), anew, quarantined))

    def _waiting(self, outcomes: Sequence[MessageOutcome]) -> list[QuarantinedMessage]:
        now_us = self._clock()
        return [
            _quarantined(at, outcome, now_us) for at, outcome in enumerate(outcomes) if outcome.state == "quarantined"
        ]

    def _moved(self, receipt_id: str, parts: Mapping[int, Part]) -> dict[int, SealedPart]:
        if not parts:
            return {}
        flight, head_key = self._queries().flight(receipt_id)
        return self._sealer.moved(flight, head_key, parts)

    def _found(self, receipt_id: str) -> Flight:
        """A receipt that an earlier process stored; its outcomes are noted from the first one on."""
        flight, _ = self._queries().flight(receipt_id)
        self._sealer.begin(receipt_id, flight)
        return flight

    def finish(self, receipt_id: str) -> None:
        """All messages of the receipt have their outcome. Not waited for either."""
        self._sealer.end(receipt_id)
        self._writer.submit_riding(FinishReceipt(receipt_id))

    def unfinished(self) -> Iterator[Receipt]:
        """Receipts without outcome whose bytes are there, oldest first: what a killed process left behind."""
        self.settle()
        return (each for each in self._queries().unfinished() if each.id not in self.missing)

    # ---- what has to go

    def drop_parts(self, subject: bytes) -> int:
        """Nothing is kept any more of what was about a subject, nor of what comes; how many parts that were.

        Overwritten when it returns, in the write-ahead log too. Raises TryAgainLater where the disk forbids it.
        """
        return self._drop(DropParts(subject, True, [], Waiter()))

    def redact_parts(self, subject: bytes) -> int:
        """The same of what there is now: what comes is kept again, and outcomes stay to be told."""
        return self._drop(DropParts(subject, False, [], Waiter()))

    def _drop(self, job: DropParts) -> int:
        self._writer.submit(job)
        job.waiter.wait()
        truncate(self._path)
        return sum(job.dropped)

    def forget_old(self) -> None:
        """Destroys the keys of what nobody could read for 30 days, and what lies under them."""
        before_us = self._days.destroy_old()
        unread = encode([MessageOutcome(WHOLE, "not-mapped", reason=UNREAD)])
        job = ForgetOld(before_us, unread, Waiter())
        self._writer.submit(job)
        job.waiter.wait()

    def waiting_until(self, agency: str) -> int | None:
        """When the last of what an agency sent and nobody could read is gone (µs since 1970), if there is any."""
        self.settle()
        return self._queries().waiting_until(agency)

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
            db = open_to_read(self._path)
            queries = self._readers.queries = ReceiptQueries(db, self._names, self._keys, self._days)
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


def _quarantined(at: int, outcome: MessageOutcome, noted_us: int) -> QuarantinedMessage:
    why = outcome.findings[0]
    return QuarantinedMessage(
        at,
        printable(outcome.place),
        printable(why.code),
        printable(why.where),
        printable(why.detail),
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
