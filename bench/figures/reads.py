"""Reading a person's timeline at the query function: now, as of a moment, and beside a rebuild."""

from __future__ import annotations

import random
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import orjson

from bench import floors, homes
from bench.measuring import Bench, Line, in_turns, microseconds, percentile, ratio_of
from bench.workload import events
from events.ids import parse_source, record_of
from hub.assembly import Hub
from projections.engine.membership import queries as membership
from projections.timeline.queries import Wanted, entries_of

_READS = 2_000
_IDLE_S = 3.0
_NEWEST = 50


class _Home(NamedTuple):
    """A filled home and the same events in a floor; persons to ask for, the oftener the more there is of them."""

    hub: Hub
    floor: floors.ReadFloor
    persons: list[str]


class _Answer(NamedTuple):
    """What it takes to answer: seconds until the entries are found, until the bytes to send are there."""

    entries: int
    found_s: float
    sent_s: float


def newest(bench: Bench) -> Iterator[Line]:
    with _filled(bench) as (hub, floor, persons):
        questions = [(person, Wanted(newest_first=True, limit=_NEWEST)) for person in persons]
        raw, mine = in_turns(
            bench.runs,
            lambda: percentile([floor.newest(person) for person in persons], 0.5),
            lambda: percentile(_reads(hub, questions), 0.5),
        )
        answers = [_answer(hub, person) for person in persons]
        entries = statistics.fmean(answer.entries for answer in answers)
    yield Line(
        f"newest {_NEWEST} entries of a person, p50 of {len(persons):,} reads",
        microseconds(mine),
        "timeline.clustered.rows",
        microseconds(raw),
        ratio_of(mine, raw),
        2.5,
        1.5,
        is_most=True,
        told=(
            f"{entries:.0f} entries with title, run and payload as stored JSON; "
            f"{percentile([answer.found_s for answer in answers], 0.5) * 1e6:,.0f} µs with finding the records, "
            f"{percentile([answer.sent_s for answer in answers], 0.5) * 1e6:,.0f} µs up to the answer's bytes"
        ),
    )


def as_of(bench: Bench) -> Iterator[Line]:
    with _filled(bench) as (hub, _, persons):
        first_us, last_us = (next(hub.log.read("main-0", at, 1)).known_us for at in (0, hub.log.head()["main-0"] - 1))
        now = Wanted(newest_first=True, limit=_NEWEST)
        # Asked after the last event, so that both questions have the same entries to give.
        then = Wanted(as_of_us=last_us, newest_first=True, limit=_NEWEST)
        current, past = in_turns(
            bench.runs,
            lambda: percentile(_reads(hub, [(number, now) for number in persons]), 0.5),
            lambda: percentile(_reads(hub, [(number, then) for number in persons]), 0.5),
        )
        middle = Wanted(as_of_us=(first_us + last_us) // 2, newest_first=True, limit=_NEWEST)
        half = percentile(_reads(hub, [(number, middle) for number in persons]), 0.5)
    yield Line(
        "as-of read, p50",
        microseconds(past),
        "the same read now",
        microseconds(current),
        ratio_of(past, current),
        1.5,
        1.0,
        is_most=True,
        told=f"as of the last event, the same entries; {half * 1e6:,.0f} µs as of the middle of the ingest",
    )


def during_rebuild(bench: Bench) -> Iterator[Line]:
    idle, busy = [], []
    with _filled(bench) as (hub, _, persons):
        questions = [(number, Wanted(newest_first=True, limit=_NEWEST)) for number in persons]
        for _ in range(bench.runs):
            idle.append(percentile(_reads_for(hub, questions, threading.Event(), _IDLE_S / 10), 0.99))
            done = threading.Event()
            thread = threading.Thread(target=_rebuild, args=(hub, done))
            thread.start()
            busy.append(percentile(_reads_for(hub, questions, done, 600), 0.99))
            thread.join()
    yield Line(
        "read p99 during a rebuild",
        microseconds(busy),
        "read p99 when idle",
        microseconds(idle),
        ratio_of(busy, idle),
        2,
        1.5,
        is_most=True,
        told="one reader without pause, all views of its home rebuilt meanwhile",
    )


def read_everybody(hub: Hub) -> None:
    """The newest entries of each of the first thousand persons, for a profile."""
    with hub.store.snapshot() as db:
        numbers = [number for (number,) in db.execute("SELECT person FROM membership_persons LIMIT 1000")]
    _reads(hub, [(number, Wanted(newest_first=True, limit=_NEWEST)) for number in numbers])


def _rebuild(hub: Hub, done: threading.Event) -> None:
    try:
        hub.runner.rebuild()
    finally:
        done.set()


def _reads_for(
    hub: Hub, questions: Sequence[tuple[str, Wanted]], until: threading.Event, limit_s: float
) -> list[float]:
    took: list[float] = []
    ends = time.perf_counter() + limit_s
    while not until.is_set() and time.perf_counter() < ends:
        took += _reads(hub, questions[len(took) % len(questions) :][:50])
    return took


def _reads(hub: Hub, questions: Sequence[tuple[str, Wanted]]) -> list[float]:
    """Seconds of each read at the query function, the person's records given."""
    took = []
    for number, wanted in questions:
        with hub.store.snapshot() as db:
            page = membership.page_of(db, number)
            if page is None:
                raise RuntimeError("a person of the workload is unknown")
            began = time.perf_counter()
            entries_of(db, page.records, wanted)
            took.append(time.perf_counter() - began)
    return took


def _answer(hub: Hub, number: str) -> _Answer:
    began = time.perf_counter()
    with hub.store.snapshot() as db:
        page = membership.page_of(db, number)
        entries = entries_of(db, page.records if page else (), Wanted(newest_first=True, limit=_NEWEST))
    found_s = time.perf_counter() - began
    orjson.dumps([entry.document(hub.log.epoch) for entry in entries])
    return _Answer(len(entries), found_s, time.perf_counter() - began)


@contextmanager
def _filled(bench: Bench) -> Iterator[_Home]:
    raws = [each.raw for each in events(bench.events) if not each.is_twice]
    with homes.open_home(bench.folder) as hub:
        homes.fill(hub, events(bench.events))
        owners = list(_owners(hub, raws))
        floor = floors.ReadFloor(bench.folder, raws, owners)
        yield _Home(hub, floor, random.Random(3).choices(owners, k=bench.few(_READS, 50)))
    floor.close()


def _owners(hub: Hub, raws: Iterable[bytes]) -> Iterator[str]:
    """Whose event each is, by the hub's linkage."""
    known: dict[str, str] = {}
    with hub.store.snapshot() as db:
        for event in map(orjson.loads, raws):
            source, subject = parse_source(event["source"]), event["subject"]
            record = str(record_of(source, subject))
            if record not in known:
                known[record] = _owner(db, record)
            yield known[record]


def _owner(db: sqlite3.Connection, record: str) -> str:
    subject = membership.subject_of_record(db, record)
    person = membership.person_of(db, subject) if subject is not None else None
    if person is None:
        raise RuntimeError("a record of the workload belongs to nobody")
    return person
