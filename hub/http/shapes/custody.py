"""What officers ask and are answered, as OpenAPI tells it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hub.http.shapes.base import Answer, PersonNumber, Question


class PlanAsked(Question):
    record: str


class ActAsked(Question):
    """`ground` is a code, `reference` the controller's own number: neither names anybody."""

    record: str
    ground: str
    reference: str | None = None


class ErasureAsked(ActAsked):
    ends: list[str] = Field([], description="Consents, refusals and rules that end with the record, by name.")


class HoldAsked(Question):
    """Give a record or a person's number."""

    record: str | None = None
    person: PersonNumber | None = None
    ground: str
    reference: str | None = None


class RedactionAsked(Question):
    position: str
    ground: str
    reference: str | None = None
    third_persons: bool = Field(False, description="Only whom the event's fact has named, in all its versions so far.")


class _OfType(Answer):
    type: str
    many: int


class _KeyName(Answer):
    holder: str
    retention: str
    key: str


class _Rule(Answer):
    name: str
    kind: Literal["consent", "refusal", "seal", "safety", "restriction"]
    type: str
    stands_in: str | None = Field(description="Another record of the same person that says the same.")


class Hold(Answer):
    record: str | None
    subject: str
    person: PersonNumber | None
    ground: str
    reference: str | None
    since: str


class Plan(Answer):
    """What would go with a record."""

    record: str
    agency: str
    subject: str
    person: PersonNumber | None
    others: list[str] = Field(description="The same person's records, which stay.")
    events: int = Field(description="All of them: those of `by_type`, `decisions`, and what is on no timeline.")
    decisions: int = Field(description="What the hub itself decided about the record.")
    by_type: list[_OfType]
    keys: list[_KeyName]
    rules: list[_Rule]
    holds: list[Hold]


class _Backups(Answer):
    is_final: bool
    says: str
    key_backups_expire: str


class _Unread(Answer):
    agency: str
    gone_by: str | None


class Certificate(Answer):
    """What an erasure did (docs/erasure.md); `certificate` is the same, signed."""

    format: str
    log: str
    agency: str
    subject: str
    ground: str
    reference: str | None
    begun: str
    erased: str
    certified: str
    events: int
    rules_ended: int
    keys: list[_KeyName]
    proof: dict[str, Any]
    steps: list[str]
    leases: str
    backups: _Backups
    unread: _Unread
    exports: str
    remains: list[str]
    attests: str
    certificate: str
    file: str


class Acted(Answer):
    record: str
    position: str


class HeldRecords(Answer):
    person: PersonNumber | None
    record: str | None
    records: list[str]
    position: str


class Holds(Answer):
    holds: list[Hold]


class _Period(Answer):
    agency: str | None = Field(description="null: all that have no periods of their own.")
    retention: str
    years: int
    source: str
    verified: bool


class _Due(Answer):
    agency: str
    record: str
    retention: str
    last: str
    over_on: str
    held: bool


class RetentionTable(Answer):
    periods: list[_Period]
    due: list[_Due]


class DestroyedClasses(Answer):
    destroyed: list[_Due]


class Redacted(Answer):
    position: str
    ground: str
    third_persons: bool
