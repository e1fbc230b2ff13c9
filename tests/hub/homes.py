"""Homes for tests: a register of two agencies, and short ways to send CloudEvents and to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from events.clock import Clock
from events.ids import is_nhs_number
from hub.access.door import Caller
from hub.assembly import Hub
from hub.settings import read_settings
from tests.registers import CRM, PAS, an_agency, write_register

STEWARD = Caller("sam", "steward", "hub", "test")
AUDITOR = Caller("ada", "auditor", "hub", "test")
ADMIN = Caller("root", "admin", "hub", "test")
NHS = "https://fhir.nhs.uk/Id/nhs-number"


def open_home(folder: Path, clock: Clock | None = None, environ: Mapping[str, str] = MappingProxyType({})) -> Hub:
    """A hub on a folder, with the agencies `housing` and `hospital`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_register(folder, *(an_agency(name, CRM, PAS) for name in ("housing", "hospital")))
    return Hub(read_settings(folder, environ), clock)


def nhs_number(number: int) -> str:
    """The how-manieth valid number of the test range."""
    valid = (text for text in map(str, range(9990000000, 9999999999)) if is_nhs_number(text))
    return next(text for at, text in enumerate(valid) if at == number)


def cloudevent(message_id: str, type_name: str, record: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A CloudEvent of housing's system `crm` unless `agency` says otherwise."""
    agency = more.pop("agency", "housing")
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:tellonce:source:{agency}:crm",
        "type": type_name,
        "subject": record,
        "data": data,
        **more,
    }


def registration(message_id: str, record: str, *, number: str, born: str = "1980-02-03", **more: Any) -> dict[str, Any]:
    """A registration with an NHS number and a birth date."""
    data = {
        "identifiers": [{"system": NHS, "value": number}],
        "names": [{"family": "Testerton", "given": ["Alex"]}],
        "birth_date": born,
    }
    return cloudevent(message_id, "person.registered", record, data, fact="demographics", **more)


def send(hub: Hub, *events: dict[str, Any]) -> Report:
    """Takes events of one agency in and waits until they are read and linked."""
    agency = events[0]["source"].split(":")[3]
    report = hub.intake.receive(Arrival(agency, "crm", "cloudevents"), orjson.dumps(list(events)))
    assert report.counts.quarantined == 0, report
    assert hub.wait_until_read(60)
    return report
