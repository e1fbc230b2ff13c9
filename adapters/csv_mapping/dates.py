"""Dates as senders write them, to the catalogue's fuzzy dates: as exact as they are written and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

# A value that was read, and the code of what was wrong with it.
Reading = tuple[object, str | None]
DateReader = Callable[[str], Reading]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_PARTS = {
    "d": ("day", r"\d{1,2}"),
    "m": ("month", r"\d{1,2}"),
    "b": ("month_name", "|".join(_MONTHS)),
    "B": ("month_name", "|".join(_LONG_MONTHS)),
    "Y": ("year", r"[1-9]\d{3}"),
    "y": ("short_year", r"\d{2}"),
    "H": ("hour", r"\d{1,2}"),
    "M": ("minute", r"\d{2}"),
    "S": ("second", r"\d{2}"),
    "f": ("fraction", r"\d{1,6}"),
    "z": ("offset", r"[Zz]|[+-]\d{2}:?\d{2}"),
}
_DIRECTIVE = re.compile(r"%(.?)")


def format_faults(text: str, pivot: int | None) -> list[str]:
    """What is wrong with a date format."""
    letters = _DIRECTIVE.findall(text)
    unknown = [letter for letter in letters if letter != "%" and letter not in _PARTS]
    names = [_PARTS[letter][0] for letter in letters if letter in _PARTS]
    held = {"year" if name == "short_year" else name.removesuffix("_name") for name in names}
    faults = [f"%{letter} is unknown; there are %{', %'.join(_PARTS)}" for letter in unknown]
    if len(held) < len(names):
        faults.append("says the same thing twice")
    if "year" not in held:
        faults.append("has no year")
    for finer, coarser in (("day", "month"), ("hour", "day"), ("minute", "hour"), ("second", "minute")):
        if finer in held and coarser not in held:
            faults.append(f"has a {finer} without a {coarser}")
    if "hour" in held and "minute" not in held:
        faults.append("has an hour without minutes")
    if held & {"fraction", "offset"} and not held >= {"hour"}:
        faults.append("has parts of a time without an hour")
    if "short_year" in names and pivot is None:
        faults.append("%y needs `pivot`: two-digit years up to it are 20.., those above are 19..")
    return faults


def date_reader(formats: tuple[str, ...], pivot: int | None, zone: ZoneInfo) -> DateReader:
    """Reads a cell by the first format that fits and gives a real date; local times get the zone's offset."""
    patterns = [_pattern(each) for each in formats]

    def read(text: str) -> Reading:
        for pattern in patterns:
            found = pattern.fullmatch(text)
            if found is None:
                continue
            try:
                return _value(found.groupdict(), pivot, zone)
            except ValueError:
                continue
        return None, "bad-date"

    return read


def _pattern(text: str) -> re.Pattern[str]:
    parts: list[str] = []
    at = 0
    for found in _DIRECTIVE.finditer(text):
        parts.append(re.escape(text[at : found.start()]))
        parts.append("%" if found[1] == "%" else "(?P<{}>{})".format(*_PARTS[found[1]]))
        at = found.end()
    return re.compile("".join([*parts, re.escape(text[at:])]), re.IGNORECASE | re.ASCII)


def _value(parts: dict[str, str | None], pivot: int | None, zone: ZoneInfo) -> Reading:
    """Raises ValueError for a day or time that does not exist."""
    year = _year(parts, pivot)
    month = _month(parts)
    if month is None:
        return f"{year:04d}", None
    day = parts.get("day")
    if day is None:
        return date(year, month, 1).isoformat()[:7], None
    hour = parts.get("hour")
    if hour is None:
        return date(year, month, int(day)).isoformat(), None
    fraction = (parts.get("fraction") or "").ljust(6, "0")
    local = datetime(  # noqa: DTZ001 - the zone comes below
        year, month, int(day), int(hour), int(parts["minute"] or 0), int(parts.get("second") or 0), int(fraction)
    )
    offset = parts.get("offset")
    return (
        (datetime.fromisoformat(local.isoformat() + offset.upper()).isoformat(), None)
        if offset
        else _local(local, zone)
    )


def _year(parts: dict[str, str | None], pivot: int | None) -> int:
    year = parts.get("year")
    if year is not None:
        return int(year)
    short = int(parts["short_year"] or 0)
    return short + (2000 if pivot is not None and short <= pivot else 1900)


def _month(parts: dict[str, str | None]) -> int | None:
    name = parts.get("month_name")
    if name is not None:
        return _MONTHS.index(name[:3].lower()) + 1
    month = parts.get("month")
    return None if month is None else int(month)


def _local(naive: datetime, zone: ZoneInfo) -> Reading:
    """The instant of a local time: of the doubled October hour the first, with a finding."""
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    code = None
    if first.utcoffset() != second.utcoffset():
        is_doubled = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == naive
        code = "ambiguous-time" if is_doubled else "nonexistent-time"
    offset = first.utcoffset()
    if offset is not None and offset.total_seconds() % 60:  # local mean time, before the zones
        return first.astimezone(UTC).isoformat(), code
    return first.isoformat(), code
