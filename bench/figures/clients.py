"""Many clients, each waiting for the durable acknowledgement of one event before it sends the next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench import floors, homes
from bench.measuring import Bench, Line, in_turns, percentile, rate, ratio_of
from bench.workload import Batch, Sent, events
from hub.assembly import Hub

_CLIENTS = 64
_EVENTS = 6_400
_SINGLE = 2_000
_P99_MS = 20


def clients(bench: Bench) -> Iterator[Line]:
    sent = list(events(bench.few(_EVENTS, 320)))
    rows = floors.keyed_rows([each.raw for each in sent if not each.is_twice])[: bench.few(_SINGLE, 100)]
    waits_s: list[float] = []

    def ours() -> float:
        with homes.open_home(bench.folder) as hub:
            return len(sent) / _sent_by_clients(hub, sent, waits_s)

    floor, mine = in_turns(bench.runs, lambda: len(rows) / floors.append_keyed(bench.folder, rows, 1), ours)
    p99_ms = percentile(waits_s, 0.99) * 1e3
    yield Line(
        f"{_CLIENTS} clients, each its own durable acknowledgement",
        rate(mine),
        "append.keyed.FULL.b1",
        rate(floor),
        ratio_of(mine, floor),
        2,
        3,
        told=f"p50 {percentile(waits_s, 0.5) * 1e3:.1f} ms, p99 {p99_ms:.1f} ms (goal {_P99_MS} ms)",
    )


def _sent_by_clients(hub: Hub, sent: Sequence[Sent], waits_s: list[float]) -> float:
    """Seconds until the last acknowledgement; the views follow beside it and are not waited for."""

    def client(number: int) -> None:
        for agency, raw, _ in sent[number::_CLIENTS]:
            asked = time.perf_counter()
            homes.take_in(hub, Batch(agency, raw, 1))
            waits_s.append(time.perf_counter() - asked)

    began = time.perf_counter()
    with ThreadPoolExecutor(_CLIENTS, thread_name_prefix="client") as pool:
        list(pool.map(client, range(_CLIENTS)))
    took_s = time.perf_counter() - began
    homes.wait_until_read(hub)
    return took_s
