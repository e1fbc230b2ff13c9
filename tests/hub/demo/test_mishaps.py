"""The borough holds, in number, what makes real feeds hard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

pytestmark = pytest.mark.long
Count = Callable[[Any], int]


def trigger(name: str) -> Count:
    return lambda sent: sum(message[0].split("|")[8].split("^")[1] == name for message in sent.hl7_messages)


def events(type_name: str, /, **wanted: str) -> Count:
    return lambda sent: len(sent.events_of(type_name, **wanted))


def cells(cell: str) -> Count:
    return lambda sent: sum(cell in row.values() for _, row in sent.rows)


def segments(begin: str, part: str) -> Count:
    """Messages with a segment that begins so and holds that."""
    return lambda sent: sum(
        any(segment.startswith(begin) and part in segment for segment in message) for message in sent.hl7_messages
    )


def sent_twice(adapter: str) -> Count:
    """Files that hold the very bytes of an earlier one."""

    def count(sent: Any) -> int:
        copies = Counter(each.raw for each in sent.deliveries if each.adapter == adapter)
        return sum(times - 1 for times in copies.values())

    return count


def written_and_come(sent: Any) -> list[tuple[datetime, datetime]]:
    """When each message of the patient system was written and when it came."""
    return [
        (datetime.strptime(each.raw.split(b"|")[6].decode(), "%Y%m%d%H%M%S%z"), each.at)
        for each in sent.deliveries
        if each.system == "pas"
    ]


def days_late(sent: Any) -> int:
    return sum((come - written).days >= 2 for written, come in written_and_come(sent))


def overtaken(sent: Any) -> int:
    return sum(later < earlier for (earlier, _), (later, _) in pairwise(written_and_come(sent)))


def without_number(sent: Any) -> int:
    return sum(len(event["data"]["identifiers"]) == 1 for event in sent.events_of("person.registered"))


def wrong_birth_dates(sent: Any) -> int:
    """Tenants whose landlord has another birth date for their NHS number than the surgery."""
    at_the_surgery = {
        event["data"]["identifiers"][1]["value"]: event["data"]["birth_date"]
        for event in sent.events_of("person.registered")
        if event["source"].endswith(":clinical")
    }
    at_the_landlord = {
        (row["NHSNumber"], "-".join(reversed(row["DateOfBirth"].split("/"))))
        for agency, row in sent.rows
        if agency == "larkmere-homes" and not row["DateOfBirth"].startswith("31/02")
    }
    return sum(at_the_surgery.get(number, born) != born for number, born in at_the_landlord)


def rows_without_key(sent: Any) -> int:
    return sum(not (row.get("ClientRef") or row.get("TenantRef")) for _, row in sent.rows)


def repeated(sent: Any) -> int:
    return sum(event["data"].get("had_to_repeat") is True for event in sent.events_of("feedback.given"))


def withdrawn(sent: Any) -> int:
    return sum(event.get("action") == "withdraw" for event in sent.cloud_events)


def without_order(sent: Any) -> int:
    return sum("order" not in event and "fact" not in event for event in sent.cloud_events)


MISHAPS: dict[str, tuple[Count, int]] = {
    "hospital records merged": (trigger("A40"), 2),
    "admissions cancelled": (trigger("A11"), 1),
    "discharges cancelled": (trigger("A13"), 1),
    "transfers cancelled": (trigger("A12"), 1),
    "appointments cancelled": (trigger("S15"), 5),
    "appointments missed": (trigger("S26"), 5),
    "appointments moved": (trigger("S13"), 5),
    "appointments booked by mistake": (trigger("S17"), 1),
    "messages that nobody maps": (trigger("A60"), 3),
    "messages without a patient number": (segments("PID|1||||", "Unknown"), 2),
    "results corrected": (segments("OBX|", "|C|"), 2),
    "vaccinations refused": (segments("RXA|", "|RE|"), 1),
    "deaths told by the hospital": (segments("PID|", "|Y"), 2),
    "hospital messages sent twice": (sent_twice("hl7v2"), 10),
    "batches sent twice": (sent_twice("cloudevents"), 3),
    "messages days late": (days_late, 8),
    "messages overtaken by later ones": (overtaken, 10),
    "rows with an unknown code": (cells("QZ9"), 5),
    "rows with a day that does not exist": (cells("31/02/1987"), 5),
    "rows without their key": (rows_without_key, 3),
    "records without an NHS number": (without_number, 20),
    "records with a wrong birth date": (wrong_birth_dates, 2),
    "entries in the wrong record, taken back": (withdrawn, 3),
    "events without an order": (without_order, 100),
    "referrals sent back": (events("referral.status-changed", status="bounced"), 5),
    "referrals waiting": (events("referral.status-changed", status="waiting"), 5),
    "steps of children turning eighteen": (events("transition.updated", kind="child-to-adult"), 3),
    "steps of people leaving care": (events("transition.updated", kind="leaving-care"), 1),
    "ways home from hospital": (events("transition.updated", kind="hospital-discharge"), 10),
    "people who moved": (events("person.address-changed", action="moved-in"), 8),
    "people who moved away": (events("person.address-changed", action="moved-out"), 1),
    "people who died": (events("person.died"), 2),
    "unpaid carers": (events("circle.relationship-changed"), 5),
    "communication needs": (events("access.communication-need-stated"), 10),
    "things that matter, in people's own words": (events("aboutme.statement-shared"), 15),
    "people who had to repeat themselves": (repeated, 3),
    "months of tenancies under notice": (cells("NSP"), 5),
}


@pytest.mark.parametrize("what", MISHAPS)
def test_there_are_enough_of(what: str, sent: Any) -> None:
    count, at_least = MISHAPS[what]
    assert count(sent) >= at_least
