"""The way in: receipt first, then translation, then events, then the answer.

One way for every adapter, for files, HTTP, MLLP, retries and the start-up sweep. What is small goes in together with
whatever else is waiting (together.py), a file by itself, batch by batch.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import date
from itertools import islice
from typing import BinaryIO, TypeGuard

from adapters.sdk.adapter import Adapter
from adapters.sdk.again import Again, receipt_gone
from adapters.sdk.kept import kept
from adapters.sdk.options import check_given, check_registered
from adapters.sdk.outcome import MessageOutcome, Report
from adapters.sdk.reading import WHOLE, Pending, Reader, Translated, append, make, records_of, setting_of
from adapters.sdk.receipts import Arrival, Receipt, Receipts
from adapters.sdk.register import Register, check_adapter
from adapters.sdk.tally import Tally
from adapters.sdk.together import SMALL_BYTES, Together
from events.clock import Clock, from_us
from events.errors import HubError, Refused, WrongSettings
from events.identity import RecordKeys
from events.log.port import Log, Outcome

BATCH_MESSAGES = 1_000
BATCH_BYTES = 4 << 20


class Intake:
    """Takes raw bytes from an agency's system and answers what became of every message in them."""

    def __init__(
        self,
        *,
        log: Log,
        keyring: RecordKeys,
        receipts: Receipts,
        register: Callable[[], Register],
        adapter_of: Callable[[str], Adapter],
        clock: Clock,
    ) -> None:
        self._log = log
        self._keyring = keyring
        self._receipts = receipts
        self._register = register
        self._adapter_of = adapter_of
        self._clock = clock
        self._again = Again(log=log, receipts=receipts, keyring=keyring)
        self._together = Together(log=log, receipts=receipts, keyring=keyring, readers=self._readers)

    def receive(self, arrival: Arrival, raw: bytes | BinaryIO) -> Report:
        """Stores the bytes, translates them and appends their events; durable when it returns.

        Raises Refused (`unknown-agency`, `agreement-out-of-date`, ...) before anything is stored and TryAgainLater
        when the disk or the clock forbids it; the receipt, if there is one already, is finished by the sweep.
        """
        if is_small(raw):
            return self._together.submit(arrival, raw).result()
        self._readers()(arrival)  # refuses who may not send
        receipt = self._receipts.store(arrival, raw)
        with kept(receipt.id):
            if isinstance(raw, bytes):
                return self._work(receipt, io.BytesIO(raw))
            return self.resume(receipt.id)

    def submit(self, arrival: Arrival, raw: bytes) -> Future[Report]:
        """The same for what `is_small`, without waiting."""
        return self._together.submit(arrival, raw)

    def resume(self, receipt_id: str) -> Report:
        """Translates a stored receipt again, from its first message on. What is known already adds nothing.

        Raises Refused `receipt-gone` where nothing of it is kept any more.
        """
        receipt, raw = self._receipts.open(receipt_id)
        if raw is None:
            return self._again.all(receipt, self._reader_of(receipt))
        with raw:
            self._receipts.begin(receipt.id)
            return self._work(receipt, raw)

    def retry(self, receipt_id: str, place: str) -> MessageOutcome:
        """Translates one quarantined message again.

        Raises Refused `unknown-place` where the receipt has none, `receipt-gone` where it is not kept any more.
        """
        receipt, raw = self._receipts.open(receipt_id)
        # Refuses who may not send any more.
        self._reader(self._register(), receipt.arrival, from_us(self._clock()).date())
        if raw is not None:
            raw.close()
        if place == WHOLE:
            if raw is None:
                raise receipt_gone(receipt_id)
            return _as_one(self.resume(receipt_id))
        outcome = self._again.one(receipt, self._reader_of(receipt), place)
        if outcome is not None:
            return outcome
        raise Refused(
            "unknown-place",
            "the receipt holds no such message",
            where=f"receipt {receipt_id}",
            next_step="`tellonce quarantine list` prints the messages that can be retried.",
        )

    def sweep(self) -> list[Report]:
        """Finishes what a killed process left behind; called before the hub takes anything new.

        Raises the first refusal (an agency that is not registered any more, ...) after the others are finished.
        """
        reports: list[Report] = []
        refusals: list[HubError] = []
        for receipt in list(self._receipts.unfinished()):
            try:
                reports.append(self.resume(receipt.id))
            except (Refused, WrongSettings) as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return reports

    def close(self) -> None:
        """Finishes what was submitted, and takes no more."""
        self._together.close()

    # ---- one receipt

    def _work(self, receipt: Receipt, raw: BinaryIO) -> Report:
        """Translates one batch while the log commits the one before."""
        tally = Tally()
        waiting: tuple[list[Pending], Future[list[Outcome]]] | None = None
        for batch in self._batches(receipt, raw):
            submitted = (batch, append(self._log, batch))
            if waiting is not None:
                self._settle(receipt, *waiting, tally)
            waiting = submitted
        if waiting is not None:
            self._settle(receipt, *waiting, tally)
        self._receipts.finish(receipt.id)
        return tally.report(receipt.id)

    def _settle(self, receipt: Receipt, batch: list[Pending], appended: Future[list[Outcome]], tally: Tally) -> None:
        settled = tally.add(batch, appended.result())
        self._receipts.note(receipt.id, settled.outcomes, settled.parts)

    def _batches(self, receipt: Receipt, raw: BinaryIO) -> Iterator[list[Pending]]:
        reader = self._reader_of(receipt)
        maker = reader.maker(receipt.id)
        translated = reader.translate(raw)
        while batch := list(_slice(translated)):
            self._keyring.look_up(records_of(maker, batch))
            yield [make(maker, each) for each in batch]

    # ---- who may send

    def _reader_of(self, receipt: Receipt) -> Reader:
        """Who reads what was received already."""
        return self._reader(self._register(), receipt.arrival, from_us(receipt.received_us).date())

    def _readers(self) -> Callable[[Arrival], Reader]:
        """Who reads what comes in, by the register as it stands now; refused is what may not be sent so today.

        What was received already is read with what it came with, whatever the register says of that now.
        """
        register, today = self._register(), from_us(self._clock()).date()
        return lambda arrival: self._reader(register, arrival, today, is_new=True)

    def _reader(self, register: Register, arrival: Arrival, on: date, *, is_new: bool = False) -> Reader:
        """Raises Refused as the register does, and WrongSettings where the adapter's options don't hold together.

        For what comes in new also as `check_adapter`, `check_registered` and `check_given` do.
        """
        agency, system = register.admit(arrival.agency, arrival.system, on)
        adapter = self._adapter_of(arrival.adapter)
        if is_new:
            check_adapter(agency.name, system, adapter.name)
            check_registered(adapter, agency.name, system)
            check_given(adapter, arrival.options)
        setting = setting_of(arrival, agency, system, adapter, register.folder)
        return Reader(agency, setting, adapter, self._keyring)


def is_small(raw: bytes | BinaryIO) -> TypeGuard[bytes]:
    """Whether it is so little that nobody is held up by it."""
    return isinstance(raw, bytes) and len(raw) <= SMALL_BYTES


def _as_one(report: Report) -> MessageOutcome:
    """The outcome of a receipt that was unreadable as a whole: still so, or what became of it now."""
    for outcome in report.outcomes:
        if outcome.place == WHOLE:
            return outcome
    events = tuple(event for outcome in report.outcomes for event in outcome.events)
    return MessageOutcome(WHOLE, "accepted-with-findings" if report.counts.findings else "accepted", events=events)


def _slice(translated: Iterable[Translated]) -> Iterator[Translated]:
    size = 0
    for each in islice(translated, BATCH_MESSAGES):
        yield each
        size += len(each.message.raw)
        if size > BATCH_BYTES:
            return
