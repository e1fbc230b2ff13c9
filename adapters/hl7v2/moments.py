"""HL7 dates and times (DT, TS, DTM) as fuzzy dates and RFC 3339 instants: as exact as sent, and no more."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from adapters.hl7v2.tokens import Notes, Part
from events.catalogue.rules import is_before

_DTM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})(?:(?P<hour>\d{2})(?:(?P<minute>\d{2})"
    r"(?:(?P<second>\d{2})(?P<fraction>\.\d{1,9})?)?)?)?)?)?(?P<offset>[+-]\d{4})?",
    re.ASCII,
)


def moment(part: Part, zone: str, notes: Notes) -> str | None:
    """Year, month, date or instant of a time stamp; None with a finding for what is no real date.

    A time without an offset is local to the zone; one to the hour alone is told as its day.
    """
    text = part.text
    if not text:
        return None
    found = _DTM.fullmatch(text)
    told = found and _told(found, zone, part.where, notes)
    if not told:
        notes.add("bad-date", part.where, "This is no date of the form YYYYMMDDHHMMSS+ZZZZ.")
    return told or None


def day(part: Part, notes: Notes) -> str | None:
    """Year, month or date as written: a birth date is never moved by an offset."""
    text = part.text
    if not text:
        return None
    found = _DTM.fullmatch(text)
    told = found and _date(found)
    if not told:
        notes.add("bad-date", part.where, "This is no date of the form YYYYMMDD.")
    return told or None


def period(start: Part, end: Part, notes: Notes) -> dict[str, str]:
    """Days from and to, as far as given; an end before the start is left out with a finding."""
    told = {name: value for name, value in (("start", day(start, notes)), ("end", day(end, notes))) if value}
    if len(told) == 2 and is_before(told["end"], told["start"]):
        notes.add("end-before-start", end.where, "It was left out.")
        del told["end"]
    return told


def minutes_after(instant: str, minutes: int) -> str | None:
    """The instant so many minutes later, with the same offset; None beyond the calendar's end."""
    try:
        return (datetime.fromisoformat(instant) + timedelta(minutes=minutes)).isoformat()
    except OverflowError:
        return None


def _date(found: re.Match[str]) -> str | None:
    """The date, month or year of a time stamp, if there is such a one from year 1000 on."""
    year, month, day_of_month = found["year"], found["month"], found["day"]
    try:
        date(int(year), int(month or 1), int(day_of_month or 1))
    except ValueError:
        return None
    if year < "1000":
        return None
    return "-".join(part for part in (year, month, day_of_month) if part)


def _told(found: re.Match[str], zone: str, where: str, notes: Notes) -> str | None:
    told = _date(found)
    if told is None or found["hour"] is None:
        return told
    if found["minute"] is None:
        return told if int(found["hour"]) < 24 else None
    clock = f"{found['hour']}:{found['minute']}:{found['second'] or '00'}"
    try:
        local = datetime.fromisoformat(f"{told}T{clock}")
        offset = _sent_offset(found["offset"]) if found["offset"] else _zone_offset(local, zone, where, notes)
        # An instant that leaves the calendar in UTC is none that anything could be ordered by.
        local.replace(tzinfo=offset).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{told}T{clock}{found['fraction'] or ''}{_offset_text(offset)}"


def _sent_offset(text: str) -> timezone:
    """Raises ValueError for an offset of a day or more, or of sixty minutes or more beside its hours."""
    if int(text[3:]) > 59:
        raise ValueError
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return timezone(timedelta(minutes=minutes if text[0] == "+" else -minutes))


def _zone_offset(local: datetime, zone: str, where: str, notes: Notes) -> timezone:
    """The zone's offset at a local time; a doubled hour counts as its first, a skipped one as before the change."""
    place = ZoneInfo(zone)
    first = local.replace(tzinfo=place).utcoffset() or timedelta(0)
    second = local.replace(tzinfo=place, fold=1).utcoffset() or timedelta(0)
    if first > second:
        notes.add("doubled-hour", where, "The clocks went back: this local time came twice; the first is taken.")
    elif first < second:
        notes.add("skipped-hour", where, "The clocks went forward: this local time did not exist.")
    # Before zones were regulated they differed by seconds, which RFC 3339 cannot write.
    return timezone(timedelta(minutes=round(first.total_seconds() / 60)))


def _offset_text(offset: timezone) -> str:
    minutes = int(offset.utcoffset(None).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
