"""An event: typed content in a CloudEvents 1.0 envelope (docs/events.md, "Envelope").

Attributes keep their CloudEvents names, lower case; `data` is the payload. The id and the subject's random number
stand in the clear header; position and known time are the log's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from events.ids import EventId, RecordRef, Source, SubjectId, parse_source, record_of

ACTIONS = ("assert", "withdraw", "void", "withdraw-group")
SCHEMA_PREFIX = "urn:tellonce:schema:"
_UNSEEN = frozenset({"factref", "standin"})  # of the hub's own working


class Event(NamedTuple):
    """One immutable statement about one source record."""

    id: EventId
    agency: str
    subject: SubjectId
    attributes: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.attributes["type"])

    @property
    def version(self) -> int:
        return int(self.attributes["dataschema"].rpartition(":")[2])

    @property
    def source(self) -> Source:
        return parse_source(self.attributes["source"])

    @property
    def record(self) -> RecordRef:
        return record_of(self.source, self.attributes["subject"])

    @property
    def action(self) -> str:
        return str(self.attributes.get("action", "assert"))

    @property
    def payload(self) -> Mapping[str, Any]:
        payload: Mapping[str, Any] = self.attributes["data"]
        return payload


class Logged(NamedTuple):
    """An event with what the log assigned to it."""

    partition: str
    offset: int
    known_us: int
    event: Event


def schema_urn(type_name: str, version: int) -> str:
    """The `dataschema` of a type and version."""
    return f"{SCHEMA_PREFIX}{type_name}:{version}"


def as_cloudevent(event: Event) -> dict[str, Any]:
    """The event in CloudEvents 1.0 structured JSON, as parsed JSON."""
    shown = {name: value for name, value in event.attributes.items() if name not in _UNSEEN}
    return {"specversion": "1.0", "id": event.id.hex(), "datacontenttype": "application/json", **shown}
