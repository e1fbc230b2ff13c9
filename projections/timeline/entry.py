"""An entry of a timeline: what a service reads of one fact that stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from events.catalogue import TYPES
from events.clock import us_text
from events.ids import FactToken, SubjectId, fact_reference
from projections.engine.facts.runs import ToldRun
from projections.engine.membership.queries import RecordOfPerson


class Place(NamedTuple):
    """Where an entry stands in a chronology; a page goes on after the last place of the page before."""

    sort: str
    record: str
    fact: str


class Entry(NamedTuple):
    """One standing fact of one record, as its row tells it; texts are made of it when they are asked for."""

    of: RecordOfPerson
    sort: str
    name: str
    offset: int
    partition: str
    known_us: int
    type: str
    first_title: str  # as the first version of its fact
    order: str | None
    order_from: str
    time: str | None
    recorded: str | None
    token: bytes
    event: bytes
    noted: str | None  # findings as a JSON list
    content: bytes  # the payload as canonical JSON
    run: ToldRun | None  # None: nothing else was said of the fact

    @property
    def place(self) -> Place:
        return Place(self.sort, self.of.record, self.name)

    @property
    def fact(self) -> str:
        """Opaque reference, for `history`."""
        return fact_reference(SubjectId(self.of.subject), FactToken(self.token))

    @property
    def record(self) -> str:
        return self.of.record

    @property
    def title(self) -> str:
        later = TYPES[self.type].title_later if self.run is not None and not self.run.is_first else None
        return later or self.first_title

    @property
    def payload(self) -> Any:
        """The content, parsed at each asking."""
        return orjson.loads(self.content)

    @property
    def known_from_us(self) -> int:
        return self.run.first_known_us if self.run is not None else self.known_us

    @property
    def last_confirmed_us(self) -> int:
        return self.run.confirmed_us if self.run is not None else self.known_us

    @property
    def findings(self) -> list[str]:
        noted: list[str] = orjson.loads(self.noted) if self.noted else []
        return [*noted, "same-order order"] if self.run is not None and self.run.is_tied else noted

    def document(self, epoch: str) -> dict[str, Any]:
        """The entry as parsed JSON, the same on the command line and over HTTP."""
        payload = self.payload
        return {
            "fact": self.fact,
            "name": self.name,
            "record": self.record,
            "type": self.type,
            "title": self.title,
            "occurred": _occurred(payload, self.time),
            "recorded": self.recorded,
            "known_from": us_text(self.known_from_us),
            "last_confirmed": us_text(self.last_confirmed_us),
            "order": self.order,
            "orderfrom": self.order_from,
            "key_event": TYPES[self.type].key_event,
            "payload": payload,
            "findings": self.findings,
            "event": self.event.hex(),
            "position": f"{epoch}:{self.partition}:{self.offset}",
        }


def _occurred(payload: Mapping[str, Any], time: str | None) -> dict[str, Any]:
    """{start, end, approximate} as the source said it; empty strings never stand for the unknown, None does."""
    effective = payload.get("effective")
    if effective:
        start, end = effective.get("start"), effective.get("end")
        return {"start": start, "end": end, "approximate": bool(effective.get("approximate"))}
    return {"start": time, "end": None, "approximate": False}
