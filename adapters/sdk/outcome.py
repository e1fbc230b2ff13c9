"""What became of what was received: per message, and summed up per receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from adapters.sdk.adapter import Finding

State = Literal["accepted", "accepted-with-findings", "not-mapped", "quarantined"]


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """One event of a message: its id (hex), its position's text form, and whether the log held it already."""

    id: str
    position: str
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """The answer to "what happened to this message?"."""

    place: str
    state: State
    sender_id: str | None = None
    reason: str = ""  # what was not mapped, by name; empty otherwise
    findings: tuple[Finding, ...] = ()  # for a quarantined message the first one says why
    events: tuple[EventOutcome, ...] = ()


@dataclass(slots=True)
class Counts:
    """Sums over a receipt. `accepted` includes the messages with findings; `findings` counts findings."""

    messages: int = 0
    accepted: int = 0
    findings: int = 0
    not_mapped: int = 0
    quarantined: int = 0
    events: int = 0
    duplicates: int = 0

    def add(self, outcomes: Sequence[MessageOutcome]) -> None:
        for outcome in outcomes:
            self.messages += 1
            self.accepted += outcome.state in ("accepted", "accepted-with-findings")
            self.not_mapped += outcome.state == "not-mapped"
            self.quarantined += outcome.state == "quarantined"
            self.findings += len(outcome.findings)
            for event in outcome.events:
                self.duplicates += event.is_duplicate
                self.events += not event.is_duplicate


SUMS = tuple(each.name for each in fields(Counts))


@dataclass(frozen=True, slots=True)
class Report:
    """What a sender is told. `outcomes` holds the first thousand; the receipt has them all."""

    receipt: str
    counts: Counts
    outcomes: tuple[MessageOutcome, ...] = field(default=())
    position: str | None = None  # the highest of its events: read your own writes from here
