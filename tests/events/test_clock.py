"""Time comes from outside, in whole microseconds."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.clock import DrivenClock, SystemClock, from_us, to_us, us_text
from events.errors import TryAgainLater

INSTANTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def test_the_system_clock_tells_the_machines_time() -> None:
    before = time.time_ns() // 1000
    told = SystemClock()()
    assert before <= told <= time.time_ns() // 1000


@pytest.mark.parametrize("jump_s", [-600, -121, 121, 366 * 86_400])
def test_a_clock_that_was_moved_refuses_to_tell_the_time(jump_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    true_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_time_ns() + jump_s * 10**9)
    with pytest.raises(TryAgainLater, match=r"clock-jumped: clock: .* restart the hub"):
        clock()
    monkeypatch.setattr(time, "time_ns", true_time_ns)
    assert clock()


@pytest.mark.parametrize("jump_s", [-119, 119])
def test_small_corrections_of_the_clock_are_followed(jump_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    true_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_time_ns() + jump_s * 10**9)
    assert abs(clock() - true_time_ns() // 1000 - jump_s * 10**6) < 10**6


def test_a_driven_clock_stands_where_it_was_put() -> None:
    clock = DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))
    assert clock() == clock() == 1_709_208_000_000_000
    clock.set(datetime(2024, 2, 29, 13, tzinfo=timezone(timedelta(hours=2))))
    assert clock() == 1_709_204_400_000_000


@given(INSTANTS)
def test_microseconds_and_instants_are_the_same_moment(instant: datetime) -> None:
    assert from_us(to_us(instant)) == instant
    text = us_text(to_us(instant))
    assert datetime.fromisoformat(text) == instant
    assert len(text) == len("2024-02-29T12:00:00.000000Z")
