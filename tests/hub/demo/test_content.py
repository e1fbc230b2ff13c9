"""Nobody in the borough exists, and what its agencies write is sound."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from events.catalogue import check_payload
from events.ids import is_nhs_number
from hub.demo.borough import Hero

NHS = "https://fhir.nhs.uk/Id/nhs-number"


def nhs_numbers(sent: Any) -> Iterator[str]:
    """Every number anybody sends as an NHS number."""
    for message in sent.hl7_messages:
        yield from re.findall(r"(\d+)\^\^\^NHS\^NH", "".join(message))
    yield from (row["NHSNumber"].replace(" ", "") for _, row in sent.rows if row["NHSNumber"])
    for event in sent.events_of("person.registered"):
        yield from (each["value"] for each in event["data"]["identifiers"] if each["system"] == NHS)


def test_every_nhs_number_is_of_the_test_range_and_most_are_right(sent: Any) -> None:
    numbers = set(nhs_numbers(sent))
    wrong = {number for number in numbers if not is_nhs_number(number)}
    assert all(number.startswith("999") and len(number) == 10 for number in numbers)
    assert len(numbers - wrong) == 200
    assert 3 <= len(wrong) <= 20


def test_postcodes_and_telephone_numbers_belong_to_nobody(sent: Any) -> None:
    everything = b"".join(each.raw for each in sent.deliveries).decode("utf-8", "replace")
    postcodes = set(re.findall(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b", everything))
    telephones = set(re.findall(r"\b0\d{4} ?\d{3} ?\d{3}\b", everything))
    assert {postcode[:2] for postcode in postcodes} == {"XX"}
    assert {number[:9] for number in telephones} == {"07700 900"}


def test_every_payload_obeys_the_catalogue(sent: Any) -> None:
    for _, fact in sent.facts:
        if fact.action == "assert":
            check_payload(fact.type, fact.payload)


def test_hl7apy_finds_every_kind_of_message_whole(sent: Any) -> None:
    first_of_each: dict[str, str] = {}
    for message in sent.hl7_messages:
        if not any(segment.startswith("PID|1||||") for segment in message):  # those are meant to be broken
            first_of_each.setdefault(message[0].split("|")[8], "\r".join(message))
    assert len(first_of_each) >= 20
    for message in first_of_each.values():
        assert parse_message(message, validation_level=VALIDATION_LEVEL.STRICT).validate()


def test_only_what_was_meant_to_is_quarantined_not_mapped_or_doubtful(sent: Any) -> None:
    quarantined = Counter(said.quarantined.code for _, said in sent.outcomes if said.quarantined)
    unmapped = Counter(said.not_mapped for _, said in sent.outcomes if said.not_mapped)
    findings = {(each.adapter, finding.code) for each, said in sent.outcomes for finding in said.findings}
    findings |= {(each.adapter, finding.code) for each, fact in sent.facts for finding in fact.findings}
    assert quarantined.keys() == {"no-record-identifier", "empty-cell"}
    assert sum(quarantined.values()) <= 20
    assert unmapped.keys() == {"trigger ADT^A60"}
    assert findings == {
        ("hl7v2", "no-record-identifier"),
        ("csv_mapping", "unknown-code"),
        ("csv_mapping", "bad-date"),
        ("csv_mapping", "bad-nhs-number"),
    }


def test_nothing_is_told_of_anybody_before_birth_or_by_their_surgery_after_death(sent: Any) -> None:
    born = {event["subject"]: event["data"]["birth_date"] for event in sent.events_of("person.registered")}
    died = {event["subject"]: event["recordedtime"] for event in sent.events_of("person.died")}
    seen = sent.events_of("contact.occurred")
    assert all(event["time"][:10] >= born[event["subject"]] for event in seen)
    assert all(event["time"] <= died.get(event["subject"], "9999") for event in seen)


def test_each_communication_need_is_known_to_one_agency_alone(sent: Any, shown: Hero) -> None:
    """All but the hero's: her landlord learns of it in the end."""
    owners: dict[str, str] = {}
    agencies: dict[str, set[str]] = defaultdict(set)
    for event in sent.events_of("person.registered"):
        for each in event["data"]["identifiers"]:
            if each["system"] == NHS:
                owners[event["source"] + event["subject"]] = each["value"]
    for event in sent.events_of("access.communication-need-stated"):
        record = event["source"] + event["subject"]
        need = event["data"]["need"]["text"]
        agencies[f"{owners.get(record, record)} {need}"].add(event["source"].split(":")[3])
    assert len(agencies) >= 10
    assert {len(told) for need, told in agencies.items() if shown.nhs_number not in need} == {1}
    assert len({agency for told in agencies.values() for agency in told}) >= 4
