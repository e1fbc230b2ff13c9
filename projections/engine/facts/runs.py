"""What is told of the run that stands, in a column of its top version: who reads that needs no other row of the fact.

Null beside the only thing said of a fact, which has no run to work out, and beside what never stood. Empty beside what
stood and does not stand now: its run as of a moment is worked out from the rows known then.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from projections.engine.standing import Judge, Run

UNTOLD = ""


class ToldRun(NamedTuple):
    """What entries say of a run, from the known time on when the last thing was said of its fact."""

    since_us: int
    first_known_us: int
    confirmed_us: int
    is_first: bool
    is_tied: bool


def summary(run: Run, since_us: int) -> ToldRun:
    return ToldRun(since_us, run.first_known_us, run.confirmed_us, run.is_first, run.is_tied)


def told_of(judge: Judge) -> str:
    """The column's text."""
    run = judge.run()
    return orjson.dumps(tuple(summary(run, judge.known_us))).decode() if run is not None else UNTOLD


def read_run(text: str) -> ToldRun | None:
    return ToldRun._make(orjson.loads(text)) if text != UNTOLD else None
