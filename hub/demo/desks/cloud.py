"""An agency's system that sends CloudEvents, at once or in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hub.demo import when
from hub.demo.delivery import Parcel, Post
from hub.demo.desks.faces import Faces
from hub.demo.people import Person
from hub.demo.shapes import Json, Moment, actor, effective, registration

Schedule = Callable[[datetime], datetime]


def nightly(told: datetime) -> datetime:
    """A quarter past one of the following night."""
    return when.instant(when.local_day(told) + timedelta(days=1), 1, 15)


def weekly(told: datetime) -> datetime:
    """Sunday evening at ten."""
    return when.instant(when.next_weekday(when.local_day(told), 6), 22, 0)


def twice_a_week(told: datetime) -> datetime:
    """Tuesday or Friday morning at six, whichever comes first."""
    day = when.local_day(told)
    return when.instant(min(when.next_weekday(day, 1), when.next_weekday(day, 4)), 6, 0)


@dataclass
class Told:
    """One event as it waits for its batch."""

    recorded: datetime
    type: str
    record: str
    data: Json
    fact: str | None
    action: str = "assert"
    time: datetime | None = None
    late_by: timedelta = timedelta(0)


@dataclass(frozen=True)
class Style:
    """The habits of one system: how it names records and numbers, and whether it says fact and order itself."""

    agency: str
    system: str
    record_type: str
    number: Callable[[int, Person], str]
    number_system: str
    schedule: Schedule
    role: str
    is_plain: bool = False  # sends neither fact nor order unless a story names the fact
    counts_revisions: bool = False  # order is a revision number instead of an instant

    @property
    def urn(self) -> str:
        return f"urn:tellonce:source:{self.agency}:{self.system}"


class CloudDesk:
    """Writes down what happens and sends it on by its schedule."""

    def __init__(self, style: Style, faces: Faces) -> None:
        self.style = style
        self._faces = faces
        self._records: dict[int, str] = {}
        self._first: dict[int, tuple[datetime, Person]] = {}
        self._told: list[Told] = []

    @property
    def name(self) -> str:
        return f"{self.style.agency}:{self.style.system}"

    def record(self, person: Person) -> str | None:
        """The record this system holds of the person, as `<type>/<id>`, if it has one."""
        return self._records.get(person.key)

    def register(self, person: Person, at: datetime) -> str:
        """The person's record. Its first registration is dated by the earliest thing told of the person."""
        if person.key not in self._records:
            number = self.style.number(len(self._records) + 1, person)
            self._records[person.key] = f"{self.style.record_type}/{number}"
        earliest = min(at, self._first.get(person.key, (at, person))[0])
        self._first[person.key] = (earliest, person)
        return self._records[person.key]

    def update(self, person: Person, at: datetime) -> None:
        """Sends the person's details again, as they are at that time."""
        self.register(person, at - timedelta(days=1))
        self._told.append(self._registered(person, at))

    def _registered(self, person: Person, at: datetime) -> Told:
        record, day = self._records[person.key], when.local_day(at)
        own = {"system": self.style.number_system, "value": record.partition("/")[2]}
        face = self._faces.of(self.style.agency, person, day)
        return Told(at, "person.registered", record, registration(face, person, own, day), "demographics")

    def tell(
        self,
        person: Person,
        at: datetime,
        kind: str,
        data: Json,
        *,
        fact: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        said_by: str | None = None,
        role: str | None = None,
        is_moment: bool = False,
        late_by: timedelta = timedelta(0),
    ) -> None:
        """Writes one event about the person; `since` and `until` are when it is true in the world."""
        record = self.register(person, at)
        payload = dict(data)
        if said_by is not None:
            payload["said_by"] = said_by
        payload["recorded_by"] = actor(role or self.style.role)
        if is_moment and since is None:
            since = at
        if since is not None or until is not None:
            payload["effective"] = effective(since, until)
        self._told.append(Told(at, kind, record, payload, fact, time=at if is_moment else None, late_by=late_by))

    def withdraw(self, person: Person, at: datetime, kind: str, fact: str, reason: str) -> None:
        """Takes a fact back."""
        data: Json = {"reason": "entered-in-error", "detail": reason}
        self._told.append(Told(at, kind, self.register(person, at), data, fact, action="withdraw"))

    def dispatch(self, post: Post) -> None:
        """Puts every batch into the post: one event alone, several as a list."""
        opened = [self._registered(person, at - timedelta(minutes=5)) for at, person in self._first.values()]
        ordered = sorted(opened + self._told, key=lambda told: told.recorded)
        written = [
            (self.style.schedule(told.recorded) + told.late_by, self._event(serial, told))
            for serial, told in enumerate(ordered, 1)
        ]
        written.sort(key=lambda pair: pair[0])
        for due, group in groupby(written, key=lambda pair: pair[0]):
            events = [event for _, event in group]
            name = f"{self.style.system}-{due:%Y%m%dT%H%M}.json"
            post.send(Parcel(due, self.style.agency, self.style.system, "cloudevents", name, _writer(events)))

    def _event(self, serial: int, told: Told) -> Json:
        event: Json = {
            "specversion": "1.0",
            "id": f"{self.style.system}-{serial:06d}",
            "source": self.style.urn,
            "type": told.type,
            "subject": told.record,
            "datacontenttype": "application/json",
            "recordedtime": when.text(told.recorded),
        }
        if told.time is not None:
            event["time"] = when.text(told.time)
        if told.fact is not None:
            event["fact"] = told.fact
        if told.fact is not None or not self.style.is_plain:
            event["order"] = str(serial) if self.style.counts_revisions else when.text(told.recorded)
            event["orderfrom"] = "sender"
        if told.action != "assert":
            event["action"] = told.action
        event["data"] = told.data
        return event


def _writer(events: Sequence[Json]) -> Callable[[], bytes]:
    content: Any = events[0] if len(events) == 1 else list(events)
    return lambda: json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":")).encode()
