"""Homes to measure in: real ones, on the disk beside the repository, with everything switched on."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from adapters.sdk.receipts import Arrival
from bench.workload import SYSTEM, Batch, Sent, batches, write_register
from hub.assembly import Hub
from hub.settings import read_settings

SENDERS = 2  # agencies send at the same time; one batch each is on its way
_PARENT = Path("build")
_PATIENCE_S = 3_600.0


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk of the working directory, removed afterwards."""
    _PARENT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=_PARENT))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def open_home(folder: Path) -> Iterator[Hub]:
    """A new home, open; its files are removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
    write_register(home)
    try:
        with Hub(read_settings(home, {})) as hub:
            yield hub
    finally:
        shutil.rmtree(home)
        os.sync()  # the next measurement begins with nothing left to write


def take_in(hub: Hub, batch: Batch) -> None:
    """Sends a batch; it is durable when this returns. Raises RuntimeError where anything was not understood."""
    report = hub.intake.receive(Arrival(batch.agency, SYSTEM, "cloudevents"), batch.raw)
    if report.counts.accepted != batch.count:
        raise RuntimeError(f"{batch.count - report.counts.accepted} events of a batch were not accepted")


def wait_until_read(hub: Hub) -> None:
    if not hub.wait_until_read(_PATIENCE_S):
        raise RuntimeError("the views never came to the log's head")


def ingest(hub: Hub, sent: Sequence[Batch], senders: int = SENDERS) -> float:
    """Seconds until all of it is received, durable, on timelines and linked."""
    began = time.perf_counter()
    with ThreadPoolExecutor(senders, thread_name_prefix="sender") as pool:
        list(pool.map(partial(take_in, hub), sent))
    wait_until_read(hub)
    return time.perf_counter() - began


def fill(hub: Hub, sent: Iterable[Sent]) -> None:
    """Takes events in before something else is measured."""
    ingest(hub, list(batches(sent, 1_000)))
