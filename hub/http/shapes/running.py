"""The log, the sources, how the hub itself goes, and problems."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from hub.http.shapes.base import Answer


class ClosedRow(Answer):
    """Why a row does not open: `erased` where its key was destroyed on purpose, `removed` where its body was redacted.

    Of a removed row whose agency and known time nothing holds any more both are null.
    """

    code: str
    agency: str | None


class LogRow(Answer):
    """A line of the log: the event, or why it stays closed, and what the log assigned to it."""

    position: str
    known: str | None
    leaf: str
    event: dict[str, Any] | None
    closed: ClosedRow | None


class DayOfSource(Answer):
    day: str
    receipts: int
    accepted: int
    with_findings: int
    not_mapped: int
    quarantined: int
    last_received: str


class SourceState(Answer):
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


class RefusedRow(Answer):
    """A row of the log that counts nowhere: no key opens it, or another than it should be under."""

    position: str
    agency: str
    code: str


class Sources(Answer):
    sources: list[SourceState]
    refused: list[RefusedRow]


class SystemOfAgency(Answer):
    """`adapters`: those it may send with; none named means any."""

    name: str
    adapters: list[str]


class AgencyState(Answer):
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


class Agencies(Answer):
    agencies: list[AgencyState]


class HaltedLane(Answer):
    view: str
    at: int
    since: str
    code: str


class Verification(Answer):
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


class Witnessing(Answer):
    """`without_s`: for how many seconds the oldest event is known that no witness has cosigned; null without witnesses.

    `none`: no witness is named. `late`: fifteen minutes or more. `refused`: a witness contradicts the log.
    """

    state: Literal["none", "well", "waiting", "late", "refused"]
    without_s: int | None


class WitnessState(Answer):
    """How far a witness has cosigned this epoch, when last, and why not further (a code)."""

    name: str
    size: int
    cosigned: str | None
    without_s: int
    code: str


class ErasureListState(Answer):
    """Of the list of erasures: its second place. Where that is out of reach, nothing can be erased, held or restricted.

    `none`: none is named. `behind`: so many lines are in the home alone. `refused`: for what it says, by `code`.
    `since`: from when on the hub has seen it so.
    """

    state: Literal["none", "well", "behind", "out-of-reach", "refused"]
    behind: int | None
    code: str | None
    since: str | None


class Ready(Answer):
    """`lag` and `undecided`: how many events the views and linkage are behind the log's head.

    `waits_for_room`: the disk takes nothing more; the views go on by themselves once there is room.
    `rebuilding`: views are folded again beside those that are read. `refused_rows`: how many rows of the log count
    nowhere, by code; that alone makes no hub unready. `refuses_writes`: the code of what keeps the log
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
    refused_rows: dict[str, int]
    refuses_writes: str | None
    witness: Witnessing
    erasure_list: ErasureListState


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


class Alive(Answer):
    alive: Literal[True]


class FaultOfField(Answer):
    where: str
    what: str


class Problem(Answer):
    """RFC 9457, with a stable `code`, where it is and what to do. `errors` and `reference` where there are any."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    where: str
    next_step: str
    errors: list[FaultOfField] = Field([])
    reference: str = ""
