"""The way in: receipt first, then translation, then events, then the answer.

One way for every adapter, for files, HTTP, MLLP, retries and the start-up sweep.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import structlog

from adapters.sdk.adapter import Adapter, Finding, Message, Prepares, Setting, Translation
from adapters.sdk.making import EventMaker, Made
from adapters.sdk.outcome import Counts, EventOutcome, MessageOutcome, Report, State
from adapters.sdk.receipts import Arrival, Receipt, Receipts
from adapters.sdk.register import Agency, Register
from events.clock import Clock, from_us
from events.errors import HubError, Refused, RejectedMessage, WrongSettings
from events.identity import Keyring
from events.log.port import Log, Outcome

BATCH_MESSAGES = 1_000
BATCH_BYTES = 4 << 20
SHOWN_OUTCOMES = 1_000
WHOLE = "whole"  # the place of what was received, where no message could be cut out of it
_log = structlog.get_logger()


class _Pending(NamedTuple):
    """A translated message that waits for the log."""

    message: Message
    state: State
    reason: str
    findings: tuple[Finding, ...]
    made: tuple[Made, ...]


class Intake:
    """Takes raw bytes from an agency's system and answers what became of every message in them."""

    def __init__(
        self,
        *,
        log: Log,
        keyring: Keyring,
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

    def receive(self, arrival: Arrival, raw: bytes | BinaryIO) -> Report:
        """Stores the bytes, translates them and appends their events; durable when it returns.

        Raises Refused (`unknown-agency`, `agreement-out-of-date`, ...) before anything is stored and TryAgainLater
        when the disk or the clock forbids it; the receipt, if there is one already, is finished by the sweep.
        """
        self._setting(arrival, from_us(self._clock()).date())
        receipt = self._receipts.store(arrival, raw)
        if isinstance(raw, bytes):
            return self._work(receipt, io.BytesIO(raw))
        return self.resume(receipt.id)

    def resume(self, receipt_id: str) -> Report:
        """Translates a stored receipt again, from its first message on. What is known already adds nothing."""
        receipt, raw = self._receipts.open(receipt_id)
        with raw:
            self._receipts.begin(receipt.id)
            return self._work(receipt, raw)

    def retry(self, receipt_id: str, place: str) -> MessageOutcome:
        """Translates one quarantined message again. Raises Refused `unknown-place` where the receipt has none."""
        receipt, raw = self._receipts.open(receipt_id)
        self._admit(receipt.arrival)
        with raw:
            if place == WHOLE:
                return _as_one(self.resume(receipt_id))
            for batch in self._batches(receipt, raw, only=place):
                (outcome,) = self._outcomes(batch, self._append(batch).result())
                self._receipts.replace(receipt.id, outcome)
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

    def _admit(self, arrival: Arrival) -> None:
        today = from_us(self._clock()).date()
        self._register().admit(arrival.agency, arrival.system, today)

    def _work(self, receipt: Receipt, raw: BinaryIO) -> Report:
        """Translates one batch while the log commits the one before."""
        counts = Counts()
        shown: list[MessageOutcome] = []
        highest: str | None = None
        waiting: tuple[list[_Pending], Future[list[Outcome]]] | None = None
        for batch in self._batches(receipt, raw):
            submitted = (batch, self._append(batch))
            if waiting is not None:
                highest = self._settle(receipt, *waiting, counts, shown) or highest
            waiting = submitted
        if waiting is not None:
            highest = self._settle(receipt, *waiting, counts, shown) or highest
        self._receipts.finish(receipt.id)
        return Report(receipt.id, counts, tuple(shown), highest)

    def _settle(
        self,
        receipt: Receipt,
        batch: list[_Pending],
        appended: Future[list[Outcome]],
        counts: Counts,
        shown: list[MessageOutcome],
    ) -> str | None:
        answers = appended.result()
        outcomes = self._outcomes(batch, answers)
        counts.add(outcomes)
        shown.extend(outcomes[: SHOWN_OUTCOMES - len(shown)])
        self._receipts.note(receipt.id, outcomes)
        return str(max(answer.position for answer in answers)) if answers else None

    # ---- one batch

    def _batches(self, receipt: Receipt, raw: BinaryIO, only: str | None = None) -> Iterator[list[_Pending]]:
        adapter = self._adapter_of(receipt.arrival.adapter)
        agency, setting = self._setting(receipt.arrival, from_us(receipt.received_us).date())
        maker = EventMaker(agency, setting, adapter, self._keyring, receipt.id)
        messages = _guarded(adapter, raw, setting)
        while batch := list(_slice(messages)):
            # All are translated, also for the retry of one: places count over the whole file.
            pending = [self._translated(adapter, maker, message, setting) for message in batch]
            wanted = [each for each in pending if only in (None, each.message.place)]
            if wanted:
                yield wanted

    def _setting(self, arrival: Arrival, on: date) -> tuple[Agency, Setting]:
        """What the adapter is told, from the register as it stands.

        Raises Refused as the register does, and WrongSettings where the adapter's options don't hold together.
        """
        register = self._register()
        agency, system = register.admit(arrival.agency, arrival.system, on)
        adapter = self._adapter_of(arrival.adapter)
        told = {**system.options, **arrival.options}
        if _prepares(type(adapter)):
            # Only the register names files: a sender could have any file of ours read.
            prepared = cast(Prepares, adapter).prepare(system.options, register.folder or Path())
            told |= {name: value for name, value in prepared.items() if value is not system.options.get(name)}
        return agency, Setting(agency.name, system.name, arrival.file_name, agency.zone, told)

    @staticmethod
    def _translated(adapter: Adapter, maker: EventMaker, message: Message, setting: Setting) -> _Pending:
        if message.fault is not None:
            return _Pending(message, "quarantined", "", (message.fault,), ())
        try:
            translation = _translation(adapter, message, setting)
            made, refused = maker.make(message, translation)
        except RejectedMessage as error:
            return _Pending(message, "quarantined", "", (_finding_of(error),), ())
        return _pending(message, translation, made, refused)

    def _append(self, batch: list[_Pending]) -> Future[list[Outcome]]:
        rows = [made.sealed for pending in batch for made in pending.made]
        if rows:
            return self._log.submit(rows)
        nothing: Future[list[Outcome]] = Future()
        nothing.set_result([])
        return nothing

    @staticmethod
    def _outcomes(batch: list[_Pending], answers: list[Outcome]) -> list[MessageOutcome]:
        answer = iter(answers)
        outcomes = []
        for pending in batch:
            events = tuple(
                EventOutcome(made.id.hex(), str(known.position), known.is_known)
                for made, known in zip(pending.made, islice(answer, len(pending.made)), strict=True)
            )
            outcomes.append(
                MessageOutcome(
                    pending.message.place,
                    pending.state,
                    pending.message.sender_id,
                    pending.reason,
                    pending.findings,
                    events,
                )
            )
        return outcomes


@cache
def _prepares(kind: type[Adapter]) -> bool:
    """Asked once an adapter: before Python 3.12 the answer takes longer than reading a message."""
    return issubclass(kind, Prepares)


def _pending(message: Message, translation: Translation, made: tuple[Made, ...], refused: list[Finding]) -> _Pending:
    findings = (*translation.findings, *(finding for each in made for finding in each.findings), *refused)
    if translation.quarantined is not None:
        return _Pending(message, "quarantined", "", (translation.quarantined, *findings), ())
    if refused and not made:
        return _Pending(message, "quarantined", "", (*refused, *translation.findings), ())
    if translation.not_mapped is not None or not made:
        return _Pending(message, "not-mapped", translation.not_mapped or "holds nothing to record", findings, ())
    return _Pending(message, "accepted-with-findings" if findings else "accepted", "", findings, made)


def _translation(adapter: Adapter, message: Message, setting: Setting) -> Translation:
    """The adapter's translation. A bug in it quarantines the message: the next one and the next start go on."""
    try:
        return adapter.translate(message, setting)
    except RejectedMessage:
        raise
    except Exception as error:
        raise _adapter_failed(adapter, error) from error


def _guarded(adapter: Adapter, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
    """The adapter's messages; where the whole turns out unreadable, one last message in quarantine says so."""
    try:
        yield from adapter.split(raw, setting)
    except RejectedMessage as error:
        yield Message(place=WHOLE, raw=b"", fault=_finding_of(error))
    except (HubError, OSError):
        raise
    except Exception as error:
        yield Message(place=WHOLE, raw=b"", fault=_finding_of(_adapter_failed(adapter, error)))


def _adapter_failed(adapter: Adapter, error: Exception) -> RejectedMessage:
    _log.error("adapter_failed", adapter=adapter.name, exc_info=error)
    return RejectedMessage(
        "adapter-failed",
        f"the adapter {adapter.name} met something that it was not written for ({type(error).__name__})",
        next_step="Report it together with the hub's log; when the adapter is corrected, retry the message.",
    )


def _as_one(report: Report) -> MessageOutcome:
    """The outcome of a receipt that was unreadable as a whole: still so, or what became of it now."""
    for outcome in report.outcomes:
        if outcome.place == WHOLE:
            return outcome
    events = tuple(event for outcome in report.outcomes for event in outcome.events)
    return MessageOutcome(WHOLE, "accepted-with-findings" if report.counts.findings else "accepted", events=events)


def _slice(messages: Iterable[Message]) -> Iterator[Message]:
    size = 0
    for message in islice(messages, BATCH_MESSAGES):
        yield message
        size += len(message.raw)
        if size > BATCH_BYTES:
            return


def _finding_of(error: RejectedMessage) -> Finding:
    return Finding(error.code, error.where, " ".join(filter(None, (f"{error.what}.", error.next_step))))
