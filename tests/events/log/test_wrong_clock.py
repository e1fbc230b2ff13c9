"""The log stores nothing while its clock is wrong, and stays readable."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.clock import DrivenClock, from_us
from events.errors import TryAgainLater
from events.log.specimens import ASigner, a_row, everything, rows_from
from events.log.sqlite import SqliteLog
from events.log.testing import OpenLog

DAY_US = 86_400_000_000


def test_ten_minutes_back_nothing_is_stored_until_the_clock_is_right(open_log: OpenLog, clock: DrivenClock) -> None:
    log = open_log()
    log.append(rows_from(0, 3))
    right = clock()
    clock.set(from_us(right - 600_000_000))
    with pytest.raises(TryAgainLater, match=r"clock-behind: clock: .* 600 seconds behind .* nothing was stored"):
        log.append(rows_from(3, 3))
    assert len(everything(log)) == 3
    clock.set(from_us(right + 1_000_000))
    assert not any(outcome.is_known for outcome in log.append(rows_from(3, 3)))


def test_a_year_ahead_nothing_is_stored_until_somebody_says_it_is_right(
    open_log: Callable[..., SqliteLog], clock: DrivenClock
) -> None:
    log = open_log()
    log.append(rows_from(0, 3))
    clock.set(from_us(clock() + 366 * DAY_US))
    with pytest.raises(TryAgainLater, match=r"clock-far-ahead: clock: .* 365 days ahead .*TELLONCE_ACCEPT_CLOCK"):
        log.append(rows_from(3, 3))
    assert len(everything(log)) == 3
    log.close()
    log = open_log(accepts_clock=True)
    log.append(rows_from(3, 3))
    clock.set(from_us(clock() + 366 * DAY_US))
    with pytest.raises(TryAgainLater, match="clock-far-ahead"):
        log.append(rows_from(6, 3))
    assert len(everything(log)) == 6


def test_the_first_event_of_a_log_is_never_far_ahead(open_log: OpenLog, clock: DrivenClock) -> None:
    clock.set(datetime(2051, 1, 1, tzinfo=UTC))
    assert len(open_log().append(rows_from(0, 3))) == 3


def test_a_clock_that_refuses_to_tell_the_time_stops_appending_only(path: Path) -> None:
    times = iter([1, None, 2])

    def clock() -> int:
        now = next(times)
        if now is None:
            raise TryAgainLater("clock-jumped", "the clock was moved")
        return now

    log = SqliteLog(path, clock=clock, signer=ASigner(), new_epoch=lambda: "e")
    log.append([a_row(1)])
    with pytest.raises(TryAgainLater, match="clock-jumped"):
        log.append([a_row(2)])
    assert not log.append([a_row(2)])[0].is_known
    log.close()
