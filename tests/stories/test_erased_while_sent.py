"""A record is erased while its agency sends about it from all sides: what came before goes, nothing comes after."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.sdk.outcome import MessageOutcome
from adapters.sdk.receipts import Arrival
from events.ids import parse_record
from events.log.port import parse_position
from hub.assembly import Hub
from hub.services import Services
from tests.counts import times
from tests.hub.homes import ADMIN, AUDITOR, cloudevent, open_home, send
from tests.traces.looking import traces
from tests.traces.spellings import Marks

SENDERS = 8
RECORD, NEIGHBOUR = "housing:crm/tenant/7", "housing:crm/tenant/8"
MARK = "Topazmarker"
pytestmark = pytest.mark.timeout(times(600, proof=0))


def hope(number: int, record: str) -> dict[str, Any]:
    """Something of its own that a record says."""
    local = parse_record(record).subject
    data = {"topic": "hopes", "text": f"{MARK} {number}" if record == RECORD else f"hope {number}"}
    return cloudevent(f"m{number}", "aboutme.statement-shared", local, data, fact=f"hope/{number}")


class Sending:
    """Threads that send about both records, together and apart, until they are stopped."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._numbers = itertools.count(1)
        self._stopping = threading.Event()
        self.said: list[tuple[str, MessageOutcome]] = []

    def run(self) -> None:
        while not self._stopping.is_set():
            records = [RECORD, NEIGHBOUR] if next(self._numbers) % 2 else [RECORD]
            events = [hope(next(self._numbers), record) for record in records]
            report = self._hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps(events))
            self.said += zip(records, report.outcomes, strict=True)

    def while_they_send(self, act: Callable[[], object]) -> None:
        """Acts once they are under way, and lets them go on for a while."""
        with ThreadPoolExecutor(SENDERS) as pool:
            running = [pool.submit(self.run) for _ in range(SENDERS)]
            try:
                self._wait_for_more()
                act()
                self._wait_for_more()
            finally:
                self._stopping.set()
            for each in running:
                each.result()

    def _wait_for_more(self) -> None:
        wanted = len(self.said) + 4 * SENDERS
        while len(self.said) < wanted:
            assert not self._stopping.wait(0.01)


def offsets(outcomes: list[MessageOutcome]) -> list[int]:
    return [parse_position(event.position).offset for each in outcomes for event in each.events]


def erased_at(hub: Hub) -> int:
    """The offset of the only erasure."""
    (position,) = [
        each["position"]
        for each in Services(hub).read_log(AUDITOR)
        if each["event"] is not None and each["event"]["type"] == "hub.subject-erased"
    ]
    return parse_position(position).offset


def test_what_is_sent_meanwhile_lies_below_the_erasure_or_is_refused(tmp_path: Path) -> None:
    for turn in range(times(3, proof=50)):
        home = tmp_path / str(turn)
        with open_home(home) as hub:
            send(hub, hope(0, RECORD))
            sending = Sending(hub)
            sending.while_they_send(lambda: hub.eraser.erase(RECORD, ground="request"))
            hers = [outcome for record, outcome in sending.said if record == RECORD]
            accepted = [each for each in hers if each.events]
            refused = [each for each in hers if "subject-erased" in {found.code for found in each.findings}]
            assert accepted
            assert refused
            assert len(accepted) + len(refused) == len(hers)
            assert max(offsets(accepted)) < erased_at(hub)
            assert all(outcome.events for record, outcome in sending.said if record == NEIGHBOUR)
            assert hub.wait_until_read(60)
            assert traces(Marks(MARK), home) == []
            assert Services(hub).verify_log(AUDITOR)["verified"]
            kept = len(offsets([outcome for record, outcome in sending.said if record == NEIGHBOUR]))
            assert entries_of(hub, NEIGHBOUR) == kept


def entries_of(hub: Hub, record: str) -> int:
    with hub.store.snapshot() as db:
        return int(
            db.execute(
                "SELECT count(*) FROM timeline_entries WHERE subject = ?", (hub.keys.subject_of("housing", record),)
            ).fetchone()[0]
        )


def test_a_rebuild_meanwhile_brings_nothing_back(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, *(hope(number, RECORD) for number in range(times(300, proof=3_000))), hope(9_999, NEIGHBOUR))
        with ThreadPoolExecutor(1) as pool:
            rebuilding = pool.submit(Services(hub).rebuild, ADMIN)
            hub.eraser.erase(RECORD, ground="request")
            rebuilding.result()
        assert traces(Marks(MARK), tmp_path) == []
        assert entries_of(hub, NEIGHBOUR) == 1
