"""An entry of a timeline: what a service reads of one fact that stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.clock import us_text


@dataclass(frozen=True, slots=True)
class Entry:
    """One standing fact of one record, with the run of versions that it is read from."""

    fact: str  # opaque reference
    name: str
    record: str
    type: str
    title: str
    payload: Mapping[str, Any]
    time: str | None
    recorded: str | None
    known_from_us: int
    last_confirmed_us: int
    order: str | None
    order_from: str
    key_event: bool
    findings: tuple[str, ...]
    position: tuple[str, int]
    event_id: str

    @property
    def occurred(self) -> dict[str, Any]:
        """{start, end, approximate} as the source said it; empty strings never stand for the unknown, None does."""
        effective = self.payload.get("effective")
        if effective:
            start, end = effective.get("start"), effective.get("end")
            return {"start": start, "end": end, "approximate": bool(effective.get("approximate"))}
        return {"start": self.time, "end": None, "approximate": False}

    def document(self, epoch: str) -> dict[str, Any]:
        """The entry as parsed JSON, the same on the command line and over HTTP."""
        partition, offset = self.position
        return {
            "fact": self.fact,
            "name": self.name,
            "record": self.record,
            "type": self.type,
            "title": self.title,
            "occurred": self.occurred,
            "recorded": self.recorded,
            "known_from": us_text(self.known_from_us),
            "last_confirmed": us_text(self.last_confirmed_us),
            "order": self.order,
            "orderfrom": self.order_from,
            "key_event": self.key_event,
            "payload": self.payload,
            "findings": list(self.findings),
            "event": self.event_id,
            "position": f"{epoch}:{partition}:{offset}",
        }
