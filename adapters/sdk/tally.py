"""The log's answers, summed up to the report on a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.sdk.adapter import Finding
from adapters.sdk.outcome import Counts, EventOutcome, MessageOutcome, Report, State
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
        placed = [answer.position for answer in answers if answer.position is not None]
        if placed:
            self._highest = max(placed)
        return outcomes

    def report(self, receipt_id: str) -> Report:
        return Report(receipt_id, self._counts, tuple(self._shown), self._highest and str(self._highest))


def outcomes_of(batch: Sequence[Pending], answers: Sequence[Outcome]) -> list[MessageOutcome]:
    """What became of each message. An event that the log refused is none, and a finding says why."""
    answer = iter(answers)
    outcomes = []
    for message, state, reason, findings, made in batch:
        events, refused = [], []
        for each in made:
            known = next(answer)
            if known.refused is None:
                events.append(EventOutcome(each.id.hex(), str(known.position), known.is_known))
            else:
                refused.append(known.refused)
        outcome = MessageOutcome(message.place, state, message.sender_id, reason, findings, tuple(events))
        outcomes.append(_noted(outcome, refused) if refused else outcome)
    return outcomes


def _noted(outcome: MessageOutcome, refused: Sequence[str]) -> MessageOutcome:
    findings = (*outcome.findings, *(Finding(code, outcome.place) for code in dict.fromkeys(refused)))
    state: State = "accepted-with-findings" if outcome.state == "accepted" else outcome.state
    return replace(outcome, findings=findings, state=state)
