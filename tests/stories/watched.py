"""An open home that bad input must leave as it was, and messages of a marked person to spoil."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from events.clock import DrivenClock
from events.errors import HubError
from hub.access.door import Caller
from hub.assembly import Hub
from hub.reading import TimelineQuestion
from hub.services import Services
from hub.settings import read_settings
from hub.views import projections
from projections.engine.testing import digest
from tests.conftest import ROOT
from tests.hub.homes import AUDITOR, NHS, STEWARD, cloudevent, nhs_number
from tests.registers import CRM, PAS, an_agency, write_register

SAMPLES = ROOT / "adapters" / "csv_mapping" / "samples"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
# The marked person: no sentence may hold a word of hers.
NUMBER, BORN, FAMILY, GIVEN, STREET = nhs_number(7), "1931-07-19", "Quartzmarker", "Zebedea", "Opalmarker"
MARKS = (NUMBER, BORN, "19/07/1931", FAMILY, GIVEN, STREET)

AGENCIES = (
    an_agency(
        "housing",
        CRM,
        '{ name = "tenancies", adapter = "csv_mapping", options = { mapping = "tenancies.toml" } }',
        PAS,
    ),
    an_agency("lapsed", CRM, agreement_to=date(2023, 12, 31)),
)
SYSTEMS = {"cloudevents": "crm", "csv_mapping": "tenancies", "hl7v2": "pas"}


def sender(agency: str = "housing") -> Caller:
    return Caller("sender", "adapter", agency, "test")


def open_hub(folder: Path, clock: DrivenClock | None = None) -> Hub:
    folder.mkdir(exist_ok=True)
    write_register(folder, *AGENCIES)
    shutil.copy(SAMPLES / "tenancies.toml", folder)
    return Hub(read_settings(folder, {}), clock or DrivenClock(NOW))


def marked_event(message_id: str = "e1", record: str = "tenant/1") -> bytes:
    data = {
        "identifiers": [{"system": NHS, "value": NUMBER}],
        "names": [{"family": FAMILY, "given": [GIVEN]}],
        "birth_date": BORN,
        "addresses": [{"line": [f"1 {STREET} Road"]}],
    }
    return orjson.dumps(cloudevent(message_id, "person.registered", record, data, fact="demographics", order="1"))


HEADINGS = (SAMPLES / "tenancies.csv").read_bytes().partition(b"\n")[0]
ROW = (
    f"T-1,P-1,{NUMBER},{GIVEN},{FAMILY},19/07/1931,1 {STREET} Road,,Oakfield,ZZ9 9AA,,GEN,05/06/2017,,,104.20,"
    "05/06/2017 10:12"
)
TABLE = HEADINGS + b"\n" + ROW.encode() + b"\n"
HL7 = (
    f"MSH|^~\\&|PAS|RX9|||20250114094512||ADT^A01|A0001|P|2.4\rPID|||4471^^^RX9^MR||{FAMILY}^{GIVEN}||19310719|F\r"
    "PV1||I|||||||||||||||||V1\r"
).encode()


class Watched:
    """An open home with something in it, which bad input must leave as it was."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.services = Services(hub)
        self._goods = 0
        self.good_message_lands()

    def send(self, raw: bytes, adapter: str = "cloudevents", **arrival: Any) -> dict[str, Any]:
        given = {"agency": "housing", "system": SYSTEMS[adapter], "adapter": adapter, **arrival}
        return self.services.intake(sender(given["agency"]), raw, **given)

    def good_message_lands(self) -> None:
        """Something that is understood comes in and is read at once."""
        self._goods += 1
        data = {"topic": "hopes", "text": f"hope {self._goods}"}
        event = cloudevent(f"good-{self._goods}", "aboutme.statement-shared", "tenant/good", data)
        report = self.send(orjson.dumps(event))
        assert report["accepted"] == 1, report
        assert self.hub.wait_until_read(60)
        assert f"hope {self._goods}" in [each["payload"]["text"] for each in self.timeline("housing:crm/tenant/good")]

    def timeline(self, record: str) -> list[dict[str, Any]]:
        (person,) = self.services.reading.find(STEWARD, record=record)["people"]
        page = self.services.reading.timeline(STEWARD, TimelineQuestion(person=person["person"], limit=5_000))
        assert page["halted"] == []
        entries: list[dict[str, Any]] = page["entries"]
        return entries

    def views(self) -> dict[str, str]:
        assert self.hub.wait_until_read(60)
        with self.hub.store.snapshot() as db:
            return {each.name: digest(each, db) for each in projections()}

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """What was stored before stands as it was, the log verifies, and the next good message lands."""
        before = self.timeline("housing:crm/tenant/good")
        yield
        assert self.services.verify_log(AUDITOR)["verified"]
        assert self.services.halted() == []
        assert self.hub.runner.fault is None
        assert self.timeline("housing:crm/tenant/good") == before
        assert list(self.hub.receipts.unfinished()) == []
        self.good_message_lands()


EVENT = marked_event()


def assert_is_clear(error: HubError, code: str) -> None:
    assert error.code == code, error
    assert error.what
    assert error.next_step, f"{code} does not say what to do"
    assert_names_nobody(str(error))


def assert_names_nobody(sentence: str) -> None:
    told = [mark for mark in MARKS if mark.casefold() in sentence.casefold()]
    assert told == [], told
