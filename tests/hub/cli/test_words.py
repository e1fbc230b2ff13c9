"""Days and moments in words."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.cli.chronology import finding_in_words, named_of
from hub.cli.words import compact_day, finding_at, heading_of, in_words, moment_in_words, time_of

LONDON = ZoneInfo("Europe/London")


def occurred(start: str | None, end: str | None = None) -> dict[str, Any]:
    return {"start": start, "end": end, "approximate": False}


@pytest.mark.parametrize(
    ("start", "heading", "compact", "time"),
    [
        ("2024", "Some time in 2024", "2024", ""),
        ("2024-05", "Some time in May 2024", "May 2024", ""),
        ("2024-05-14", "Tuesday 14 May 2024", "14 May 2024", ""),
        ("2024-05-14T09:30:00Z", "Tuesday 14 May 2024", "14 May 2024", "10:30"),
        ("2024-12-31T23:59:60Z", "Tuesday 31 December 2024", "31 Dec 2024", "23:59"),
        ("2024-05-14T23:30:00Z", "Wednesday 15 May 2024", "15 May 2024", "00:30"),
        (None, "No date given", "undated", ""),
    ],
)
def test_a_time_is_said_as_exactly_as_it_is_known(start: str | None, heading: str, compact: str, time: str) -> None:
    told = occurred(start)
    assert (heading_of(told, LONDON), compact_day(told, LONDON), time_of(told, LONDON)) == (heading, compact, time)


def test_an_end_without_a_start_stands_on_the_day_of_its_end() -> None:
    assert heading_of(occurred(None, "2024-05-14"), LONDON) == "Tuesday 14 May 2024"


def test_moments_are_local_and_strange_texts_stay_as_they_are() -> None:
    assert moment_in_words("2024-05-14T23:30:00Z", LONDON) == "15 May 2024, 00:30"
    assert moment_in_words("2024-05-14T23:30:05Z", LONDON, to_the_second=True) == "15 May 2024, 00:30:05"
    assert moment_in_words("soon, perhaps", LONDON) == "soon, perhaps"
    assert in_words("whenever..", LONDON) == "whenever.."


def test_findings_are_plain_words_or_at_least_words() -> None:
    assert finding_in_words("no-order order").startswith("the sender gave no order")
    assert finding_in_words("quite-new-code PID-7") == "quite new code (PID-7)"


def test_a_person_is_named_from_whatever_record_tells() -> None:
    nhs = [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}]
    records = [{"record": "a"}, {"names": [{"text": "Testerton"}]}, {"birth_date": "1980", "identifiers": nhs}]
    assert named_of({"records": records}) == {"name": "Testerton", "born": "1980", "nhs_number": "9990000018"}
    assert named_of({"records": []}) == {}


@pytest.mark.parametrize(
    ("place", "where", "words"),
    [
        ("row 2", "row 2", "odd: what to do"),
        ("row 2", "row 2, column tenure", "odd: column tenure: what to do"),
        ("2", "event 2", "odd: what to do"),
        ("2", "data.tenure", "odd: data.tenure: what to do"),
        ("row 2", "row 20", "odd: row 20: what to do"),
        ("1", "PID-3(1)", "odd: PID-3(1): what to do"),
    ],
)
def test_a_finding_beside_its_messages_place_does_not_say_it_again(place: str, where: str, words: str) -> None:
    assert finding_at({"code": "odd", "where": where, "detail": "what to do"}, place) == words
