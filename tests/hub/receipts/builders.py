"""Outcomes of messages."""

from adapters.sdk.adapter import Finding
from adapters.sdk.outcome import EventOutcome, MessageOutcome


def accepted(place: object, *, sender_id: str | None = None, findings: int = 0, duplicates: int = 0) -> MessageOutcome:
    events = tuple(EventOutcome(f"{at:064x}", f"e:main-0:{at}", at < duplicates) for at in range(max(1, duplicates)))
    found = tuple(Finding("odd-value", f"column {at}", "not in the code list") for at in range(findings))
    state = "accepted-with-findings" if findings else "accepted"
    return MessageOutcome(str(place), state, sender_id, "", found, events)  # type: ignore[arg-type]


def not_mapped(place: object) -> MessageOutcome:
    return MessageOutcome(str(place), "not-mapped", reason="trigger ADT^A60")


def quarantined(place: object, *, code: str = "bad-segment", sender_id: str | None = None) -> MessageOutcome:
    why = Finding(code, "PID-3", "the record cannot be told")
    return MessageOutcome(str(place), "quarantined", sender_id, "", (why, Finding("odd-value", "PID-8")))
