"""A process that reads a home beside the hub opens nobody who was erased meanwhile: not even if it was stopped then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.vault.ring import LEASE_S
from tests.conftest import ROOT
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, fill
from tests.hub.homes import open_home

EVERYBODY, THE_OTHERS = sorted([ANN, BOB, PATIENT]), sorted([BOB, PATIENT])
STOPPED_S = LEASE_S + 10
# For each number that it is told it lets so many seconds pass, by its own clock, and says whose events it still opens.
_READING = """
import sqlite3, sys
from pathlib import Path
from events.codec import StoredRow
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring, since_boot_s

home, ahead_s = Path(sys.argv[1]), 0.0
ring = Ring(home / "keys.sqlite", LocalKms(home / "kms.key"), lambda: since_boot_s() + ahead_s)
db = sqlite3.connect(f"file:{home / 'log.sqlite'}?mode=ro", uri=True)
told = db.execute("SELECT position, known_us, header, nonce, body, leaf FROM log ORDER BY position").fetchall()
db.close()
rows = [StoredRow(*each) for each in told]
for line in sys.stdin:
    ahead_s += float(line)
    events = [logged.event for logged in ring.open("main-0", rows).logged]
    records = {str(event.record) for event in events if event.agency != "hub"}
    print(*sorted(records), flush=True)
"""


class Reader:
    """A process that took in the log as it was, and the keys with which it opened it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def opens(self, after_s: float = 0) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(after_s, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().split()

    def tell(self, number: signal.Signals) -> None:
        self._process.send_signal(number)


@contextmanager
def reading(home: Path) -> Iterator[Reader]:
    with subprocess.Popen(
        [sys.executable, "-c", _READING, str(home)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Reader(process)
        finally:
            process.kill()


def test_a_reader_that_looks_again_after_its_lease_does_not_open_her(tmp_path: Path) -> None:
    with open_home(tmp_path) as hub:
        fill(hub)
        with reading(tmp_path) as reader:
            assert reader.opens() == EVERYBODY
            hub.eraser.erase(ANN, ground="request")
            assert reader.opens(after_s=STOPPED_S) == THE_OTHERS


@pytest.mark.kill
def test_a_reader_that_was_stopped_across_her_erasure_does_not_open_her(tmp_path: Path) -> None:
    """Nobody turns its clock: it sleeps longer than its lease, with her key in its memory."""
    with open_home(tmp_path) as hub:
        fill(hub)
        with reading(tmp_path) as reader:
            assert reader.opens() == EVERYBODY
            reader.tell(signal.SIGSTOP)
            hub.eraser.erase(ANN, ground="request")
            time.sleep(STOPPED_S)
            reader.tell(signal.SIGCONT)
            assert reader.opens() == THE_OTHERS
