"""Dates and times: as exact as sent, local where no offset is sent, and findings for what is none."""

from __future__ import annotations

import pytest

from adapters.hl7v2.moments import day, minutes_after, moment, period
from adapters.hl7v2.tokens import Hl7, Notes, Part
from tests.adapters.hl7v2.builders import header


def _part(text: str) -> tuple[Part, Notes]:
    parsed = Hl7(f"{header()}\rPV1|{text}\r".encode())
    return parsed.every("PV1")[0][1], parsed.notes


def _moment(text: str, zone: str = "Europe/London") -> tuple[str | None, list[str]]:
    part, notes = _part(text)
    return moment(part, zone, notes), [note.code for note in notes.take()]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("1952", "1952"),
        ("195203", "1952-03"),
        ("19520311", "1952-03-11"),
        ("2025011409", "2025-01-14"),  # an hour without minutes: its day
        ("202501140930", "2025-01-14T09:30:00+00:00"),
        ("20250714093015", "2025-07-14T09:30:15+01:00"),
        ("20250714093015.1234", "2025-07-14T09:30:15.1234+01:00"),
        ("20250714093015-0500", "2025-07-14T09:30:15-05:00"),
        ("198908181126+0215", "1989-08-18T11:26:00+02:15"),
        ("20250714+0100", "2025-07-14"),
        ("20250714093015^S", "2025-07-14T09:30:15+01:00"),
        ("18900101120000", "1890-01-01T12:00:00+00:00"),
        ("", None),
        ('""', None),
    ],
)
def test_a_moment_is_as_exact_as_sent(sent: str, told: str | None) -> None:
    assert _moment(sent) == (told, [])


@pytest.mark.parametrize(
    "sent",
    [
        "20250230",
        "20251301",
        "00000000",
        "202507140960",
        "202507142400",
        "2025071425",
        "01/10/1948",
        "196203520",
        "20250714093060",
        "2025-07-14",
        "yesterday",
        "20250714093015+9900",
        "20250714093015+0175",
        "99991231235959-2300",
        "00010101000000+0100",
        "09990101",
        "２０２５０１０１",
    ],
)
def test_what_is_no_real_date_is_a_finding(sent: str) -> None:
    assert _moment(sent) == (None, ["bad-date"])


def test_a_local_time_takes_the_zone_of_the_agency() -> None:
    assert _moment("20250714093000", "America/New_York")[0] == "2025-07-14T09:30:00-04:00"


def test_the_doubled_hour_of_october_counts_as_its_first_with_a_finding() -> None:
    assert _moment("20251026013000") == ("2025-10-26T01:30:00+01:00", ["doubled-hour"])
    assert _moment("20251026013000+0000") == ("2025-10-26T01:30:00+00:00", [])


def test_the_skipped_hour_of_march_is_a_finding() -> None:
    assert _moment("20250330013000") == ("2025-03-30T01:30:00+00:00", ["skipped-hour"])


@pytest.mark.parametrize(
    ("sent", "told"),
    [("19850101000000+0700", "1985-01-01"), ("198501", "1985-01"), ("1985", "1985"), ("19850101", "1985-01-01")],
)
def test_a_day_is_never_moved_by_an_offset(sent: str, told: str) -> None:
    part, notes = _part(sent)
    assert (day(part, notes), notes.take()) == (told, ())


def test_an_end_before_its_start_is_left_out_with_a_finding() -> None:
    parsed = Hl7(f"{header()}\rNK1|20250102|20250101\rNK1|2025|20250101\r".encode())
    wrong, right = parsed.every("NK1")
    assert period(wrong[1], wrong[2], parsed.notes) == {"start": "2025-01-02"}
    assert [(note.code, note.where) for note in parsed.notes.take()] == [("end-before-start", "NK1(1)-2")]
    assert period(right[1], right[2], parsed.notes) == {"start": "2025", "end": "2025-01-01"}


def test_minutes_after_an_instant_keep_its_offset() -> None:
    assert minutes_after("2025-10-26T01:30:00+01:00", 60) == "2025-10-26T02:30:00+01:00"
    assert minutes_after("9999-12-31T23:30:00+00:00", 60) is None
