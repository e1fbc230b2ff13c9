"""Dates as exact as they are known, decimals as text, keys."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.events.catalogue.payloads import AN_EVENT, a_payload, faults

FIRST, LAST = datetime(1000, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - Hypothesis adds the zone
ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)


def born(text: str) -> bool:
    """Whether a birth date is taken."""
    return faults("person.registered", a_payload("person.registered", birth_date=text)) == ""


@given(st.integers(900, 10_000), st.integers(0, 13), st.integers(0, 32))
def test_a_day_is_taken_if_and_only_if_it_is_in_the_calendar(year: int, month: int, day: int) -> None:
    try:
        real = date(year, month, day).year >= 1000
    except ValueError:
        real = False
    assert born(f"{year:04}-{month:02}-{day:02}") is real


@given(st.integers(1000, 9999))
def test_leap_years_have_a_29_february_and_no_others(year: int) -> None:
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    assert born(f"{year}-02-29") is is_leap


@given(st.datetimes(FIRST, timezones=ZONES))
def test_every_instant_with_its_offset_is_taken(instant: datetime) -> None:
    text = instant.isoformat()
    assert born(text)
    assert born(text[:-6] + "Z")
    assert not born(text[:-6])


@pytest.mark.parametrize(
    "text", ["1985", "1985-02", "1985-02-28", "1985-02-28T23:59:59Z", "2000-02-29T00:00:00.1+01:00"]
)
def test_a_date_may_be_as_exact_as_it_is_known(text: str) -> None:
    assert born(text)


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-31",
        "1900-02-29",
        "31/02/2023",
        "1985-2-28",
        "85",
        "0985",
        "19850228",
        "1985-13",
        "1985-00",
        "1985-02-28T10:00",
        "1985-02-28T10:00:00",
        "1985-02-28T24:00:00Z",
        "1985-02-28T10:60:00Z",
        "1985-02-28T10:00:60Z",
        "1985-02-28T10:00:00+58:00",
        "1985-02-28 10:00:00Z",
        "1985-02-28t10:00:00z",
        "1985-02-28T10:00:00.Z",
        "１９８５",
        "1985\n",
        " 1985",
        "zz/mm/1985",
        "",
    ],
)
def test_what_is_no_real_date_is_refused(text: str) -> None:
    assert not born(text)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024", "2024-05-01"),
        ("2024-05", "2024"),
        ("2024-05-31", "2024-05"),
        ("2024-05-01", "2024-05-01T00:00:00+01:00"),
        ("2025-10-26T01:30:00+01:00", "2025-10-26T01:00:00+00:00"),
        ("2025-10-26T01:30:00Z", "2025-10-26T01:30:00.5Z"),
        ("2025-10-26T23:30:00-05:00", "2025-10-27T04:30:00Z"),
    ],
)
def test_an_end_within_what_is_known_of_the_start_is_taken(start: str, end: str) -> None:
    assert faults("person.died", {"effective": {"start": start, "end": end}}) == ""


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024", "2023-12-31"),
        ("2024-05", "2024-04-30"),
        ("2024-05-02", "2024-05-01T23:59:59Z"),
        ("2025-10-26T01:30:00+00:00", "2025-10-26T01:45:00+01:00"),
        ("2025-10-26T01:30:00.5Z", "2025-10-26T01:30:00Z"),
    ],
)
def test_an_end_before_the_start_is_refused(start: str, end: str) -> None:
    assert faults("person.died", {"effective": {"start": start, "end": end}}) == "effective"


@given(st.datetimes(FIRST, LAST, timezones=ZONES), st.timedeltas(max_value=timedelta()))
def test_an_instant_never_ends_before_it_begins(start: datetime, back: timedelta) -> None:
    try:
        end = start + back
    except OverflowError:
        return
    if end.year < 1000:
        return
    expected = "effective" if end < start else ""
    assert faults("person.died", {"effective": {"start": start.isoformat(), "end": end.isoformat()}}) == expected


def test_effective_says_a_start_or_an_end() -> None:
    assert faults("person.died", {"effective": {"end": "2024"}}) == ""
    assert faults("person.died", {"effective": {"start": "2024", "approximate": True}}) == ""
    assert faults("person.died", {"effective": {}}) == "effective"
    assert faults("person.died", {"effective": {"approximate": True}}) == "effective"


def rented_for(value: object, currency: str = "GBP") -> bool:
    """Whether a rent is taken."""
    rent = {"value": value, "currency": currency}
    return faults("housing.accommodation-changed", a_payload("housing.accommodation-changed", rent=rent)) == ""


@pytest.mark.parametrize("value", ["0", "98.40", "-12", "1204.00", "0.001"])
def test_an_amount_is_a_decimal_as_text_with_its_zeros(value: str) -> None:
    assert rented_for(value)


@pytest.mark.parametrize("value", [98.4, 98, "98,40", "£98", "1e3", ".5", "5.", "007", "NaN", "+5", ""])
def test_an_amount_is_nothing_else(value: object) -> None:
    assert not rented_for(value)


@pytest.mark.parametrize("currency", ["gbp", "POUND", "£", ""])
def test_a_currency_is_three_capitals(currency: str) -> None:
    assert not rented_for("98.40", currency)


@pytest.mark.parametrize("percent", ["0", "93.5", "100", "100.0"])
def test_a_percentage_lies_within_0_and_100(percent: str) -> None:
    assert (
        faults("education.enrolment-changed", a_payload("education.enrolment-changed", attendance_percent=percent))
        == ""
    )


@pytest.mark.parametrize("percent", ["100.1", "-1", "101", "93.5%", "093"])
def test_a_percentage_beyond_is_refused(percent: str) -> None:
    payload = a_payload("education.enrolment-changed", attendance_percent=percent)
    assert faults("education.enrolment-changed", payload) == "attendance_percent"


@pytest.mark.parametrize("key", ["care-act", "care-act.nutrition", "snomed/123", "a:b_c"])
def test_a_key_is_lower_case_words(key: str) -> None:
    assert faults("assessment.started", a_payload("assessment.started", kind=key)) == ""


@pytest.mark.parametrize("key", ["Care Act", "care act", "-a", "a-", "a--b", "é", "a" * 121])
def test_a_key_is_nothing_else(key: str) -> None:
    assert faults("assessment.started", a_payload("assessment.started", kind=key)) == "kind"


@pytest.mark.parametrize("event", [AN_EVENT.upper(), AN_EVENT[:-1], AN_EVENT + "0", "g" * 64, ""])
def test_an_event_id_has_64_hexadecimal_digits(event: str) -> None:
    assert faults("record.disputed", a_payload("record.disputed", disputes=event)) == "disputes"
