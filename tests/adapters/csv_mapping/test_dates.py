"""Dates are as exact as they are written; what is no real date is told apart."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv_mapping.dates import date_reader, format_faults

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("%d/%m/%Y", "14/02/1961", "1961-02-14"),
        ("%d/%m/%Y", "4/2/1961", "1961-02-04"),
        ("%Y-%m-%d", "1961-02-14", "1961-02-14"),
        ("%Y%m%d", "19610214", "1961-02-14"),
        ("%d-%b-%Y", "14-FEB-1961", "1961-02-14"),
        ("%d %B %Y", "14 February 1961", "1961-02-14"),
        ("%m/%Y", "02/1961", "1961-02"),
        ("%b %Y", "Feb 1961", "1961-02"),
        ("%Y", "1961", "1961"),
        ("zz/%m/%Y", "zz/02/1961", "1961-02"),
        ("%d/%m/%Y %H:%M", "14/01/2025 09:05", "2025-01-14T09:05:00+00:00"),
        ("%d/%m/%Y %H:%M", "14/07/2025 9:05", "2025-07-14T09:05:00+01:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "2025-07-14T09:05:30Z", "2025-07-14T09:05:30+00:00"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2025-07-14T09:05:30.25-0500", "2025-07-14T09:05:30.250000-05:00"),
        ("%d/%m/%Y %H:%M", "14/01/1820 09:05", "1820-01-14T09:06:15+00:00"),
        ("100%% %Y", "100% 1961", "1961"),
    ],
)
def test_a_date_is_as_exact_as_it_is_written(text: str, written: str, value: str) -> None:
    assert format_faults(text, None) == []
    assert date_reader((text,), None, LONDON)(written) == (value, None)


@pytest.mark.parametrize(
    "written",
    [
        "31/02/2024",
        "29/02/2023",
        "00/01/2024",
        "14/13/2024",
        "32/01/2024",
        "14/02/24",
        "14.02.2024",
        "",
        "x",
        "١٤/٠٢/١٩٦١",
    ],
)
def test_what_is_no_real_date_is_a_fault(written: str) -> None:
    assert date_reader(("%d/%m/%Y",), None, LONDON)(written) == (None, "bad-date")


def test_the_first_format_that_gives_a_real_date_counts() -> None:
    read = date_reader(("%d/%m/%Y", "%m/%d/%Y", "%Y"), None, LONDON)
    assert read("03/04/2024") == ("2024-04-03", None)
    assert read("03/24/2024") == ("2024-03-24", None)
    assert read("2024") == ("2024", None)


def test_two_digit_years_turn_at_the_pivot() -> None:
    read = date_reader(("%d/%m/%y",), 30, LONDON)
    assert read("01/01/30") == ("2030-01-01", None)
    assert read("01/01/31") == ("1931-01-01", None)


def test_the_doubled_october_hour_is_a_finding_and_the_first_is_taken() -> None:
    read = date_reader(("%d/%m/%Y %H:%M",), None, LONDON)
    assert read("27/10/2024 01:30") == ("2024-10-27T01:30:00+01:00", "ambiguous-time")
    assert read("27/10/2024 02:30") == ("2024-10-27T02:30:00+00:00", None)


def test_the_lost_march_hour_is_a_finding() -> None:
    value, code = date_reader(("%d/%m/%Y %H:%M",), None, LONDON)("31/03/2024 01:30")
    assert code == "nonexistent-time"
    assert value is not None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("%d/%m", "has no year"),
        ("%d/%Y", "has a day without a month"),
        ("%d/%m/%Y %H", "has an hour without minutes"),
        ("%Y %H:%M", "has a hour without a day"),
        ("%m %b %Y", "says the same thing twice"),
        ("%Y %z", "has parts of a time without an hour"),
        ("%j %Y", "%j is unknown; there are %d, %m, %b, %B, %Y, %y, %H, %M, %S, %f, %z"),
        ("%d/%m/%y", "%y needs `pivot`: two-digit years up to it are 20.., those above are 19.."),
    ],
)
def test_a_format_that_tells_no_date_is_refused_beforehand(text: str, fault: str) -> None:
    assert fault in format_faults(text, None)


@given(st.dates(date(1000, 1, 1)))
def test_every_day_is_read_back(day: date) -> None:
    assert date_reader(("%d/%m/%Y",), None, LONDON)(day.strftime("%d/%m/") + f"{day.year:04d}") == (
        day.isoformat(),
        None,
    )
