"""Days and moments in words, as a chronology prints them."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

UNDATED = "No date given"


def finding_at(finding: Mapping[str, str], place: str) -> str:
    """A finding's code, where it is and what, beside the place of its message, which is not said again."""
    where = finding["where"].removeprefix(f"{place}, ")
    if place in (where, where.partition(" ")[2]):  # `row 2`, or `event 2` of a message whose place is 2
        where = ""
    return ": ".join(part for part in (finding["code"], where, finding["detail"]) if part)


def day_in_words(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


def moment_in_words(text: str, zone: ZoneInfo, *, to_the_second: bool = False) -> str:
    """`14 May 2024, 09:30` of an RFC 3339 instant; what is no instant as it stands."""
    moment = _moment(text, zone)
    clock = "%H:%M:%S" if to_the_second else "%H:%M"
    return f"{day_in_words(moment.date())}, {moment.strftime(clock)}" if moment else text


def heading_of(occurred: Mapping[str, Any], zone: ZoneInfo) -> str:
    """What an entry stands under: its day, or what is known of it."""
    start = occurred["start"] or occurred.get("end")
    if start is None:
        return UNDATED
    words = in_words(start, zone, with_weekday=True)
    return f"Some time in {words}" if len(start) < len("YYYY-MM-DD") else words


def in_words(text: str, zone: ZoneInfo, *, with_weekday: bool = False) -> str:
    """A year, a month, a day, or the day of an instant."""
    if len(text) == len("YYYY"):
        return text
    if len(text) == len("YYYY-MM"):
        return f"{calendar.month_name[int(text[5:])]} {text[:4]}"
    day = day_of(text, zone)
    if day is None:
        return text
    return f"{calendar.day_name[day.weekday()]} {day_in_words(day)}" if with_weekday else day_in_words(day)


def compact_day(occurred: Mapping[str, Any], zone: ZoneInfo) -> str:
    """`14 May 2024`, `May 2024`, `2024`, or nothing: with the month in three letters."""
    start = occurred["start"] or occurred.get("end")
    if start is None:
        return "undated"
    day = day_of(start, zone)
    if day is None:
        return f"{calendar.month_abbr[int(start[5:7])]} {start[:4]}" if len(start) == len("YYYY-MM") else start
    return f"{day.day} {calendar.month_abbr[day.month]} {day.year}"


def time_of(occurred: Mapping[str, Any], zone: ZoneInfo) -> str:
    """HH:MM where an instant is known, else nothing."""
    start = occurred["start"]
    moment = _moment(start, zone) if start else None
    return f"{moment:%H:%M}" if moment else ""


def day_of(text: str, zone: ZoneInfo) -> date | None:
    """The local day of a day or an instant."""
    moment = _moment(text, zone)
    if moment is not None:
        return moment.date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if len(text) <= len("YYYY-MM-DD"):
        return None
    try:
        return datetime.fromisoformat(text.upper().replace(":60", ":59")).astimezone(zone)
    except ValueError:
        return None
