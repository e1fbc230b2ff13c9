"""Folding the timeline again, beside the live one, until it is swapped in."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import floors, homes
from bench.measuring import Bench, Line, in_turns, rate, ratio_of
from bench.workload import events

_GOAL, _AIM = 0.3, 0.5  # of a rebuild that unseals what it reads; of one from plain rows 0.4 and 0.7 were asked


def rebuild(bench: Bench) -> Iterator[Line]:
    sent = list(events(bench.events))
    raws = [each.raw for each in sent if not each.is_twice]
    log = floors.BareLog(bench.folder, raws)
    with homes.open_home(bench.folder) as hub:
        homes.fill(hub, sent)

        def ours() -> float:
            began = time.perf_counter()
            hub.runner.rebuild("timeline")
            return len(raws) / (time.perf_counter() - began)

        floor, mine = in_turns(bench.runs, lambda: len(raws) / log.rebuild(), ours)
    yield Line(
        f"rebuild of the timeline, {len(raws):,} events",
        rate(mine),
        "rebuild.clustered.shadowfile.onetx",
        rate(floor),
        ratio_of(mine, floor),
        _GOAL,
        _AIM,
        told="live views copied, every event unsealed, the timeline folded by all laws, caught up, synced and swapped",
    )
