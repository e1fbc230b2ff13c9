"""Moments and days as people give them: to known times and to the days of a chronology."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from events.clock import to_us
from events.errors import RejectedMessage
from projections.engine.occurred import day_number


def as_of_us(text: str, *, zone: ZoneInfo, now_us: int) -> int:
    """Known time of an instant, or of the end of a day in the hub's zone.

    Raises RejectedMessage `bad-moment` or, for what is still to come, `as-of-in-future`.
    """
    try:
        if len(text) == len("YYYY-MM-DD"):
            day = date.fromisoformat(text)
            if day == datetime.fromtimestamp(now_us / 1_000_000, zone).date():
                return now_us  # the day is not over: as of now
            at_us = to_us(datetime.combine(day + timedelta(days=1), time(), zone)) - 1
        else:
            moment = datetime.fromisoformat(text)
            at_us = to_us(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError) as error:
        raise RejectedMessage(
            "bad-moment",
            "this is neither a day (YYYY-MM-DD) nor an RFC 3339 instant",
            where="as_of",
            next_step="For example 2025-03-31 or 2025-03-31T14:30:00Z.",
        ) from error
    if at_us > now_us:
        raise RejectedMessage(
            "as-of-in-future", "nobody knows yet what will be known then", where="as_of", next_step="Leave it out."
        )
    return at_us


def day(text: str, where: str) -> int:
    """yyyymmdd of a day. Raises RejectedMessage `bad-day`."""
    try:
        return day_number(date.fromisoformat(text))
    except ValueError as error:
        raise RejectedMessage("bad-day", "this is not a day (YYYY-MM-DD)", where=where) from error
