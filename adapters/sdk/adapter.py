"""What an adapter is: bytes are split into messages, a message is translated, purely, into facts.

An adapter knows its sender's format and nothing of the hub: no clock, no store, no identity. What it returns is
turned into events by `adapters.sdk.intake`. What there is one of an event is a named tuple: a frozen dataclass of as
many fields takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, runtime_checkable

Action = Literal["assert", "withdraw", "void", "withdraw-group"]
OrderFrom = Literal["sender", "file", "arrival"]
Payload = Mapping[str, Any]
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault noted in a message that was still accepted, or why it was not. Never holds a person's data."""

    code: str  # stable, lower-case words joined by hyphens, documented in docs/errors.md
    where: str  # field path in the sender's words: "PID-7", "row 17, column tenure"
    detail: str = ""  # a plain sentence; never the value


class Fact(NamedTuple):
    """What one event will say about one source record."""

    record_type: str
    local_id: str
    type: str  # an event type of the catalogue; for a withdrawal or void, the fact's own type
    name: str | None  # the fact's name; None only for withdraw-group
    payload: Payload = _NOTHING
    action: Action = "assert"
    order: str | None = None  # without the place: intake appends the how-manieth event of this fact in the message
    order_from: OrderFrom = "arrival"  # "file": places are counted over the whole file, else within the message
    order_is_whole: bool = False  # the sender wrote the whole order, place included: nothing is appended
    time: str | None = None  # CloudEvents time: RFC 3339 instants only
    recorded_time: str | None = None
    said_by: str | None = None
    sensitivity: str | None = None  # only when the sender says so; else the register's
    group: str | None = None
    return_scope: str | None = None
    findings: tuple[Finding, ...] = ()
    attributes: Mapping[str, str] = _NOTHING  # other documented CloudEvents extensions


class Message(NamedTuple):
    """One message, row or resource of what was received."""

    place: str  # where in the receipt: "1", "row 17", "1/entry 3"; unique within it
    raw: bytes  # the part's own bytes, or the record's own extract
    sender_id: str | None = None  # the sender's message id, e.g. HL7 MSH-10, CloudEvents id
    fault: Finding | None = None  # set when the part could not even be cut out; it goes to quarantine
    header: bytes | None = None  # the heading line a table's row is read by; the same for every row


class Translation(NamedTuple):
    """What became of one message. Exactly one of facts, not_mapped, quarantined says what happened.

    not_mapped names what it is that has nothing for a timeline ("trigger ADT^A60"); quarantined says why it could
    not be understood. findings belong to the message as a whole; those of one fact stand in the fact.
    """

    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_mapped: str | None = None
    quarantined: Finding | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What intake tells an adapter of where the bytes come from; the same for a retry."""

    agency: str
    system: str
    file_name: str | None = None
    zone: str = "Europe/London"  # of local times without offset
    options: Mapping[str, Any] = field(default_factory=dict)  # the adapter's own section in the register


class Option(NamedTuple):
    """Something that an adapter may be told beside the bytes."""

    name: str
    what: str  # one line for people
    is_of_register: bool = False  # it names a file: a sender who gave it could have any file of ours read


class Adapter(Protocol):
    """A format, read purely. `name@version` stands in every event it leads to."""

    name: str
    version: str
    title: str  # one line for `tellonce adapters list`
    options: tuple[Option, ...]  # all that it looks at in `setting.options`; any other is refused

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        """Messages in their order, read as a stream: memory stays bounded whatever the length.

        A part that cannot be cut out is a Message with a fault; RejectedMessage means that the whole is unreadable.
        """
        ...

    def translate(self, message: Message, setting: Setting) -> Translation:
        """Facts of one message; pure. Faults of a field are findings, never exceptions."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """An adapter whose options in the register name files: they are read at the rim, before the pure work."""

    def prepare(self, options: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
        """The options as `split` and `translate` want them; relative paths count from the register's folder.

        Called for every receipt, so that a corrected file counts at once. Raises WrongSettings, listing every fault.
        """
        ...
