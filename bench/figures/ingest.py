"""Ingest end to end: JSON in, until it is on timelines and linked."""

from __future__ import annotations

from collections.abc import Iterator

from bench import floors, homes
from bench import peer as peers
from bench.measuring import Bench, Line, head_of, in_turns, rate, ratio_of
from bench.workload import batches, events

_BATCH = 1_000
_HALVES = 200_000
_PEER_EVENTS = 5_000


def small(bench: Bench) -> Iterator[Line]:
    yield _ingest(bench, bench.events, goal=0.45, aim=0.7)


def large(bench: Bench) -> Iterator[Line]:
    """The floor's indexes outgrow its cache here, which is what the hub's layout avoids."""
    yield _ingest(bench, 6 * bench.events, goal=0.7, aim=1.2)


def _ingest(bench: Bench, count: int, *, goal: float, aim: float) -> Line:
    sent = list(events(count))
    rows = floors.keyed_rows([each.raw for each in sent if not each.is_twice])
    parts = list(batches(sent, _BATCH))
    del sent
    heads: list[int] = []

    def ours() -> float:
        with homes.open_home(bench.folder) as hub:
            took_s = homes.ingest(hub, parts)
            heads.append(head_of(hub))
        return count / took_s

    floor, mine = in_turns(bench.runs, lambda: len(rows) / floors.append_keyed(bench.folder, rows, _BATCH), ours)
    return Line(
        f"ingest end to end, {count:,} events in batches of {_BATCH:,}",
        rate(mine),
        f"append.keyed.FULL.b{_BATCH}",
        rate(floor),
        ratio_of(mine, floor),
        goal,
        aim,
        told=f"{homes.SENDERS} senders; the log held {heads[-1]:,} events then, the hub's decisions included",
    )


def peer(bench: Bench) -> Iterator[Line]:
    """The peer is slow, so it gets a tenth of the events; its rate does not fall with their number."""
    sent = list(events(bench.events))
    raws = [each.raw for each in sent if not each.is_twice][: bench.few(_PEER_EVENTS, 200)]
    parts = list(batches(sent, _BATCH))

    def ours() -> float:
        with homes.open_home(bench.folder) as hub:
            return bench.events / homes.ingest(hub, parts)

    floor, mine = in_turns(bench.runs, lambda: len(raws) / peers.append_and_project(bench.folder, raws, _BATCH), ours)
    yield Line(
        f"ingest end to end, {bench.events:,} events in batches of {_BATCH:,}",
        rate(mine),
        "eventsourcing, append + project",
        rate(floor),
        ratio_of(mine, floor),
        5,
        10,
    )


def halves(bench: Bench) -> Iterator[Line]:
    """One home, filled in two halves; each half ends when it is read."""
    count = 1_000_000 if bench.is_full else bench.few(_HALVES, bench.events)
    parts = list(batches(events(count), _BATCH))
    middle = len(parts) // 2
    first, second = [], []
    for _ in range(1 if bench.is_full else min(3, bench.runs)):
        with homes.open_home(bench.folder) as hub:
            for measured, half in ((first, parts[:middle]), (second, parts[middle:])):
                measured.append(sum(part.count for part in half) / homes.ingest(hub, half))
    yield Line(
        f"second half of {count:,} events",
        rate(second),
        "its first half",
        rate(first),
        ratio_of(second, first),
        0.6,
        0.8,
        told="" if bench.is_full else "1,000,000 with --full",
    )
