"""Peak memory: each in a process of its own, so that nothing of the bench counts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from bench.measuring import Bench, Line

_CSV_BYTES = 300_000_000


def memory(bench: Bench) -> Iterator[Line]:
    yield _line("peak memory of an idle hub", _child(bench, "idle", 0))
    yield _line(f"peak memory of ingest, {bench.events:,} events", _child(bench, "events", bench.events))
    size = bench.few(_CSV_BYTES, 1_000_000)
    yield _line(f"peak memory of a CSV of {size / 1e6:,.0f} MB", _child(bench, "csv", size))


def _child(bench: Bench, what: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.memory_child", what, str(size), str(bench.folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _line(figure: str, told: dict[str, float]) -> Line:
    took = f"{told['messages']:,} messages in {told['took_s']:,.0f} s" if told["messages"] else ""
    return Line(figure, f"{told['peak_mb']:,.0f} MB", "—", "", told=took)
