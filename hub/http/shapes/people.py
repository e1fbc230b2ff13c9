"""People, their timelines, and which records are whose."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hub.http.shapes.base import Answer, PersonNumber, Question
from hub.linkage.reasons import MERGE_REASONS, UNMERGE_REASONS
from hub.reading import LIMIT_DEFAULT, LIMIT_MAX

_REASON_MAX = 1_000


# ---- asked


class PeopleAsked(Question):
    """Give an NHS number, a name with a birth date, or a record."""

    nhs_number: str | None = Field(None, description="Ten digits, blanks and hyphens between them allowed.")
    name: str | None = Field(None, max_length=400, description="Given and family names, in any order.")
    born: str | None = Field(None, description="The birth date, YYYY-MM-DD.")
    record: str | None = Field(None, description="`<agency>:<system>/<type>/<id>`.")


class TimelineAsked(Question):
    """Whose timeline, by person number or NHS number, and what of it: the same as the route of a person has."""

    person: PersonNumber | None = None
    nhs_number: str | None = None
    as_of: str | None = Field(None, description="An RFC 3339 instant, or a day: as of its end.")
    day_from: str | None = Field(None, alias="from", description="Only what was true on this day or later.")
    day_to: str | None = Field(None, alias="to", description="Only what was true on this day or earlier.")
    agency: str | None = Field(None, description="Only what this agency said.")
    type: str | None = Field(None, description="Only events of this type, or family of types (`health`).")
    cursor: str | None = Field(None, description="`next` of the page before.")
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)
    order: Literal["oldest", "newest"] = "oldest"
    min_position: str | None = Field(None, description="Wait until what stands at this position is read.")


class LinkAsked(Question):
    record: str
    person: PersonNumber
    reason: str = Field(min_length=1, max_length=_REASON_MAX)


class UnlinkAsked(Question):
    record: str
    reason: str = Field(min_length=1, max_length=_REASON_MAX)


class PairAsked(Question):
    """Two persons: the one who stays, and the one who leads to them. The reason is a code."""

    survivor: PersonNumber
    absorbed: PersonNumber
    reason: str = Field(
        min_length=1,
        max_length=_REASON_MAX,
        description=f"To merge, one of {', '.join(MERGE_REASONS)}; to take it back, {', '.join(UNMERGE_REASONS)}.",
    )


# ---- answered


class RecordOfPerson(Answer):
    record: str
    names: list[dict[str, Any]] | None = None
    birth_date: str | None = None
    identifiers: list[dict[str, Any]] | None = None
    addresses: list[dict[str, Any]] | None = None
    telecoms: list[dict[str, Any]] | None = None


class Person(Answer):
    """`leads_to` is another number where this one was merged or its record moved, and that, like `merged`, is today's.

    `records` and what they are registered with are as of `as_of`.
    """

    person: PersonNumber
    leads_to: PersonNumber
    merged: list[PersonNumber]
    opened: str
    as_of: str | None
    records: list[RecordOfPerson]


class People(Answer):
    people: list[Person]


class Occurred(Answer):
    start: str | None
    end: str | None
    approximate: bool


class Entry(Answer):
    """One standing fact of one record."""

    fact: str = Field(description="Opaque reference; `history` takes it.")
    name: str
    record: str
    type: str
    title: str
    occurred: Occurred
    recorded: str | None
    known_from: str
    last_confirmed: str
    order: str | None
    orderfrom: Literal["sender", "file", "arrival"]
    key_event: bool
    payload: dict[str, Any]
    findings: list[str]
    event: str
    position: str


class Halted(Answer):
    """A record whose fold stands still: what came since is not on this timeline."""

    record: str
    view: str
    since: str
    code: str


class Destroyed(Answer):
    """A class of a record that was kept long enough: what it held is on no page, of whatever time."""

    record: str
    retention: str
    since: str


class Timeline(Answer):
    person: PersonNumber
    leads_to: PersonNumber
    merged: list[PersonNumber]
    is_open: bool
    as_of: str | None
    position: str = Field(description="Up to where the views have read the log.")
    stale: bool = Field(description="True where something acknowledged is not in this answer yet.")
    halted: list[Halted]
    destroyed: list[Destroyed]
    next: str | None = Field(description="The cursor of the next page.")
    entries: list[Entry]


class Version(Answer):
    """One thing said of a fact. `stood` are the times in which it stood; an end of null is still to come."""

    action: str
    type: str
    known: str
    recorded: str | None
    time: str | None
    order: str | None
    orderfrom: str
    stood: list[tuple[str, str | None]]
    wrong_person: bool
    factgroup: str | None
    returnscope: str | None
    findings: list[str]
    payload: dict[str, Any]
    event: str
    position: str


class History(Answer):
    fact: str
    name: str
    record: str | None
    person: PersonNumber | None
    versions: list[Version]


class Linked(Answer):
    """`left` is the number that the record had before."""

    record: str
    person: PersonNumber
    left: PersonNumber | None
    position: str


class Paired(Answer):
    survivor: PersonNumber
    absorbed: PersonNumber
    position: str
