"""Hypothesis plays with a hub, and a dict says what it should show; planted bugs say that the dict is right."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from events.errors import HubError
from tests.counts import PROOF, times
from tests.machine.bugs import BUGS, Bug
from tests.machine.erasing import Erasing
from tests.machine.playing import FIRED

PLAYS = times(5, proof=250)
STEPS = times(15, proof=40)
FIRINGS = times(0, proof=50)  # a few plays do not touch every rule
PLAYS_FOR_A_BUG = 60  # it ends with the first that finds it
pytestmark = pytest.mark.timeout(3_600)  # at full counts


def play(plays: int, steps: int) -> None:
    run_state_machine_as_test(
        Erasing,
        settings=settings(
            max_examples=plays,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not PROOF,
            database=None,
            phases=[Phase.generate],  # the shortest play is not worth the minutes of looking for it
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )


def test_whatever_is_done_every_other_record_keeps_its_timeline_and_its_links() -> None:
    FIRED.subtract(FIRED)  # in place: to zero
    play(PLAYS, STEPS)
    assert {rule: times for rule, times in FIRED.items() if times < FIRINGS} == {}


FOUND_SOON = ("knows-no-duplicate", "takes-a-name-for-a-record", "misses-withdrawals", "rotates-all-but-the-newest")


@pytest.mark.parametrize(
    "bug",
    [pytest.param(bug, id=bug.name, marks=() if bug.name in FOUND_SOON else pytest.mark.proof) for bug in BUGS],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    """Without this the dict might as well say nothing."""
    bug.plant(monkeypatch)
    with pytest.raises((AssertionError, HubError, ExceptionGroup)):
        play(PLAYS_FOR_A_BUG, STEPS)
