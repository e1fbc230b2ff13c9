"""kill -9 in the middle of everything: what was acknowledged is there, once, and every receipt has its outcome."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from events.log.sqlite import PARTITION
from tests.adapters.sdk.scripted import Bench
from tests.conftest import ROOT
from tests.counts import times
from tests.hub.receipts.sending import open_bench

pytestmark = [pytest.mark.kill, pytest.mark.timeout(0)]


def acknowledged_before_death(folder: Path, name: str, rng: random.Random) -> dict[str, list[str]]:
    """Starts a sender, kills it at a random moment (now and then while it starts); receipts with their records."""
    command = [sys.executable, "-m", "tests.hub.receipts.sending", str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        if rng.random() < 0.8:
            first = process.stdout.readline()
            time.sleep(rng.uniform(0.0, 1.5))
        else:
            first = b"ready\n"
            time.sleep(rng.uniform(0.3, 0.9))
        process.kill()
        lines = process.stdout.read().splitlines(keepends=True)
    assert first == b"ready\n"
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return {words[0]: words[1:] for words in whole if words != ["ready"]}


def assert_receipts_and_events_agree(bench: Bench) -> None:
    """Each outcome names events that are in the log under that id, and each event a receipt that is done."""
    ids = {f"e:{PARTITION}:{row.offset}": row for row in bench.log.read(PARTITION, 0, 1 << 40)}
    events = dict(zip(ids, bench.events(), strict=True))
    receipts = {event.attributes["rawref"].partition("#")[0] for event in events.values()}
    told: Counter[str] = Counter()
    for name in receipts:
        status = bench.receipts.receipt(name)
        assert status.status == "done"
        at, noted = 0, 0
        while page := bench.receipts.outcomes(name, at):
            at = page[-1][0]
            for _, outcome in page:
                noted += outcome.state != "not-mapped"
                for event in outcome.events:
                    assert events[event.position].id.hex() == event.id
                    told[event.position] += 1
        assert at == status.counts.messages
        assert status.counts.quarantined == 1
        assert status.counts.events + status.counts.duplicates == status.counts.accepted == noted - 1
    assert set(told) == set(events)


def test_nothing_acknowledged_is_lost_and_nothing_doubled(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "home"
    acknowledged: dict[str, list[str]] = {}
    for round_number in range(times(8, proof=60)):
        acknowledged |= acknowledged_before_death(folder, f"r{round_number}", rng)
    bench = open_bench(folder)
    bench.intake.sweep()
    stored = Counter(event.record.local_id for event in bench.events())
    assert len(acknowledged) > 10
    assert all(count == 1 for count in stored.values())
    assert {record for records in acknowledged.values() for record in records} <= set(stored)
    assert list(bench.receipts.unfinished()) == []
    assert bench.receipts.missing == ()
    for name, records in acknowledged.items():
        assert bench.receipts.receipt(name).counts.accepted == len(records)
    assert_receipts_and_events_agree(bench)
    assert bench.intake.sweep() == []
    bench.close()
