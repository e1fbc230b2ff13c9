"""Hypothesis plays with a hub, and a dict says what it should show."""

from __future__ import annotations

import pytest

from tests.counts import times
from tests.machine.playing import FIRED
from tests.machine.rounds import play

PLAYS = times(5, proof=250)
FIRINGS = times(0, proof=50)  # a few plays do not touch every rule


@pytest.mark.timeout(times(600, proof=0))
def test_whatever_is_done_every_other_record_keeps_its_timeline_and_its_links() -> None:
    FIRED.subtract(FIRED)  # in place: to zero
    play(PLAYS)
    assert {rule: times for rule, times in FIRED.items() if times < FIRINGS} == {}
