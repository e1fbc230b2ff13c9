"""The log's answers, summed up to the report on a receipt."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.sdk.outcome import Counts, EventOutcome, MessageOutcome, Report
from adapters.sdk.reading import Pending
from events.log.port import Outcome, Position

SHOWN_OUTCOMES = 1_000


class Tally:
    """Sums up one receipt, batch by batch."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._shown: list[MessageOutcome] = []
        self._highest: Position | None = None

    def add(self, batch: Sequence[Pending], answers: Sequence[Outcome]) -> list[MessageOutcome]:
        """The outcomes of a batch, from what the log answered to each of its events."""
        outcomes = outcomes_of(batch, answers)
        self._counts.add(outcomes)
        self._shown += outcomes[: SHOWN_OUTCOMES - len(self._shown)]
        if answers:
            self._highest = max(answer.position for answer in answers)
        return outcomes

    def report(self, receipt_id: str) -> Report:
        return Report(receipt_id, self._counts, tuple(self._shown), self._highest and str(self._highest))


def outcomes_of(batch: Sequence[Pending], answers: Sequence[Outcome]) -> list[MessageOutcome]:
    """What became of each message."""
    answer = iter(answers)
    outcomes = []
    for message, state, reason, findings, made in batch:
        events = tuple([_event(each.id, next(answer)) for each in made])
        outcomes.append(MessageOutcome(message.place, state, message.sender_id, reason, findings, events))
    return outcomes


def _event(event_id: bytes, known: Outcome) -> EventOutcome:
    return EventOutcome(event_id.hex(), str(known.position), known.is_known)
