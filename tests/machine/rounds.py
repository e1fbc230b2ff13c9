"""How long hypothesis plays with a hub."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.counts import PROOF, times
from tests.machine.erasing import Erasing

STEPS = times(15, proof=40)


def play(plays: int) -> None:
    """So many hubs, so many steps with each."""
    run_state_machine_as_test(
        Erasing,
        settings=settings(
            max_examples=plays,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not PROOF,
            database=None,
            phases=[Phase.generate],  # the shortest play is not worth the minutes of looking for it
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )
