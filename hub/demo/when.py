"""Days and moments of the borough: working days, office hours, school terms, all in local time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
YEARS_OF_HISTORY = 3
_CLOSED = {(12, 25), (12, 26), (1, 1)}


def first_day(end: date) -> date:
    """The day three years before the last one."""
    try:
        return end.replace(year=end.year - YEARS_OF_HISTORY)
    except ValueError:  # 29 February
        return end.replace(year=end.year - YEARS_OF_HISTORY, day=28)


def instant(day: date, hour: int = 9, minute: int = 0, second: int = 0) -> datetime:
    """The UTC instant of a local time of day."""
    return datetime.combine(day, time(hour, minute, second), LONDON).astimezone(UTC)


def local_day(moment: datetime) -> date:
    return moment.astimezone(LONDON).date()


def working_day(day: date) -> date:
    """The day, or the next one that is no Saturday, Sunday, Christmas or New Year's Day."""
    while day.weekday() > 4 or (day.month, day.day) in _CLOSED:
        day += timedelta(days=1)
    return day


def office_hours(rng: Random, day: date) -> datetime:
    """A moment between nine and five of the next working day."""
    return instant(working_day(day), rng.randrange(9, 17), rng.randrange(60), rng.randrange(60))


def any_hour(rng: Random, day: date) -> datetime:
    """A moment between six in the morning and ten at night."""
    return instant(day, rng.randrange(6, 22), rng.randrange(60), rng.randrange(60))


def day_between(rng: Random, first: date, last: date) -> date:
    """A day from the first to the last, both possible; the first where there is none between."""
    return first + timedelta(days=rng.randrange(max(1, (last - first).days + 1)))


def text(moment: datetime) -> str:
    """RFC 3339, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def terms(first: date, last: date) -> list[tuple[str, date, date]]:
    """School terms that lie wholly between two days: name, first day, last day."""
    found = []
    for year in range(first.year - 1, last.year + 1):
        autumn = (f"autumn-{year}", date(year, 9, 4), date(year, 12, 19))
        spring = (f"spring-{year + 1}", date(year + 1, 1, 6), date(year + 1, 3, 28))
        summer = (f"summer-{year + 1}", date(year + 1, 4, 14), date(year + 1, 7, 22))
        found += [term for term in (autumn, spring, summer) if first <= term[1] and term[2] <= last]
    return found


def next_weekday(day: date, weekday: int) -> date:
    """The first such weekday after the day (0 is Monday)."""
    return day + timedelta(days=(weekday - day.weekday() - 1) % 7 + 1)
