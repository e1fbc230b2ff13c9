"""What is asked and what is answered, as OpenAPI tells it.

Questions are checked by these models. Answers come from `hub.services` as they are; tests hold every one against its
model, so that nothing is checked twice while serving.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.linkage.reasons import MERGE_REASONS, UNMERGE_REASONS
from hub.reading import LIMIT_DEFAULT, LIMIT_MAX

PersonNumber = str
_REASON_MAX = 1_000


class _Question(BaseModel):
    """Bodies of POST: texts as they are, nothing converted, nothing beyond what is listed."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


# ---- asked


class PeopleAsked(_Question):
    """Give an NHS number, a name with a birth date, or a record."""

    nhs_number: str | None = Field(None, description="Ten digits, blanks and hyphens between them allowed.")
    name: str | None = Field(None, max_length=400, description="Given and family names, in any order.")
    born: str | None = Field(None, description="The birth date, YYYY-MM-DD.")
    record: str | None = Field(None, description="`<agency>:<system>/<type>/<id>`.")


class TimelineAsked(_Question):
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


class LinkAsked(_Question):
    record: str
    person: PersonNumber
    reason: str = Field(min_length=1, max_length=_REASON_MAX)


class UnlinkAsked(_Question):
    record: str
    reason: str = Field(min_length=1, max_length=_REASON_MAX)


class PairAsked(_Question):
    """Two persons: the one who stays, and the one who leads to them. The reason is a code."""

    survivor: PersonNumber
    absorbed: PersonNumber
    reason: str = Field(
        min_length=1,
        max_length=_REASON_MAX,
        description=f"To merge, one of {', '.join(MERGE_REASONS)}; to take it back, {', '.join(UNMERGE_REASONS)}.",
    )


# ---- answered: what came in


class Finding(_Answer):
    code: str
    where: str
    detail: str


class EventOutcome(_Answer):
    id: str
    position: str
    is_duplicate: bool


class Outcome(_Answer):
    """What became of one message."""

    place: str
    state: Literal["accepted", "accepted-with-findings", "not-mapped", "quarantined"]
    sender_id: str | None
    reason: str = Field(description="What was not mapped, by name; empty otherwise.")
    findings: list[Finding] = Field(description="Of a quarantined message the first one says why.")
    events: list[EventOutcome]


class Counts(_Answer):
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


class FoundMessages(_Answer):
    messages: list[FoundMessage]


class Quarantined(_Answer):
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
    state: Literal["waiting", "released"]
    noted: str
    kept_until: str


class Quarantine(_Answer):
    quarantine: list[Quarantined]


class Retried(Outcome):
    quarantine: str
    receipt: str


# ---- answered: people


class RecordOfPerson(_Answer):
    record: str
    names: list[dict[str, Any]] | None = None
    birth_date: str | None = None
    identifiers: list[dict[str, Any]] | None = None
    addresses: list[dict[str, Any]] | None = None
    telecoms: list[dict[str, Any]] | None = None


class Person(_Answer):
    """`leads_to` is another number where this one was merged or its record moved, and that, like `merged`, is today's.

    `records` and what they are registered with are as of `as_of`.
    """

    person: PersonNumber
    leads_to: PersonNumber
    merged: list[PersonNumber]
    opened: str
    as_of: str | None
    records: list[RecordOfPerson]


class People(_Answer):
    people: list[Person]


class Occurred(_Answer):
    start: str | None
    end: str | None
    approximate: bool


class Entry(_Answer):
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


class Halted(_Answer):
    """A record whose fold stands still: what came since is not on this timeline."""

    record: str
    view: str
    since: str
    code: str


class Destroyed(_Answer):
    """A class of a record that was kept long enough: what it held is on no page, of whatever time."""

    record: str
    retention: str
    since: str


class Timeline(_Answer):
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


class Version(_Answer):
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


class History(_Answer):
    fact: str
    name: str
    record: str | None
    person: PersonNumber | None
    versions: list[Version]


class Linked(_Answer):
    """`left` is the number that the record had before."""

    record: str
    person: PersonNumber
    left: PersonNumber | None
    position: str


class Paired(_Answer):
    survivor: PersonNumber
    absorbed: PersonNumber
    position: str


# ---- answered: the hub itself


class ClosedRow(_Answer):
    """Why a row does not open: `erased` where its key was destroyed on purpose, `removed` where its body was redacted.

    Of a removed row whose agency and known time nothing holds any more both are null.
    """

    code: str
    agency: str | None


class LogRow(_Answer):
    """A line of the log: the event, or why it stays closed, and what the log assigned to it."""

    position: str
    known: str | None
    leaf: str
    event: dict[str, Any] | None
    closed: ClosedRow | None


class DayOfSource(_Answer):
    day: str
    receipts: int
    accepted: int
    with_findings: int
    not_mapped: int
    quarantined: int
    last_received: str


class SourceState(_Answer):
    source: str
    last_received: str | None
    silent_hours: int | None
    accepted: int
    not_mapped: int
    quarantined: int
    events: int
    findings: int
    shared_message_ids: int
    missing_in_sequence: list[list[int]]
    days: list[DayOfSource]


class RefusedRow(_Answer):
    """A row of the log that counts nowhere: no key opens it, or another than it should be under."""

    position: str
    agency: str
    code: str


class Sources(_Answer):
    sources: list[SourceState]
    refused: list[RefusedRow]


class SystemOfAgency(_Answer):
    """`adapters`: those it may send with; none named means any."""

    name: str
    adapters: list[str]


class AgencyState(_Answer):
    name: str
    title: str
    zone: str
    agreement_from: str
    agreement_to: str
    agreement_reference: str
    lawful_basis: str
    default_sensitivity: str
    systems: list[SystemOfAgency]
    may_send: bool


class Agencies(_Answer):
    agencies: list[AgencyState]


class HaltedLane(_Answer):
    view: str
    at: int
    since: str
    code: str


class Verification(_Answer):
    """The hub verifies its own log, over and over. What the last whole pass found, and when it ended.

    `verified` is null until the first pass has come to its end; `now_at` is how far the one is that runs.
    """

    verified: bool | None
    at: str | None
    age_s: float | None
    events: int
    fault: str | None
    first_bad: str | None
    now_at: int


class Witnessing(_Answer):
    """`without_s`: for how many seconds the oldest event is known that no witness has cosigned; null without witnesses.

    `none`: no witness is named. `late`: fifteen minutes or more. `refused`: a witness contradicts the log.
    """

    state: Literal["none", "well", "waiting", "late", "refused"]
    without_s: int | None


class WitnessState(_Answer):
    """How far a witness has cosigned this epoch, when last, and why not further (a code)."""

    name: str
    size: int
    cosigned: str | None
    without_s: int
    code: str


class Ready(_Answer):
    """`lag` and `undecided`: how many events the views and linkage are behind the log's head.

    `waits_for_room`: the disk takes nothing more; the views go on by themselves once there is room.
    `rebuilding`: views are folded again beside those that are read. `refuses_writes`: the code of what keeps the log
    from taking events, null where nothing does.
    """

    ready: bool
    waits_for_room: bool
    rebuilding: bool
    epoch: str
    events: int
    lag: int
    undecided: int
    verification: Verification
    refuses_writes: str | None
    witness: Witnessing


class Status(Ready):
    checkpoints: dict[str, dict[str, int]]
    halted: list[HaltedLane]
    numbers: int
    records: int
    persons_with_records: int
    quarantine_waiting: int
    receipts_missing: list[str]
    log: str
    log_key: str = Field(description="What checkpoints of the log are verified with (C2SP vkey).")
    witnesses: list[WitnessState]


class Alive(_Answer):
    alive: Literal[True]


class FaultOfField(_Answer):
    where: str
    what: str


class Problem(_Answer):
    """RFC 9457, with a stable `code`, where it is and what to do. `errors` and `reference` where there are any."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    where: str
    next_step: str
    errors: list[FaultOfField] = []
    reference: str = ""
