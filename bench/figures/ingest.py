"""Ingest end to end: JSON in, until it is on timelines and linked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from bench import floors, homes
from bench import peer as peers
from bench.measuring import Bench, Line, head_of, in_turns, rate, ratio_of
from bench.unsealed import NO_LEAF, lies_in_clear, unsealed, without_tree
from bench.workload import batches, events
from events.log.sqlite import PARTITION
from hub.assembly import Hub

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


def beside_plain(bench: Bench) -> Iterator[Line]:
    """The whole of ingest, and the same without sealing and tree: the same events, a new home each, in turns.

    Not in the plain side: AES-GCM and its nonces, at sealing and at opening (events, receipts and their parts, wrapped
    secrets, boxes inside bodies); leaf hashes, nodes and tiles of the tree, checkpoints and their notes. Still in it:
    look-up, secrets, their derivation and the key store's commit, since keyed ids rest on them; the ring that finds a
    row's key and compares its id; padding and a tag's 16 bytes, so that as much is written; receipts, `FULL`, views and
    linkage. So it is not a hub that was never made to seal: that one would have fewer keys to keep.
    """
    parts = list(batches(events(bench.events), _BATCH))

    def ours(*, is_plain: bool = False) -> float:
        with ExitStack() as stack:
            if is_plain:
                stack.enter_context(unsealed())
                stack.enter_context(without_tree())
            hub = stack.enter_context(homes.open_home(bench.folder))
            took_s = homes.ingest(hub, parts)
            _check_first_row(hub, is_plain=is_plain)
        return bench.events / took_s

    plain, sealed = in_turns(bench.runs, lambda: ours(is_plain=True), ours)
    yield Line(
        f"ingest end to end, sealed and in the tree, {bench.events:,} events in batches of {_BATCH:,}",
        rate(sealed),
        "the same with a cipher that does nothing, no tree",
        rate(plain),
        ratio_of(sealed, plain),
        aim=0.75,
        told="the plain side still makes, looks up and keeps keys: ids are keyed",
    )


def _check_first_row(hub: Hub, *, is_plain: bool) -> None:
    """Raises RuntimeError where what was to be plain is sealed, or the other way round."""
    (row,) = hub.log.read(PARTITION, 0, 1)
    if lies_in_clear(row.body) != is_plain or (row.leaf == NO_LEAF) != is_plain:
        raise RuntimeError("the log does not hold what was to be measured")


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
