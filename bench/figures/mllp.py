"""HL7 v2 over MLLP: the serving hub in this process, its senders in another."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from bench import homes
from bench.measuring import Bench, Line, head_of, percentile, rate
from bench.workload import AGENCIES, MLLP_SYSTEM
from hub.assembly import Hub
from hub.http.server import Listening, MllpPort, Serving

_CONNECTIONS = 16
_MESSAGES = 4_000


def mllp(bench: Bench) -> Iterator[Line]:
    count = bench.few(_MESSAGES, 160)
    rates, waits_s, sizes = [], [], []
    for _ in range(bench.runs):
        with homes.open_home(bench.folder) as hub, _served(hub) as port:
            told = _senders(port, count)
            homes.wait_until_read(hub)
            sizes.append(head_of(hub))
        rates.append(count / told["took_s"])
        waits_s += told["waits_s"]
    p50_ms, p99_ms = (percentile(waits_s, share) * 1e3 for share in (0.5, 0.99))
    yield Line(
        f"HL7 messages through MLLP, {_CONNECTIONS} connections",
        rate(rates),
        "—",
        "",
        told=f"p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms; {count:,} ADT messages made {sizes[-1]:,} events",
    )


def _senders(port: int, count: int) -> dict[str, float | list[float]]:
    command = [sys.executable, "-m", "bench.mllp_sender", str(port), str(_CONNECTIONS), str(count)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(told.stdout)


@contextmanager
def _served(hub: Hub) -> Iterator[int]:
    """The hub serving as `tellonce serve` does; the port for HL7."""
    serving = Serving(hub, mllp=[MllpPort(0, AGENCIES[1], MLLP_SYSTEM)])
    ports: list[int] = []
    ready = threading.Event()

    def on_ready(listening: Listening) -> None:
        ports.append(listening.mllp[0].port)
        ready.set()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serving.run(on_ready))

    thread = threading.Thread(target=run, name="serving")
    thread.start()
    try:
        if not ready.wait(30):
            raise RuntimeError("the hub did not begin to serve")
        yield ports[0]
    finally:
        serving.stop()
        thread.join()
