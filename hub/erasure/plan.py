"""What would go with a record, before anything goes: the dry run."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.clock import us_text
from events.errors import Refused
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from events.sealing import SecretName
from hub.erasure.doors import held
from hub.erasure.rules import Rule, rules_of
from projections.custody import queries as custody
from projections.custody.queries import Hold
from projections.engine.membership import queries as membership

_BY_TYPE = "SELECT type, count(*) FROM timeline_entries WHERE subject = ? GROUP BY type ORDER BY type"
_EVENTS = "SELECT count(*), count(*) FILTER (WHERE retention = '') FROM sources_said WHERE subject = ?"

_UP_TO = "SELECT next FROM checkpoints WHERE projection = 'sources' AND partition = ?"


class Counted(NamedTuple):
    """Events about a record, those of them that the hub decided, and the first offset that is not counted."""

    events: int
    decisions: int
    up_to: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known of a record before it goes."""

    record: str
    agency: str
    subject: SubjectId
    secrets: Sequence[SecretName]
    person: str | None
    others: Sequence[str]  # the same person's records that stay
    counted: Counted  # those of its types, the hub's own decisions, and what is on no timeline
    by_type: Sequence[tuple[str, int]]
    rules: Sequence[Rule]
    holds: Sequence[Hold]

    def check(self, ends: Sequence[str]) -> None:
        """Raises Refused `rules-would-vanish` where an end is not confirmed, `unknown-rule` where there is none."""
        names = {rule.name for rule in self.rules}
        if unknown := [name for name in ends if name not in names]:
            raise Refused(
                "unknown-rule",
                f"{len(unknown)} of the ends that you confirm are not among the rules that would go",
                where="ends",
                next_step="The dry run names them.",
            )
        left = [rule.name for rule in self.rules if rule.stands_in is None and rule.name not in ends]
        if left:
            raise Refused(
                "rules-would-vanish",
                f"{len(left)} consents, refusals or rules that protect the person would go with the record",
                where="record",
                next_step="The dry run names them: have each said again in a record that stays, or confirm its end "
                "with --end NAME.",
            )

    def document(self) -> dict[str, Any]:
        return {
            "record": self.record,
            "agency": self.agency,
            "subject": self.subject.hex(),
            "person": self.person,
            "others": list(self.others),
            "events": self.counted.events,
            "decisions": self.counted.decisions,
            "by_type": [{"type": kind, "many": many} for kind, many in self.by_type],
            "keys": [
                {"holder": each.agency, "retention": each.retention, "key": each.key_id.hex()} for each in self.secrets
            ],
            "rules": [
                {"name": rule.name, "kind": rule.kind, "type": rule.type, "stands_in": rule.stands_in}
                for rule in self.rules
            ],
            "holds": [hold_document(hold, None) for hold in self.holds],
        }


def plan_of(
    db: sqlite3.Connection, record: str, agency: str, subject: SubjectId, secrets: Sequence[SecretName]
) -> Plan:
    """What a snapshot of the views says of a record."""
    person = membership.person_of(db, subject)
    page = membership.page_of(db, person) if person is not None else None
    others = [each.record for each in page.records if each.subject != subject] if page is not None else []
    return Plan(
        record,
        agency,
        subject,
        secrets,
        person,
        others,
        counted(db, subject),
        db.execute(_BY_TYPE, (subject,)).fetchall(),
        rules_of(db, subject),
        holds_over(db, subject),
    )


def counted(db: sqlite3.Connection, subject: bytes) -> Counted:
    """All that a snapshot of the views holds of a record's events, and how far it goes: what comes later is added."""
    events, decisions = db.execute(_EVENTS, (subject,)).fetchone()
    (up_to,) = db.execute(_UP_TO, (PARTITION,)).fetchone() or (0,)
    return Counted(events, decisions, up_to)


def holds_over(db: sqlite3.Connection, subject: bytes) -> list[Hold]:
    """Holds on a record, and on the person that it belongs to now, whenever it was linked."""
    person = membership.person_of(db, subject)
    return [
        hold
        for hold in custody.holds(db)
        if hold.subject == subject or (hold.person is not None and membership.lead(db, hold.person) == person)
    ]


def check_not_held(db: sqlite3.Connection, subject: bytes) -> None:
    """Raises Refused `held`."""
    if holds := holds_over(db, subject):
        raise held(len(holds))


def hold_document(hold: Hold, record: str | None) -> dict[str, Any]:
    return {
        "record": record,
        "subject": hold.subject.hex(),
        "person": hold.person,
        "ground": hold.ground,
        "reference": hold.reference or None,
        "since": us_text(hold.since_us),
    }
