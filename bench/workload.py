"""What is sent in every measurement: CloudEvents of about 1 KB from eight agencies, the same for the same seed.

Twenty events a person, skewed: a few persons have hundreds. Each agency knows a person by a record of its own. One
event in ten says a fact again (half of those with new content), one in fifty is sent twice.
"""

from __future__ import annotations

import random
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from events.ids import is_nhs_number
from hub.assembly import REGISTER

AGENCIES = (
    "surgery",
    "hospital",
    "mental-health",
    "social-care",
    "childrens-services",
    "school",
    "housing",
    "benefits",
)
SYSTEM = "crm"
MLLP_SYSTEM = "pas"
CSV_SYSTEM = "extract"
CSV_MAPPING = "tenancies.toml"  # beside the register
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
EVENT_BYTES = 1_024
EVENTS_A_PERSON = 20
_BEGIN_S = 1_700_000_000
_AGAIN = 0.10
_TWICE = 0.02
_REMEMBERED = 400  # events of an agency that may be said again
_WORDS = re.findall(
    r"\w+",
    "visit review meeting home carer school nurse worker plan support letter phone housing tenancy benefit claim "
    "referral clinic medicine family child adult risk safe concern agreed follow next week month update shared",
)
_AGENCY = """
[[agency]]
name = "{name}"
title = "{name} of Testborough"
agreement_from = 2020-01-01
agreement_to = 2045-12-31
agreement_reference = "ISA-1"
lawful_basis = "public-task"
default_sensitivity = "confidential"

[[agency.system]]
name = "{crm}"

[[agency.system]]
name = "{pas}"
adapter = "hl7v2"

[[agency.system]]
name = "{extract}"
adapter = "csv_mapping"
options = {{ mapping = "{mapping}" }}
"""


class Sent(NamedTuple):
    """One event as its agency sends it; `is_twice` when the same bytes went before."""

    agency: str
    raw: bytes
    is_twice: bool


class Batch(NamedTuple):
    """Events of one agency as a JSON array, and how many they are."""

    agency: str
    raw: bytes
    count: int


def write_register(home: Path) -> None:
    """Registers the eight agencies, each with a system for every way in."""
    home.mkdir(parents=True, exist_ok=True)
    names = {"crm": SYSTEM, "pas": MLLP_SYSTEM, "extract": CSV_SYSTEM, "mapping": CSV_MAPPING}
    (home / REGISTER).write_text("".join(_AGENCY.format(name=name, **names) for name in AGENCIES), "utf-8")


def events(count: int, seed: int = 7) -> Iterator[Sent]:
    """So many events, in the order in which they are sent."""
    draw = random.Random(seed)
    persons = max(1, count // EVENTS_A_PERSON)
    said: dict[str, deque[dict[str, Any]]] = {name: deque(maxlen=_REMEMBERED) for name in AGENCIES}
    for number in range(count):
        agency = draw.choice(AGENCIES)
        chance, before = draw.random(), said[agency]
        if before and chance < _TWICE:
            yield Sent(agency, orjson.dumps(draw.choice(before)), is_twice=True)
            continue
        if before and chance < _TWICE + _AGAIN:
            event = _said_again(draw, draw.choice(before), number)
        else:
            event = _event(draw, agency, number, min(int(draw.expovariate(3.0) * persons), persons - 1))
        before.append(event)
        yield Sent(agency, orjson.dumps(event), is_twice=False)


def batches(sent: Iterable[Sent], size: int) -> Iterator[Batch]:
    """The events as batches of one agency each; what is left over at the end comes in smaller ones."""
    waiting: dict[str, list[bytes]] = {name: [] for name in AGENCIES}
    for agency, raw, _ in sent:
        queue = waiting[agency]
        queue.append(raw)
        if len(queue) == size:
            yield _batch(agency, queue)
            queue.clear()
    yield from (_batch(agency, queue) for agency, queue in waiting.items() if queue)


def _batch(agency: str, raws: list[bytes]) -> Batch:
    return Batch(agency, b"[" + b",".join(raws) + b"]", len(raws))


# ---- one event

Make = Callable[[random.Random, int, str], tuple[str, dict[str, Any]]]  # name of the fact, payload


def _event(draw: random.Random, agency: str, number: int, person: int) -> dict[str, Any]:
    kind, make = draw.choice(_KINDS)
    moment = _instant(number)
    name, payload = make(draw, person, moment)
    event = {
        "specversion": "1.0",
        "id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        "source": f"urn:tellonce:source:{agency}:{SYSTEM}",
        "type": kind,
        "subject": f"client/{100_000 + person}",
        "time": moment,
        "recordedtime": moment,
        "datacontenttype": "application/json",
        "fact": name,
        "order": moment,
        "saidby": "professional",
        "data": payload,
    }
    return _padded(draw, event)


def _padded(draw: random.Random, event: dict[str, Any]) -> dict[str, Any]:
    """The event with a note that brings it to its size."""
    missing = EVENT_BYTES - len(orjson.dumps(event)) - len(',"note":""')
    words: list[str] = []
    while missing > 0:
        words.append(draw.choice(_WORDS))
        missing -= len(words[-1]) + 1
    event["data"]["note"] = " ".join(words)
    return event


def _said_again(draw: random.Random, before: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A newer message of the same fact, half of the time with other content."""
    moment = _instant(number)
    payload = dict(before["data"])
    if draw.random() < 0.5:
        payload["note"] = payload["note"][::-1].strip()
    told = {"id": str(uuid.UUID(int=draw.getrandbits(128), version=4)), "order": moment, "recordedtime": moment}
    return {**before, **told, "data": payload}


def _instant(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_BEGIN_S + 60 * number))


def _day(draw: random.Random, moment: str) -> dict[str, str]:
    year, month = moment[:4], moment[5:7]
    return {"start": f"{year}-{month}-{draw.randrange(1, 29):02d}"}


def _registered(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    return "demographics", {
        "identifiers": [{"system": NHS_NUMBER, "value": nhs_number(person)}],
        "names": [{"family": f"Test{person % 997}", "given": [f"Alex{person % 89}"]}],
        "birth_date": f"{1930 + person % 90}-{1 + person % 12:02d}-{1 + person % 28:02d}",
    }


def _contact(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    payload = {"channel": draw.choice(("phone", "home-visit", "clinic")), "effective": _day(draw, moment)}
    return f"contact/{draw.getrandbits(48):x}", payload


def _referral(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    number = f"{draw.getrandbits(48):x}"
    return f"referral/{number}", {"referral_id": number, "to": {"name": f"Team {draw.randrange(60)}"}}


def _assessment(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    number = f"{draw.getrandbits(48):x}"
    payload = {"assessment_id": number, "kind": "care-act", "effective": _day(draw, moment)}
    return f"assessment/{number}", payload


def _appointment(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    number = f"{draw.getrandbits(48):x}"
    return f"appointment/{number}", {"appointment_id": number, "start": moment}


def _episode(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    number = f"{draw.getrandbits(48):x}"
    payload = {"episode_id": number, "kind": "inpatient", "effective": _day(draw, moment)}
    return f"episode/{number}/start", payload


def _alert(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    number = f"{draw.getrandbits(48):x}"
    return f"alert/{number}", {"alert_id": number, "category": "fire", "action": "raised", "text": "Smokes in bed"}


def _condition(draw: random.Random, person: int, moment: str) -> tuple[str, dict[str, Any]]:
    code = str(draw.randrange(10**8))
    return f"condition/{code}", {"code": {"code": code, "display": "Condition"}, "effective": _day(draw, moment)}


_KINDS: tuple[tuple[str, Make], ...] = (
    ("person.registered", _registered),
    ("contact.occurred", _contact),
    ("referral.made", _referral),
    ("assessment.completed", _assessment),
    ("appointment.booked", _appointment),
    ("episode.started", _episode),
    ("risk.alert-changed", _alert),
    ("health.condition-recorded", _condition),
)


def nhs_number(person: int) -> str:
    """A valid number of the test range for each person."""
    head = 999_000_000 + person
    while True:
        for last in "0123456789":
            if is_nhs_number(f"{head}{last}"):
                return f"{head}{last}"
        head += 500_000  # this one has no check digit: take one from the range's other half
