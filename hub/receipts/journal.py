"""What is written into receipts.sqlite, group by group, all of a group or nothing.

A receipt's messages get their outcomes in one run, from the first to the last, and what is kept of them goes in with
the outcomes: at the end of the run its bytes as a whole are gone. A run that is begun again forgets what was noted; a
message that is retried gets an outcome that stands for the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import apsw

from adapters.sdk.outcome import MessageOutcome
from events.errors import Refused
from events.log.bulk import insert_rows
from events.log.transaction import transaction
from hub.receipts import expiring
from hub.receipts.documents import Noted, Sums, decode, encode, minus
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
from hub.receipts.names import ReceiptNames
from hub.receipts.parting import Parting
from hub.receipts.writer import Job

_Day = tuple[str, str, str]  # agency, system, day of receipt

_RETRIED = "INSERT OR REPLACE INTO retried VALUES(?, ?, ?, ?)"
_QUARANTINED = "INSERT INTO quarantine(receipt, at, place, code, field, detail, findings, noted_us, state) VALUES"
_REQUARANTINED = (
    " ON CONFLICT(receipt, place) DO UPDATE SET at = excluded.at, code = excluded.code, field = excluded.field, "
    "detail = excluded.detail, findings = excluded.findings, state = excluded.state, noted_us = excluded.noted_us"
)
_EXPIRED = "UPDATE quarantine SET state = 'expired' WHERE receipt = ? AND place = ?"
_RELEASED = "UPDATE quarantine SET state = 'released' WHERE receipt = ? AND place = ?"
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


@dataclass(slots=True, eq=False)
class _Run:
    """A receipt whose messages are getting their outcomes."""

    number: int
    day: _Day
    is_filed: bool  # its bytes lie in a file of their own
    has_noted: bool = False
    keeps_whole: bool = False


@dataclass(slots=True)
class _Group:
    """Rows collected for one transaction, and what to take back in memory should it fail."""

    receipts: list[tuple[object, ...]] = field(default_factory=list)
    keys: list[tuple[int, bytes]] = field(default_factory=list)
    arrived: list[tuple[object, ...]] = field(default_factory=list)
    outcomes: list[tuple[object, ...]] = field(default_factory=list)
    quarantined: list[tuple[object, ...]] = field(default_factory=list)
    finished: list[tuple[int]] = field(default_factory=list)
    parted: list[tuple[int]] = field(default_factory=list)
    days: dict[_Day, list[int]] = field(default_factory=dict)
    started: dict[str, _Run] = field(default_factory=dict)
    begun_again: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    files: list[int] = field(default_factory=list)  # to be removed after it
    dropped: set[bytes] = field(default_factory=set)

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

    def __init__(
        self,
        db: apsw.Connection,
        names: ReceiptNames,
        day_of: Callable[[int], str],
        remove_file: Callable[[str], None],
    ) -> None:
        self._db = db
        self._names = names
        self._day_of = day_of
        self._remove_file = remove_file
        self._parting = Parting(db)
        self._runs: dict[str, _Run] = {}
        self._is_durable = True

    def commit(self, jobs: Sequence[Job]) -> None:
        """Does all jobs or none. A group that only notes outcomes does not wait for the disk: they are swept up."""
        self._make_durable(any(self._waits_for_disk(job) for job in jobs))
        group = _Group()
        try:
            with transaction(self._db):
                for job in jobs:
                    self._do(job, group)
                self._flush(group)
        except BaseException:
            for name in group.begun_again:
                del self._runs[name]
            self._parting.discard()
            raise
        self._runs.update(group.started)
        for name in group.ended:
            self._runs.pop(name, None)
        for number in group.files:
            self._remove_file(self._names.name_of(number))
        self._parting.dropped |= group.dropped

    def _waits_for_disk(self, job: Job) -> bool:
        """A file goes once the disk has it that its parts are kept: a cut of power may not take the one alone."""
        if isinstance(job, FinishReceipt | NoteOutcomes):
            run = self._runs.get(job.receipt)
            return run is None or (run.is_filed and (isinstance(job, FinishReceipt) or job.are_last))
        return type(job) in (StoreReceipt, DropParts, ForgetOld)

    def _make_durable(self, wanted: bool) -> None:
        if wanted != self._is_durable:
            self._db.pragma("synchronous", "full" if wanted else "normal")
            self._is_durable = wanted

    def _do(self, job: Job, group: _Group) -> None:
        if isinstance(job, StoreReceipt):
            self._store(job, group)
        elif isinstance(job, NoteOutcomes):
            self._note(job, group)
        elif isinstance(job, FinishReceipt):
            self._finish(job, group)
        elif isinstance(job, BeginReceipt):
            self._begin(job, group)
        else:
            self._flush(group)
            self._do_alone(job, group)

    def _do_alone(self, job: Job, group: _Group) -> None:
        """What reads what the others of its group wrote."""
        if isinstance(job, ReplaceOutcome):
            self._replace(job, group)
        elif isinstance(job, NoteAgain):
            self._note_again(job, group)
        elif isinstance(job, DropParts):
            dropped = self._parting.drop(job.subject, job.is_for_ever)
            job.dropped.append(len(dropped.holes))
            self._expire(expiring.holes(self._db, dropped.holes), group)
            group.files += dropped.files
            if job.is_for_ever:
                group.dropped.add(job.subject)
        elif isinstance(job, ForgetOld):
            self._forget_old(job, group)

    def _flush(self, group: _Group) -> None:
        """Writes the rows collected so far. What is parted goes first: its pages are used again for the parts."""
        db, numbers = self._db, [row[:1] for row in group.receipts]
        insert_rows(db, "INSERT INTO receipts VALUES", group.receipts)
        insert_rows(db, "INSERT INTO receipt_keys VALUES", group.keys)
        insert_rows(db, "INSERT INTO arrived VALUES", group.arrived)
        insert_rows(db, "INSERT INTO unfinished VALUES", numbers)
        group.files += self._parting.forget_whole(group.parted)
        self._parting.flush()
        insert_rows(db, "INSERT INTO outcomes VALUES", group.outcomes)
        insert_rows(db, _QUARANTINED, group.quarantined, _REQUARANTINED)
        insert_rows(db, "DELETE FROM unfinished WHERE receipt IN (VALUES", group.finished, ")")
        insert_rows(db, "INSERT INTO days VALUES", [(*day, *row) for day, row in group.days.items()], _SAME_DAY)
        several = (group.receipts, group.keys, group.arrived, group.outcomes, group.quarantined, group.finished)
        for rows in (*several, group.parted, group.days):
            rows.clear()

    # ---- the jobs

    def _store(self, job: StoreReceipt, group: _Group) -> None:
        receipt = job.receipt
        group.receipts.append(job.row)
        group.keys.append((job.number, job.wrapped_key))
        group.arrived.append((job.number, job.body))
        day = (receipt.arrival.agency, receipt.arrival.system, self._day_of(receipt.received_us))
        group.started[receipt.id] = _Run(job.number, day, job.body is None)
        group.count_receipt(day, receipt.received_us)

    def _note(self, job: NoteOutcomes, group: _Group) -> None:
        run = self._run_of(job.receipt, group)
        run.has_noted = True
        run.keeps_whole |= job.keeps_whole
        group.outcomes.append((run.number, job.first, *job.noted.sums, job.noted.document, job.noted.event_ids))
        group.quarantined.extend(_rows(run.number, job.first, job.quarantined))
        group.count(run.day, job.noted.sums)
        self._parting.add(run.number, job.first, job.parts)
        if job.are_last:
            self._end(job.receipt, run, group)

    def _finish(self, job: FinishReceipt, group: _Group) -> None:
        run = None if job.receipt in group.ended else self._runs.get(job.receipt)
        if run is None:  # what was kept of it was read again
            group.finished.append((self._find(job.receipt)[0],))
        else:
            self._end(job.receipt, run, group)

    @staticmethod
    def _end(receipt: str, run: _Run, group: _Group) -> None:
        group.finished.append((run.number,))
        group.ended.add(receipt)
        if not run.keeps_whole:
            group.parted.append((run.number,))

    def _begin(self, job: BeginReceipt, group: _Group) -> None:
        run = self._runs.get(job.receipt)
        if run is None or run.has_noted or job.receipt in group.ended:
            self._begin_again(job.receipt, group)

    def _run_of(self, receipt: str, group: _Group) -> _Run:
        run = None if receipt in group.ended else self._runs.get(receipt)
        return run or self._begin_again(receipt, group)

    def _begin_again(self, receipt: str, group: _Group) -> _Run:
        """A new run: forgets what the one before noted and kept."""
        self._flush(group)
        number, day = self._find(receipt)
        group.count(day, minus(_NOTHING, read_sums(self._db, number)))
        for table in ("outcomes", "retried", "changed"):
            self._db.execute(f"DELETE FROM {table} WHERE receipt = ?", (number,))
        self._parting.forget_parts(number)
        self._db.execute("UPDATE quarantine SET state = 'released' WHERE receipt = ?", (number,))
        self._db.execute("INSERT OR IGNORE INTO unfinished VALUES(?)", (number,))
        is_filed = self._db.execute("SELECT body IS NULL FROM arrived WHERE number = ?", (number,)).get
        run = self._runs[receipt] = _Run(number, day, is_filed is not None and bool(is_filed))
        group.begun_again.append(receipt)
        group.ended.discard(receipt)
        return run

    def _replace(self, job: ReplaceOutcome, group: _Group) -> None:
        """Sums of the receipt and of its day follow."""
        number, day = self._find(job.receipt)
        before = self._sums_before(number, job.place)
        if before is None:
            return  # the message is not noted yet: the run that goes on will do it
        self._stand_in((number, day), job.place, job.noted, before, group)
        if job.moved is not None:
            self._parting.move(number, job.at, {job.at: job.moved})
        if job.quarantined is not None:
            insert_rows(self._db, _QUARANTINED, _rows(number, job.at, [job.quarantined]), _REQUARANTINED)
        else:
            self._db.execute(_RELEASED, (number, job.place))

    def _stand_in(self, where: tuple[int, _Day], place: str, noted: Noted, before: Sums, group: _Group) -> None:
        """One outcome for another, with the sums of the receipt and of its day."""
        number, day = where
        change = minus(noted.sums, before)
        group.count(day, change)
        self._db.execute(_CHANGED, (number, *change))
        self._db.execute(_RETRIED, (number, place, noted.document, noted.event_ids))

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

    def _note_again(self, job: NoteAgain, group: _Group) -> None:
        """Outcomes of a whole batch stand for those noted before, newer ones of single messages among them."""
        number, day = self._find(job.receipt)
        at = (number, job.first)
        row = self._db.execute(
            "SELECT document, event_ids FROM outcomes WHERE receipt = ? AND first = ?", at
        ).fetchone()
        if row is None:
            return
        before = decode(*row)
        newest = [self._newest(number, each) for each in before]
        first, stood = encode(before).sums, encode(newest).sums
        group.count(day, minus(job.noted.sums, stood))
        self._db.execute(_CHANGED, (number, *minus(first, stood)))
        self._db.execute("DELETE FROM outcomes WHERE receipt = ? AND first = ?", at)
        insert_rows(
            self._db, "INSERT INTO outcomes VALUES", [(*at, *job.noted.sums, job.noted.document, job.noted.event_ids)]
        )
        places = [(number, each.place) for each in before]
        self._db.executemany("DELETE FROM retried WHERE receipt = ? AND place = ?", places)
        if stood.quarantined:
            self._db.executemany(_RELEASED, places)
        insert_rows(self._db, _QUARANTINED, _rows(number, job.first, job.quarantined), _REQUARANTINED)
        self._parting.move(number, job.first, {job.first + each: part for each, part in job.moved.items()})

    def _newest(self, number: int, outcome: MessageOutcome) -> MessageOutcome:
        row = self._db.execute(
            "SELECT document, event_ids FROM retried WHERE receipt = ? AND place = ?", (number, outcome.place)
        ).fetchone()
        return outcome if row is None else decode(*row)[0]

    def _forget_old(self, job: ForgetOld, group: _Group) -> None:
        """The key of their day is destroyed, so that nobody can read them any more."""
        rows = self._db.execute(
            "SELECT a.number, u.receipt IS NOT NULL FROM arrived a JOIN receipts r ON r.number = a.number "
            "LEFT JOIN unfinished u ON u.receipt = a.number WHERE r.received_us < ?",
            (job.before_us,),
        )
        old = list(rows)
        group.files += self._parting.forget_whole([(number,) for number, _ in old])
        for number, is_unread in old:
            if is_unread:
                self._note_unread(number, job.unread, group)
        self._expire(expiring.old(self._db, job.before_us), group)

    def _expire(self, messages: Iterable[expiring.Expired], group: _Group) -> None:
        """They leave the quarantine unread; why they were there stays to be read."""
        for number, place in messages:
            before = self._sums_before(number, place)
            if before is not None:
                noted = encode([MessageOutcome(place, "not-mapped", reason=expiring.EXPIRED)])
                self._stand_in(self._find(self._names.name_of(number)), place, noted, before, group)
            self._db.execute(_EXPIRED, (number, place))

    def _note_unread(self, number: int, unread: Noted, group: _Group) -> None:
        receipt = self._names.name_of(number)
        first = self._db.execute("SELECT total(messages) FROM outcomes WHERE receipt = ?", (number,)).get
        group.outcomes.append((number, int(first), *unread.sums, unread.document, unread.event_ids))
        group.count(self._find(receipt)[1], unread.sums)
        group.finished.append((number,))
        group.ended.add(receipt)

    def _find(self, receipt: str) -> tuple[int, _Day]:
        number = find_number(self._db, self._names, receipt)
        row = self._db.execute(
            "SELECT number, agency, system, received_us FROM receipts WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            raise unknown_receipt(receipt)
        return row[0], (row[1], row[2], self._day_of(row[3]))


def _rows(number: int, first: int, quarantined: Sequence[QuarantinedMessage]) -> list[tuple[object, ...]]:
    return [(number, first + each.at, *each[1:], "waiting") for each in quarantined]


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
