"""Planted bugs say that the dict beside the hub is right: without this it might as well say nothing."""

from __future__ import annotations

import pytest

from events.errors import HubError
from tests.counts import times
from tests.machine.bugs import BUGS, Bug
from tests.machine.rounds import play

PLAYS = 60  # it ends with the first that finds it
FOUND_SOON = ("knows-no-duplicate", "takes-a-name-for-a-record", "misses-withdrawals", "rotates-all-but-the-newest")
# Seconds each as well (measured 2026-11-22: 0.5 to 5 s); the other three take 6 to 27 s.
FOUND_LATER = (
    "forgets-who-was-erased",
    "destroys-another-too",
    "leaves-the-erased-in-a-view",
    "swaps-in-views-without-links",
)


def marks_of(bug: Bug) -> tuple[pytest.MarkDecorator, ...]:
    if bug.name in FOUND_SOON:
        return ()
    return (pytest.mark.long if bug.name in FOUND_LATER else pytest.mark.proof,)


@pytest.mark.timeout(times(600, proof=0))
@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name, marks=marks_of(bug)) for bug in BUGS])
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, bug: Bug) -> None:
    bug.plant(monkeypatch)
    with pytest.raises((AssertionError, HubError, ExceptionGroup)):
        play(PLAYS)
