"""Senders for the power cuts: a few at once, with old and new records, small messages and some longer than a row."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apsw
import orjson

from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from hub.assembly import LOG, Hub
from hub.receipts.store import ROW_MAX_BYTES
from tests.hub.homes import cloudevent, nhs_number, registration

ARRIVAL = Arrival("housing", "crm", "cloudevents")
SENDERS = 3
_NEW_RECORD = 0.6
_LONG = 0.1
_TENANTS = 6


class Acknowledged(NamedTuple):
    """A message as it was sent, and what the sender was told."""

    raw: bytes
    report: Report

    @property
    def texts(self) -> dict[str, str]:
        """What each event said, by the sender's id."""
        return {each["id"]: text_of(each["data"]) for each in orjson.loads(self.raw)}


def text_of(data: dict[str, Any]) -> str:
    """What a statement or a registration of these senders says."""
    return str(data["text"] if "text" in data else data["birth_date"])


@dataclass
class Said:
    """What senders said and heard, in the order in which they heard it."""

    told: list[Acknowledged] = field(default_factory=list)
    next: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        with self.lock:
            self.next += 1
            return self.next


def message(said: Said, rng: random.Random) -> bytes:
    """One to four events; padded with blanks, now and then, beyond what a row of receipts takes."""
    events = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        number = said.number()
        record = f"new/{number}" if rng.random() < _NEW_RECORD else f"tenant/{rng.randrange(_TENANTS)}"
        if rng.random() < 0.15:
            born = f"{1900 + number % 100}-02-03"
            events.append(registration(f"m{number}", record, number=nhs_number(rng.randrange(4)), born=born))
        else:
            data = {"topic": "hopes", "text": f"hope {number} " + "x" * rng.choice((0, 0, 500, 4_000))}
            events.append(cloudevent(f"m{number}", "aboutme.statement-shared", record, data, fact=f"hope/{number}"))
    raw = orjson.dumps(events)
    return raw.ljust(ROW_MAX_BYTES + 1) if rng.random() < _LONG else raw


@contextmanager
def senders(hub: Hub, said: Said, rng: random.Random) -> Iterator[None]:
    """Senders send, while files are checkpointed and keys rotated, until it is left. Raises what went wrong."""
    stopping = threading.Event()
    faults: list[BaseException] = []

    def send(rng: random.Random) -> None:
        raw = message(said, rng)
        report = hub.intake.receive(ARRIVAL, raw)
        assert report.counts.quarantined == 0, report
        said.told.append(Acknowledged(raw, report))

    def check_point(rng: random.Random) -> None:
        stopping.wait(rng.uniform(0.0, 0.1))
        path = hub.home / rng.choice((LOG, "keys.sqlite", "receipts.sqlite"))
        db = apsw.Connection(str(path))
        db.set_busy_timeout(50)
        db.pragma("schema_version")  # before its first read a connection knows of no write-ahead log
        try:
            db.wal_checkpoint(mode=rng.choice((apsw.SQLITE_CHECKPOINT_PASSIVE, apsw.SQLITE_CHECKPOINT_TRUNCATE)))
        except apsw.BusyError:
            pass  # somebody reads or writes: another time
        finally:
            db.close()

    def rotate(rng: random.Random) -> None:
        stopping.wait(rng.uniform(0.1, 0.5))
        hub.keys.rotate(rng.choice(("housing", "hub")))

    acts = [send] * SENDERS + [check_point, rotate]
    threads = [_started(act, random.Random(rng.random()), stopping, faults) for act in acts]
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert faults == []


def _started(
    act: Callable[[random.Random], None], rng: random.Random, stopping: threading.Event, faults: list[BaseException]
) -> threading.Thread:
    def run() -> None:
        try:
            while not stopping.is_set():
                act(rng)
        except BaseException as error:
            faults.append(error)
            stopping.set()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
