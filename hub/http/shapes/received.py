"""What came in, and what became of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hub.http.shapes.base import Answer


class Finding(Answer):
    code: str
    where: str
    detail: str


class EventOutcome(Answer):
    id: str
    position: str
    is_duplicate: bool


class Outcome(Answer):
    """What became of one message."""

    place: str
    state: Literal["accepted", "accepted-with-findings", "not-mapped", "quarantined"]
    sender_id: str | None
    reason: str = Field(description="What was not mapped, by name; empty otherwise.")
    findings: list[Finding] = Field(description="Of a quarantined message the first one says why.")
    events: list[EventOutcome]


class Counts(Answer):
    """`accepted` includes messages with findings; `findings` counts findings; `events` are new ones."""

    messages: int
    accepted: int
    findings: int
    not_mapped: int
    quarantined: int
    events: int
    duplicates: int


class Report(Counts):
    """Everything in it is durable. `position` is the highest of its events: read your own writes from there."""

    receipt: str
    position: str | None
    outcomes: list[Outcome] = Field(description="The first thousand; the receipt has them all.")


class Receipt(Counts):
    receipt: str
    status: Literal["received", "done"]
    agency: str
    system: str
    adapter: str
    file_name: str | None
    received: str
    size_bytes: int
    outcomes: list[Outcome]


class FoundMessage(Outcome):
    receipt: str
    received: str


class FoundMessages(Answer):
    messages: list[FoundMessage]


class Quarantined(Answer):
    number: str
    receipt: str
    agency: str
    system: str
    adapter: str
    file_name: str | None
    place: str
    code: str
    where: str
    detail: str
    sender_id: str | None
    state: Literal["waiting", "released", "expired"]
    noted: str
    kept_until: str


class Quarantine(Answer):
    quarantine: list[Quarantined]


class Retried(Outcome):
    quarantine: str
    receipt: str
