"""The log's answers, summed up to the report on a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from adapters.sdk.adapter import Finding
from adapters.sdk.making import ERASED
from adapters.sdk.outcome import Counts, EventOutcome, MessageOutcome, Report
from adapters.sdk.reading import Pending
from adapters.sdk.receipts import Part
from events.log.port import Outcome, Position

SHOWN_OUTCOMES = 1_000


class Settled(NamedTuple):
    """What became of a batch of messages, and what is kept of each."""

    outcomes: list[MessageOutcome]
    parts: list[Part]


class Tally:
    """Sums up one receipt, batch by batch."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._shown: list[MessageOutcome] = []
        self._highest: Position | None = None

    def add(self, batch: Sequence[Pending], answers: Sequence[Outcome]) -> Settled:
        """The outcomes of a batch, from what the log answered to each of its events."""
        settled = self.answered(batch, answers)
        self.count(settled.outcomes)
        return settled

    def answered(self, batch: Sequence[Pending], answers: Sequence[Outcome]) -> Settled:
        """The same of messages that others stand between: who asks counts them together."""
        placed = [answer.position for answer in answers if answer.position is not None]
        if placed:
            self._highest = max(placed)
        return settle(batch, answers)

    def count(self, outcomes: Sequence[MessageOutcome]) -> None:
        """Sums up what became of messages."""
        self._counts.add(outcomes)
        self._shown += outcomes[: SHOWN_OUTCOMES - len(self._shown)]

    def report(self, receipt_id: str) -> Report:
        return Report(receipt_id, self._counts, tuple(self._shown), self._highest and str(self._highest))


def settle(batch: Sequence[Pending], answers: Sequence[Outcome]) -> Settled:
    """What became of each message. One whose record was erased meanwhile is refused by the log, and not kept."""
    answer = iter(answers)
    settled = Settled([], [])
    for pending in batch:
        message, state, reason, findings, made, part = pending
        known = [next(answer) for _ in made]
        if any(each.refused is not None for each in known):
            outcome = _refused(pending, known)
            part = Part(message, is_closed=True)
        else:
            events = tuple([_event(each.id, its) for each, its in zip(made, known, strict=True)])
            outcome = MessageOutcome(message.place, state, message.sender_id, reason, findings, events)
        settled.outcomes.append(outcome)
        settled.parts.append(part)
    return settled


def _refused(pending: Pending, known: Sequence[Outcome]) -> MessageOutcome:
    """The outcome of a message of which the log refused events."""
    message = pending.message
    pairs = zip(pending.made, known, strict=True)
    events = tuple(_event(each.id, its) for each, its in pairs if its.refused is None)
    codes = dict.fromkeys(its.refused for its in known if its.refused is not None)
    erased = tuple(Finding(code, "message", "a record that it tells of was erased") for code in codes)
    if not events:
        return MessageOutcome(message.place, "not-mapped", message.sender_id, ERASED, erased)
    findings = (*pending.findings, *erased)
    return MessageOutcome(message.place, "accepted-with-findings", message.sender_id, "", findings, events)


def _event(event_id: bytes, known: Outcome) -> EventOutcome:
    return EventOutcome(event_id.hex(), str(known.position), known.is_known)
