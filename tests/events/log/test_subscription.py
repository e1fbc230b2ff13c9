"""Subscriptions to the embedded log; what every log promises of them is in its conformance."""

import pytest

from events.log.specimens import polled, rows_from
from events.log.sqlite import PARTITION
from events.log.testing import OpenLog


def test_rows_that_waited_too_long_are_read_from_the_file(open_log: OpenLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.log.subscription._PUSH_MAX_ROWS", 10)
    log = open_log()
    subscription = log.subscribe({})
    for at in range(0, 60, 6):
        log.append(rows_from(at, 6))
    assert [row.offset for _, row in polled(subscription, 60)] == list(range(60))
    subscription.close()


def test_a_subscription_from_beyond_the_head_waits_for_its_start(open_log: OpenLog) -> None:
    log = open_log()
    subscription = log.subscribe({PARTITION: 5})
    log.append(rows_from(0, 5))
    assert subscription.poll(0) == []
    log.append(rows_from(5, 2))
    assert [row.offset for _, row in polled(subscription, 2)] == [5, 6]
    subscription.close()
