"""When something was true in the world: fuzzy times to days, and the order of a chronology.

Earliest local day first, finer before coarser, then the instant; undated sorts first (docs/laws.md, "Time").
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from events.order import NANOSECONDS, instant_ns

DEFAULT_ZONE = "Europe/London"
_INSTANT, _DAY, _MONTH, _YEAR = range(4)
_SHIFT_NS = 10**20  # keeps instants in order as text: those before 1970, and of the years 1 to 9999 all


class Occurred(NamedTuple):
    """`sort` orders a chronology as text; days are yyyymmdd, both included; None for undated."""

    sort: str
    day_from: int | None
    day_to: int | None


UNDATED = Occurred("", None, None)


def occurred_of(payload: Mapping[str, Any], time: str | None, zone: str = DEFAULT_ZONE) -> Occurred:
    """Of an event's payload (`effective`) or, where that is missing, its CloudEvents time."""
    effective = payload.get("effective")
    return _between(effective.get("start"), effective.get("end"), zone) if effective else _between(time, None, zone)


@lru_cache(maxsize=16384)
def _between(start: str | None, end: str | None, zone: str) -> Occurred:
    first = _span(start or end, zone)
    last = _span(end, zone) if end else first
    if first is None or last is None:
        return UNDATED
    day_from, grain, instant, _ = first
    return Occurred(f"{day_from:08d}{grain}{instant}", day_from, max(last[3], day_from))


def _span(text: str | None, zone: str) -> tuple[int, int, str, int] | None:
    """First day, grain, instant as sortable text, last day."""
    if text is None:
        return None
    if len(text) == 10:
        day = int(text.replace("-", ""))
        return day, _DAY, "", day
    if len(text) == 4:
        return int(text) * 10_000 + 101, _YEAR, "", int(text) * 10_000 + 1231
    if len(text) == 7:
        year, month = int(text[:4]), int(text[5:])
        start = year * 10_000 + month * 100
        return start + 1, _MONTH, "", start + calendar.monthrange(year, month)[1]
    nanoseconds = instant_ns(text)
    if nanoseconds is None:
        return None
    day = _local_day(text, nanoseconds, zone)
    return day, _INSTANT, f"{nanoseconds + _SHIFT_NS:021d}", day


def _local_day(text: str, nanoseconds: int, zone: str) -> int:
    try:
        moment = datetime.fromtimestamp(nanoseconds // NANOSECONDS, ZoneInfo(zone))
    except OverflowError:  # the first and the last day of all years: a zone may lead out of them
        moment = datetime.fromisoformat(text.upper().replace(":60", ":59"))
    return day_number(moment)


def day_number(day: date) -> int:
    """yyyymmdd of a date."""
    return day.year * 10_000 + day.month * 100 + day.day
