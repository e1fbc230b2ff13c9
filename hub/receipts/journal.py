"""What is written into receipts.sqlite, group by group, all of a group or nothing.

A receipt's messages get their outcomes in one run, from the first to the last. A run that is begun again forgets what
was noted; a message that is retried gets an outcome that stands for the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import apsw

from adapters.sdk.receipts import Receipt
from events.errors import Refused
from events.log.bulk import insert_rows
from hub.receipts.documents import Noted, Sums, decode, encode, minus
from hub.receipts.names import ReceiptNames
from hub.receipts.writer import Job, Waiter
from hub.sqlite import transaction

_Day = tuple[str, str, str]  # agency, system, day of receipt

_RETRIED = "INSERT OR REPLACE INTO retried VALUES(?, ?, ?, ?)"
_QUARANTINED = (
    "INSERT INTO quarantine(receipt, place, code, field, detail, sender_id, findings, noted_us, state) VALUES"
)
_REQUARANTINED = (
    " ON CONFLICT(receipt, place) DO UPDATE SET code = excluded.code, field = excluded.field, "
    "detail = excluded.detail, sender_id = excluded.sender_id, findings = excluded.findings, "
    "state = excluded.state, noted_us = excluded.noted_us"
)
_SAME_DAY = (
    " ON CONFLICT DO UPDATE SET "
    "receipts = receipts + excluded.receipts, accepted = accepted + excluded.accepted, "
    "with_findings = with_findings + excluded.with_findings, not_mapped = not_mapped + excluded.not_mapped, "
    "quarantined = quarantined + excluded.quarantined, last_us = max(last_us, excluded.last_us)"
)
_CHANGED = "INSERT INTO changed VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in Sums._fields
)
_NOTHING = Sums(0, 0, 0, 0, 0, 0, 0)


class StoreReceipt(NamedTuple):
    """A job: a row for received bytes; `body` is None where they lie in a file."""

    number: int
    receipt: Receipt
    options: bytes
    sha256: bytes
    body: bytes | None
    waiter: Waiter

    def stored(self) -> Receipt:
        """Waits until it is durable. Raises what forbade it."""
        self.waiter.wait()
        return self.receipt

    @property
    def row(self) -> tuple[object, ...]:
        receipt, arrival = self.receipt, self.receipt.arrival
        sender = (arrival.agency, arrival.system, arrival.adapter, arrival.file_name, self.options)
        return (self.number, *sender, receipt.received_us, receipt.size_bytes, self.sha256, self.body)


class QuarantinedMessage(NamedTuple):
    place: str
    code: str
    field: str
    detail: str
    sender_id: str | None
    findings: int
    noted_us: int


class NoteOutcomes(NamedTuple):
    """A job: outcomes of messages of one receipt; the last ones finish it."""

    receipt: str
    noted: Noted
    quarantined: Sequence[QuarantinedMessage]
    are_last: bool
    waiter: None = None


class ReplaceOutcome(NamedTuple):
    """A job: the outcome of one message stands for the one noted before."""

    receipt: str
    place: str
    noted: Noted
    quarantined: QuarantinedMessage | None
    waiter: None = None


class BeginReceipt(NamedTuple):
    """A job: the messages of a receipt get their outcomes anew."""

    receipt: str
    waiter: None = None


class FinishReceipt(NamedTuple):
    """A job: all messages of a receipt have their outcome."""

    receipt: str
    waiter: None = None


@dataclass(slots=True, eq=False)
class _Run:
    """A receipt whose messages are getting their outcomes."""

    number: int
    day: _Day
    next_first: int | None = 0  # None: to be read from the file, after a group that failed


@dataclass(slots=True)
class _Group:
    """Rows collected for one transaction, and what to take back in memory should it fail."""

    receipts: list[tuple[object, ...]] = field(default_factory=list)
    outcomes: list[tuple[object, ...]] = field(default_factory=list)
    quarantined: list[tuple[object, ...]] = field(default_factory=list)
    finished: list[tuple[int]] = field(default_factory=list)
    days: dict[_Day, list[int]] = field(default_factory=dict)
    started: dict[str, _Run] = field(default_factory=dict)
    begun_again: list[str] = field(default_factory=list)
    touched: list[_Run] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)

    def count(self, day: _Day, sums: Sums) -> None:
        row = self._row_of(day)
        row[1] += sums.accepted
        row[2] += sums.with_findings
        row[3] += sums.not_mapped
        row[4] += sums.quarantined

    def count_receipt(self, day: _Day, received_us: int) -> None:
        row = self._row_of(day)
        row[0] += 1
        row[5] = max(row[5], received_us)

    def _row_of(self, day: _Day) -> list[int]:
        row = self.days.get(day)
        if row is None:
            row = self.days[day] = [0, 0, 0, 0, 0, 0]
        return row


class Journal:
    """The writing half of a store of receipts, for one thread."""

    def __init__(self, db: apsw.Connection, names: ReceiptNames, day_of: Callable[[int], str]) -> None:
        self._db = db
        self._names = names
        self._day_of = day_of
        self._runs: dict[str, _Run] = {}
        self._is_durable = True

    def commit(self, jobs: Sequence[Job]) -> None:
        """Does all jobs or none. Only a group that stores receipts waits for the disk: lost outcomes are swept up."""
        self._make_durable(any(type(job) is StoreReceipt for job in jobs))
        group = _Group()
        try:
            with transaction(self._db):
                for job in jobs:
                    self._do(job, group)
                self._flush(group)
        except BaseException:
            for name in group.begun_again:
                del self._runs[name]
            for run in group.touched:
                run.next_first = None
            raise
        self._runs.update(group.started)
        for name in group.ended:
            self._runs.pop(name, None)

    def _make_durable(self, wanted: bool) -> None:
        if wanted != self._is_durable:
            self._db.pragma("synchronous", "full" if wanted else "normal")
            self._is_durable = wanted

    def _do(self, job: Job, group: _Group) -> None:
        if isinstance(job, StoreReceipt):
            self._store(job, group)
        elif isinstance(job, NoteOutcomes):
            self._note(job, group)
        elif isinstance(job, ReplaceOutcome):
            self._replace(job, group)
        elif isinstance(job, BeginReceipt):
            self._begin(job, group)
        elif isinstance(job, FinishReceipt):
            self._finish(job, group)

    def _flush(self, group: _Group) -> None:
        """Writes the rows collected so far."""
        numbers = [row[:1] for row in group.receipts]
        insert_rows(self._db, "INSERT INTO receipts VALUES", group.receipts)
        insert_rows(self._db, "INSERT INTO unfinished VALUES", numbers)
        insert_rows(self._db, "INSERT INTO outcomes VALUES", group.outcomes)
        insert_rows(self._db, _QUARANTINED, group.quarantined, _REQUARANTINED)
        insert_rows(self._db, "DELETE FROM unfinished WHERE receipt IN (VALUES", group.finished, ")")
        insert_rows(self._db, "INSERT INTO days VALUES", [(*day, *row) for day, row in group.days.items()], _SAME_DAY)
        for rows in (group.receipts, group.outcomes, group.quarantined, group.finished, group.days):
            rows.clear()

    # ---- the jobs

    def _store(self, job: StoreReceipt, group: _Group) -> None:
        receipt = job.receipt
        group.receipts.append(job.row)
        day = (receipt.arrival.agency, receipt.arrival.system, self._day_of(receipt.received_us))
        group.started[receipt.id] = _Run(job.number, day)
        group.count_receipt(day, receipt.received_us)

    def _note(self, job: NoteOutcomes, group: _Group) -> None:
        run = self._run_of(job.receipt, group)
        sums = job.noted.sums
        if run.next_first is None:
            run.next_first = self._count_noted(run.number)
        group.touched.append(run)
        group.outcomes.append((run.number, run.next_first, *sums, job.noted.document, job.noted.event_ids))
        group.quarantined.extend((run.number, *message, "waiting") for message in job.quarantined)
        group.count(run.day, sums)
        run.next_first += sums.messages
        if job.are_last:
            self._end(job.receipt, run, group)

    def _finish(self, job: FinishReceipt, group: _Group) -> None:
        self._end(job.receipt, self._run_of(job.receipt, group), group)

    @staticmethod
    def _end(receipt: str, run: _Run, group: _Group) -> None:
        group.finished.append((run.number,))
        group.ended.add(receipt)

    def _begin(self, job: BeginReceipt, group: _Group) -> None:
        run = self._runs.get(job.receipt)
        if run is None or run.next_first != 0 or job.receipt in group.ended:
            self._begin_again(job.receipt, group)

    def _run_of(self, receipt: str, group: _Group) -> _Run:
        run = None if receipt in group.ended else self._runs.get(receipt)
        return run or self._begin_again(receipt, group)

    def _begin_again(self, receipt: str, group: _Group) -> _Run:
        """A new run: forgets what the one before noted."""
        self._flush(group)
        number, day = self._find(receipt)
        group.count(day, minus(_NOTHING, read_sums(self._db, number)))
        for table in ("outcomes", "retried", "changed"):
            self._db.execute(f"DELETE FROM {table} WHERE receipt = ?", (number,))
        self._db.execute("UPDATE quarantine SET state = 'released' WHERE receipt = ?", (number,))
        self._db.execute("INSERT OR IGNORE INTO unfinished VALUES(?)", (number,))
        run = self._runs[receipt] = _Run(number, day)
        group.begun_again.append(receipt)
        group.ended.discard(receipt)
        return run

    def _count_noted(self, number: int) -> int:
        return int(self._db.execute("SELECT total(messages) FROM outcomes WHERE receipt = ?", (number,)).get)

    def _replace(self, job: ReplaceOutcome, group: _Group) -> None:
        """Sums of the receipt and of its day follow."""
        self._flush(group)
        number, day = self._find(job.receipt)
        before = self._sums_before(number, job.place)
        if before is None:
            return  # the message is not noted yet: the run that goes on will do it
        change = minus(job.noted.sums, before)
        group.count(day, change)
        self._db.execute(_CHANGED, (number, *change))
        self._db.execute(_RETRIED, (number, job.place, job.noted.document, job.noted.event_ids))
        if job.quarantined is not None:
            insert_rows(self._db, _QUARANTINED, [(number, *job.quarantined, "waiting")], _REQUARANTINED)
        else:
            release = "UPDATE quarantine SET state = 'released' WHERE receipt = ? AND place = ?"
            self._db.execute(release, (number, job.place))

    def _sums_before(self, number: int, place: str) -> Sums | None:
        """Sums of the outcome that a newer one replaces."""
        row = self._db.execute(
            "SELECT document, event_ids FROM retried WHERE receipt = ? AND place = ?", (number, place)
        ).fetchone()
        if row is not None:
            return encode(decode(*row)).sums
        findings = self._db.execute(
            "SELECT findings FROM quarantine WHERE receipt = ? AND place = ?", (number, place)
        ).get
        return None if findings is None else Sums(1, 0, findings, 0, 1, 0, 0)

    def _find(self, receipt: str) -> tuple[int, _Day]:
        number = find_number(self._db, self._names, receipt)
        row = self._db.execute(
            "SELECT number, agency, system, received_us FROM receipts WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            raise unknown_receipt(receipt)
        return row[0], (row[1], row[2], self._day_of(row[3]))


def find_number(db: apsw.Connection, names: ReceiptNames, receipt: str) -> int | None:
    """The number of the stored receipt of that id."""
    for number in names.numbers_of(receipt):
        if db.execute("SELECT count(*) FROM receipts WHERE number = ?", (number,)).get:
            return number
    return None


def read_sums(db: apsw.Connection, number: int) -> Sums:
    """Sums over the messages of a receipt as they stand now."""
    totals = ", ".join(f"total({name})" for name in Sums._fields)
    row = db.execute(
        f"SELECT {totals} FROM (SELECT {', '.join(Sums._fields)} FROM outcomes WHERE receipt = :r UNION ALL "
        f"SELECT {', '.join(Sums._fields)} FROM changed WHERE receipt = :r)",
        {"r": number},
    ).fetchone()
    return Sums(*map(int, row or ()))


def unknown_receipt(receipt: str) -> Refused:
    return Refused(
        "unknown-receipt",
        "the hub holds no such receipt",
        where=f"receipt {receipt[:20]}",
        next_step="A receipt is written R- and ten characters; it was given when the message was received.",
    )


def reopen_since(path: Path, received_us: int) -> None:
    """Gives receipts from a moment on back to the start-up sweep, in a home that nobody has open."""
    db = apsw.Connection(str(path))
    with db:
        db.execute(
            "INSERT OR IGNORE INTO unfinished SELECT number FROM receipts WHERE received_us >= ?", (received_us,)
        )
    db.close()
