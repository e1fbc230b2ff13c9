"""Time comes from outside: every clock is passed in, in whole microseconds since 1970, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import available_timezones

from events.errors import TryAgainLater

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JUMP_MAX_US = 120_000_000


class Clock(Protocol):
    def __call__(self) -> int:
        """Microseconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's clock, which refuses to tell the time after a jump of more than two minutes.

    Compared with the time since boot, which nobody can set: a wrong known time would stand in the log for ever.
    """

    def __init__(self) -> None:
        self._offset_us = self._wall_minus_boot()

    @staticmethod
    def _wall_minus_boot() -> int:
        return (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1000

    def __call__(self) -> int:
        jump_us = self._wall_minus_boot() - self._offset_us
        if abs(jump_us) > _JUMP_MAX_US:
            raise TryAgainLater(
                "clock-jumped",
                f"the machine's clock was moved by {jump_us // 1_000_000} seconds while the hub was running",
                where="clock",
                next_step="Set the clock right; if it is right now, restart the hub.",
            )
        return time.time_ns() // 1000


class DrivenClock:
    """A clock that stands where it was put: for the demo's history and for tests, never for real intake."""

    def __init__(self, now: datetime) -> None:
        self._now_us = to_us(now)

    def set(self, now: datetime) -> None:
        self._now_us = to_us(now)

    def __call__(self) -> int:
        return self._now_us


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Aware UTC instant of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def us_text(microseconds: int) -> str:
    """RFC 3339 text with all six decimals, as known times are always printed."""
    return from_us(microseconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@cache
def zone_names() -> frozenset[str]:
    """The time zones of the IANA list; looked for on the disk once, since that takes a third of opening a home."""
    return frozenset(available_timezones())
