"""What protects a person and would go with a record: it is said again elsewhere, or its end is confirmed by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from projections.custody import queries as custody
from projections.engine.membership import queries as membership
from projections.engine.membership.queries import RecordOfPerson
from projections.timeline.entry import Entry
from projections.timeline.queries import Wanted, entries_of

RuleKind = Literal["consent", "refusal", "seal", "safety", "restriction", "severance"]
RESTRICTION, SEVERANCE = "restriction", "severance"
_UNTOLD = ("effective", "recorded_by", "note")  # fields that do not change what a rule says


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is the fact's; `stands_in` another record of the same person that says the same, if there is one."""

    name: str
    kind: RuleKind
    type: str
    stands_in: str | None = None


def rules_of(db: sqlite3.Connection, subject: bytes) -> list[Rule]:
    """The rules of a record, by name."""
    record = membership.record_of_subject(db, subject) or ""
    mine = entries_of(db, [RecordOfPerson(subject, record)], Wanted())
    others = entries_of(db, _others(db, subject), Wanted())
    rules = [
        Rule(entry.name, kind, entry.type, _said_again(entry, others)) for entry in mine if (kind := _kind_of(entry))
    ]
    if custody.is_restricted(db, subject):
        rules.append(Rule(RESTRICTION, "restriction", "hub.subject-restricted"))
    if membership.is_severed(db, subject):  # sent again, the record would be held for that person's by rule
        rules.append(Rule(SEVERANCE, "severance", "hub.records-unlinked"))
    return sorted(rules, key=lambda rule: (rule.name, rule.type))


def _others(db: sqlite3.Connection, subject: bytes) -> Sequence[RecordOfPerson]:
    """Other records of the same person."""
    person = membership.person_of(db, subject)
    page = membership.page_of(db, person) if person is not None else None
    return [each for each in page.records if each.subject != subject] if page is not None else []


def _said_again(entry: Entry, others: Sequence[Entry]) -> str | None:
    mine = _told(entry.payload)
    return next((each.record for each in others if each.type == entry.type and _told(each.payload) == mine), None)


def _told(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name not in _UNTOLD}


def _kind_of(entry: Entry) -> RuleKind | None:
    return next(_kinds(entry.type, entry.payload), None)


def _kinds(kind: str, payload: Mapping[str, Any]) -> Iterator[RuleKind]:
    if kind == "consent.given":
        yield "consent"
    elif kind == "consent.withdrawn" or (kind == "telling.question-answered" and payload.get("status") == "declined"):
        yield "refusal"
    elif kind == "access.contact-preference-stated" or (
        kind == "risk.alert-changed" and payload.get("action") != "ended"
    ):
        yield "safety"
    if payload.get("address_withheld"):
        yield "safety"
    if payload.get("may_be_shown_to") is not None:
        yield "seal"
