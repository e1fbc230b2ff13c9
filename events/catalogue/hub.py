"""hub.*: what the hub itself decides. Refused from outside; nothing here names a person but by number."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from events.catalogue.base import Payload, Shape, wording
from events.catalogue.rules import Rule, at_most
from events.catalogue.values import (
    Count,
    Decimal,
    EventId,
    Hex,
    HexPrefix,
    Key,
    KeyId,
    Maybe,
    Nonce,
    PersonNumber,
    Record,
    Subject,
    Text,
)

Method = Literal["deterministic", "probabilistic", "manual", "trace"]
# Merges name no record, so that no erasure takes their reason along: it is a code, and says nothing of anybody.
MergeReason = Literal[
    "same-number",
    "same-details",
    "confirmed-by-person",
    "confirmed-by-agency",
    "registered-twice",
    "parted-in-error",
    "not-coded",
]
UnmergeReason = Literal[
    "different-people",
    "shared-number",
    "confirmed-by-person",
    "confirmed-by-agency",
    "merged-in-error",
    "not-coded",
]


class PersonOpened(Payload):
    """A record got a person number of its own."""

    type = "hub.person-opened"
    title = "Person number opened"
    sensitivity = "internal"
    fhir = "Person"
    published = True

    person: PersonNumber
    record: Record
    subject: Subject
    reason: Maybe[Text] = None


class RunnerUp(Shape):
    """The person a record would have gone to but for a better one."""

    person: PersonNumber
    weight_bits: Decimal


class RecordsLinked(Payload):
    """A record was found to be of this person.

    `removed`: what it rested on was about another record too, and went when that was erased.
    """

    type = "hub.records-linked"
    title = "Record linked to this person[ ({method})]"
    words = wording(method={"deterministic": "by rule", "probabilistic": "by likeness", "manual": "by hand"})
    fhir = "Linkage"
    published = True

    record: Record
    subject: Subject
    person: PersonNumber
    causes: Maybe[list[EventId]] = None
    method: Method
    model: Text
    reason: Maybe[Text] = None
    decided_by: Maybe[Text] = None
    levels: Maybe[dict[Text, Text | Count]] = None
    weights: Maybe[dict[Text, Decimal]] = None  # bits per field
    veto: Maybe[Text] = None
    runner_up: Maybe[RunnerUp] = None
    removed: Maybe[Literal[True]] = None


class RecordsUnlinked(Payload):
    """A record was taken from a person. `person` is the number it goes to, `left` the one it leaves.

    `removed`: its reason was about another record too, and went when that was erased.
    """

    type = "hub.records-unlinked"
    title = "Record unlinked from this person"
    fhir = "Linkage"
    published = True

    record: Record
    subject: Subject
    person: PersonNumber
    left: PersonNumber
    reason: Maybe[Text] = None
    decided_by: Text
    causes: Maybe[list[EventId]] = None
    method: Maybe[Method] = None
    model: Maybe[Text] = None
    removed: Maybe[Literal[True]] = None


class PersonsMerged(Payload):
    """Two numbers turned out to be one person: the absorbed one leads to the survivor."""

    type = "hub.persons-merged"
    version = 2
    title = "Merged with another person number"
    fhir = "Person.link"
    published = True

    survivor: PersonNumber
    absorbed: PersonNumber
    reason: MergeReason
    decided_by: Text


class PersonsUnmerged(Payload):
    """A merge was taken back: the absorbed number is a person of its own again."""

    type = "hub.persons-unmerged"
    version = 2
    title = "Separated from another person number"
    fhir = "Person.link"
    published = True

    survivor: PersonNumber
    absorbed: PersonNumber
    reason: UnmergeReason
    decided_by: Text


class ReviewOpened(Payload):
    """Two records may be one person: somebody has to look."""

    type = "hub.review-opened"
    title = "Asked whether two records are one person"
    fhir = "Task"

    pair: Annotated[list[Record], Field(min_length=2, max_length=2)]
    evidence: Maybe[dict[Text, Text]] = None
    outcome: Maybe[Literal["link", "not-same", "later"]] = None
    decided_by: Maybe[Text] = None


class ReviewResolved(ReviewOpened):
    """Somebody looked at two records and decided."""

    type = "hub.review-resolved"
    title = "Decided whether two records are one person[: {outcome}]"
    words = wording(outcome={"link": "yes", "not-same": "no"})


class NotSamePerson(Payload):
    """A human decided that records are different people; it holds against every later run."""

    type = "hub.not-same-person"
    title = "Records decided to be different people"
    sensitivity = "restricted"
    fhir = "Linkage"

    records: Annotated[list[Record], Field(min_length=2)]
    reason: Text
    decided_by: Text
    permanent: Maybe[bool] = None


def _token_range(given: Mapping[str, Any]) -> None:
    low, high = given["range"]
    if low is None or (high is not None and high <= low):
        raise PydanticCustomError("bad-range", "range must be [low, high]: low a text, high above it or null")


class ReturnClosed(Payload):
    """One part of the closing of a full return: which facts of its token range the return named.

    `range` is [low, high): low is included, "" from the start; high is left out, null to the end.
    """

    type = "hub.return-closed"
    title = "Return closed[: part {part}][ of {parts}]"
    sensitivity = "internal"
    fhir = "—"
    published = True
    rules = (at_most("part", "parts"), Rule(_token_range, "range is [low, high), low below high"))

    scope: Text
    order: Text
    part: Count
    parts: Count
    partition: Text
    range: Annotated[list[HexPrefix | None], Field(min_length=2, max_length=2)]
    tokens: list[Subject]
    expected: Count
    incremental: Maybe[bool] = None


class SubjectAct(Payload):
    """An act of a data protection officer on one subject: coded grounds, never free text."""

    sensitivity = "internal"
    fhir = "AuditEvent"

    subject: Subject
    key_ids: Maybe[list[KeyId]] = None
    ground: Key
    reference: Maybe[Text] = None  # the controller's own
    counts: Maybe[dict[Key, Count]] = None


class SubjectRestricted(SubjectAct):
    """A record may not be read, through the past too."""

    type = "hub.subject-restricted"
    title = "Reading restricted"


class SubjectUnrestricted(SubjectAct):
    """A restriction ended."""

    type = "hub.subject-unrestricted"
    title = "Reading no longer restricted"


class SubjectErased(SubjectAct):
    """The keys of a record are destroyed from here on."""

    type = "hub.subject-erased"
    title = "Record erased"


class SubjectReadmitted(SubjectAct):
    """An erased record may send again."""

    type = "hub.subject-readmitted"
    title = "Record admitted again"


class HoldPlaced(SubjectAct):
    """A record may not be erased for now; with a person's number, neither may what is linked to that person later."""

    type = "hub.hold-placed"
    title = "Legal hold placed"

    person: Maybe[PersonNumber] = None


class HoldLifted(SubjectAct):
    """A legal hold ended."""

    type = "hub.hold-lifted"
    title = "Legal hold lifted"


class ClassShredded(SubjectAct):
    """The retention period of a whole class of a record is over: its key is destroyed."""

    type = "hub.class-shredded"
    title = "Kept long enough and destroyed"

    retention_class: Key


class RemovedRow(Shape):
    """All that the leaf of a row is the hash of, but its body: the tree cannot hold the row without that any more."""

    position: Text
    known_us: Count  # microseconds since 1970
    header: Hex
    nonce: Nonce


class BodyRemoved(SubjectAct):
    """The body of an event was removed from the log; its leaf stays.

    `rows` repeats what the rows said beside their bodies, as their leaves held it until then; older ones have none.
    """

    type = "hub.body-removed"
    title = "Content removed"

    positions: Annotated[list[Text], Field(min_length=1)]
    rows: Maybe[list[RemovedRow]] = None


class ErasureCompleted(SubjectAct):
    """Everything an erasure has to do is done, and its certificate is signed."""

    type = "hub.erasure-completed"
    title = "Erasure completed"

    certificate: Maybe[EventId] = None  # SHA-256 of it


class EpochAct(Payload):
    """What happened to the log itself in one of its epochs."""

    sensitivity = "internal"
    fhir = "—"

    epoch: Text
    demo: Maybe[bool] = None


class LogOpened(EpochAct):
    """A new log began; a demo's clock is driven by its script."""

    type = "hub.log-opened"
    title = "Log opened"
    published = True


class Restored(EpochAct):
    """A log was restored from a copy into a new epoch: where the old one ended, and what is known to be lost.

    `origin` is the old one, of which `size` events with this root are still there; `known_size` is the largest size
    that anybody remembers of it, `known_by` a witness's name or `key-store`; `lost_from` and `lost_to` are positions.
    """

    type = "hub.restored"
    title = "Log restored from a backup"
    published = True

    origin: Maybe[Text] = None
    size: Maybe[Count] = None
    root: Maybe[Text] = None
    known_size: Maybe[Count] = None
    known_by: Maybe[Text] = None
    lost_from: Maybe[Count] = None
    lost_to: Maybe[Count] = None
    by_hand: Maybe[bool] = None  # files were copied back, and declared afterwards
    lost_erasures_accepted: Maybe[bool] = None


class LinkerOpened(EpochAct):
    """A linker began to decide."""

    type = "hub.linker-opened"
    title = "Linker opened"


class Ticked(EpochAct):
    """Time passed in a partition where nothing else happened."""

    type = "hub.ticked"
    title = "Time noted"


class PartitionClosed(EpochAct):
    """Nothing more is written to a partition."""

    type = "hub.partition-closed"
    title = "Partition closed"
