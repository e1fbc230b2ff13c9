"""A home with the seven agencies of the demo's register, and a clock that a story drives from day to day."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from events.clock import DrivenClock
from hub.access.door import Caller
from hub.assembly import Hub
from hub.reading import Reading, TimelineQuestion
from hub.services import Services
from hub.settings import Settings

DEMO = Path(__file__).resolve().parents[2] / "hub" / "demo"
STEWARD = Caller("sam", "steward", "hub", "record-linkage")
ADMIN = Caller("root", "admin", "hub", "operations")
NHS = "https://fhir.nhs.uk/Id/nhs-number"
ADAPTERS = {"hl7": "hl7v2", "csv": "csv_mapping", "json": "cloudevents"}


class Town:
    """The hub of a story."""

    def __init__(self, folder: Path, begins: str) -> None:
        folder.mkdir(mode=0o700)
        shutil.copyfile(DEMO / "agencies.toml", folder / "agencies.toml")
        shutil.copytree(DEMO / "mappings", folder / "mappings")
        self._now = _noon(begins)
        self._clock = DrivenClock(self._now)
        self.hub = Hub(Settings(folder, ZoneInfo("Europe/London")), self._clock)
        self.services = Services(self.hub)

    def on(self, day: str, source: str, file_name: str, raw: str) -> dict[str, Any]:
        """A file arrives at noon of a day; every message of it must be understood."""
        self._pass_time_until(_noon(day))
        return self._send(source, file_name, raw)

    def _pass_time_until(self, then: datetime) -> None:
        """Somebody else is told of meanwhile: a log that hears nothing for three months doubts the clock."""
        while then - self._now > timedelta(days=60):
            self._now += timedelta(days=60)
            self._clock.set(self._now)
            at = self._now.date().isoformat()
            event = _event(at, "open-door/casework", "member/OD-1", "contact.occurred", "visit/1", {"channel": "phone"})
            self._send("open-door/casework", "event.json", json.dumps(event))
        self.today(then.date().isoformat())

    def _send(self, source: str, file_name: str, raw: str) -> dict[str, Any]:
        agency, _, system = source.partition("/")
        said = self.services.intake(
            ADMIN,
            raw.encode(),
            agency=agency,
            system=system,
            adapter=ADAPTERS[file_name.rpartition(".")[2]],
            file_name=file_name,
        )
        assert said["accepted"] == said["messages"] > 0, said
        assert self.hub.wait_until_read(60)
        return said

    def tell(self, day: str, source: str, record: str, kind: str, fact: str, data: dict[str, Any], **more: str) -> None:
        """One CloudEvent arrives."""
        event = {**_event(day, source, record, kind, fact, data), **more}
        self.on(day, source, "event.json", json.dumps(event))

    def register(self, day: str, source: str, record: str, number: str, born: str, given: str, family: str) -> None:
        """An agency that sends CloudEvents says who somebody is."""
        names = [{"given": [given], "family": family}]
        data = {"identifiers": [{"system": NHS, "value": number}], "names": names, "birth_date": born}
        self.tell(day, source, record, "person.registered", "demographics", data)

    def today(self, day: str) -> None:
        """It is noon of that day."""
        self._now = _noon(day)
        self._clock.set(self._now)

    def page(self, person: str, as_of: str | None = None) -> dict[str, Any]:
        return Reading(self.hub).timeline(STEWARD, TimelineQuestion(person=person, as_of=as_of))

    def titles(self, person: str, as_of: str | None = None) -> list[str]:
        """What a chronology says, without who registered whom."""
        entries = self.page(person, as_of)["entries"]
        return [entry["title"] for entry in entries if not entry["type"].startswith("person.")]

    def person_of(self, record: str) -> str:
        (person,) = Reading(self.hub).find(STEWARD, record=record)["people"]
        return str(person["person"])


def _noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)


def _event(day: str, source: str, record: str, kind: str, fact: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{record}-{fact}-{day}",
        "source": f"urn:tellonce:source:{source.replace('/', ':')}",
        "type": kind,
        "subject": record,
        "fact": fact,
        "order": f"{day}T09:00:00Z",
        "data": data,
    }
