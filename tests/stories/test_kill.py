"""kill -9 on a serving hub, again and again: nothing acknowledged is lost, nothing is doubled, everything agrees.

Agencies send over HTTP and MLLP at once while views are rebuilt; the process dies at a moment of chance, in the middle
of group commits, of checkpoints of the views and of a rebuild's swap. Then the home is opened again and looked at.
"""

from __future__ import annotations

import http.client
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.clock import SystemClock
from events.envelope import Logged
from events.errors import HubError
from events.log.sqlite import PARTITION
from hub.access.tokens import Tokens
from hub.assembly import Hub
from hub.local.operations import Request
from hub.local.served import ServedHome
from hub.reading import Reading, TimelineQuestion
from hub.services import Services
from hub.views import projections
from projections.engine.store import ViewStore
from projections.engine.target import Target
from projections.engine.testing import digest
from tests.adapters.hl7v2.builders import PATIENT, VISIT, message, segment
from tests.conftest import ROOT
from tests.counts import times
from tests.hub.homes import ADMIN, AUDITOR, STEWARD, cloudevent, nhs_number, open_home, registration
from tests.keyring import events_of

pytestmark = [pytest.mark.kill, pytest.mark.timeout(0)]

COMMAND = [sys.executable, "-c", "from hub.cli import main; raise SystemExit(main())"]
TENANTS = 12
READY_S = 120.0
HTTP_SENDERS, MLLP_SENDERS = 3, 2
LIVES_A_HOME = 10  # each death is followed by a look at all that the home holds


@dataclass
class Acknowledged:
    """What senders were told is safe, as they were told it: sender's ids, and event ids with their positions."""

    sender_ids: list[str] = field(default_factory=list)
    positions: dict[str, str] = field(default_factory=dict)
    receipts: list[str] = field(default_factory=list)
    rebuilds: int = 0

    def add(self, other: Acknowledged) -> None:
        self.sender_ids += other.sender_ids
        self.positions |= other.positions
        self.receipts += other.receipts
        self.rebuilds += other.rebuilds


@contextmanager
def served(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves the home; killed at the end, whatever it is doing."""
    arguments = ["--home", str(home), "--json", "serve", "--port", "0", "--mllp", "0=hospital/pas"]
    with (home.parent / "serve.log").open("ab") as told:
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=told, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def where_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the hub did not start"
    where: dict[str, Any] = orjson.loads(line)
    return where


# ---- senders


def statement(message_id: str, rng: random.Random) -> dict[str, Any]:
    """Something that a tenant says, a fact of its own: it is never superseded."""
    data = {"topic": "hopes", "text": rng.choice("ABCD")}
    record = f"tenant/{rng.randrange(TENANTS)}"
    return cloudevent(message_id, "aboutme.statement-shared", record, data, fact=f"hope/{message_id}")


def send_http(port: int, token: str, name: str, told: Acknowledged, rng: random.Random) -> None:
    """Posts batches of new events, and now and then one of the last batch again, until the hub is gone."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        _send_http_over(connection, token, name, told, rng)


def _send_http_over(
    connection: http.client.HTTPConnection, token: str, name: str, told: Acknowledged, rng: random.Random
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents-batch+json"}
    last: list[dict[str, Any]] = []
    for number in range(1_000_000):
        new = [statement(f"{name}-{number}-{at}", rng) for at in range(rng.choice((1, 1, 3, 40)))]
        if number == 0:
            number_of = nhs_number(rng.randrange(4))
            new.append(registration(f"{name}-reg", f"tenant/{rng.randrange(TENANTS)}", number=number_of))
        connection.request("POST", "/v1/events", orjson.dumps(new + last[:2]), headers)
        answer = connection.getresponse()
        report = orjson.loads(answer.read())
        assert answer.status == 200, report
        assert report["quarantined"] == 0, report
        told.receipts.append(report["receipt"])
        for outcome in report["outcomes"]:
            told.sender_ids.append(outcome["sender_id"])
            told.positions.update((event["id"], event["position"]) for event in outcome["events"])
        last = new


def send_mllp(port: int, name: str, told: Acknowledged, rng: random.Random) -> None:
    """Sends admissions over one connection, each acknowledged before the next, until the hub is gone."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for number in range(1_000_000):
            control_id = f"{name}-{number}"
            raw = admission(control_id, 4400 + rng.randrange(TENANTS))
            connection.sendall(b"\x0b" + raw + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                part = connection.recv(4096)
                if not part:
                    return
                answer += part
            assert b"MSA|AA|" + control_id.encode() in answer, answer
            told.sender_ids.append(control_id)


def admission(control_id: str, number: int) -> bytes:
    """An admission of a visit of its own."""
    patient = segment("PID", {**PATIENT, 3: f"{number}^^^RX9^MR"})
    stay = segment("PV1", {**VISIT, 19: control_id})
    return message("ADT^A01", patient, stay, pid=None, f10=control_id)


def rebuild_again_and_again(home: Path, told: Acknowledged, rng: random.Random) -> None:
    """Asks for rebuilds without pause, so that kills meet their swaps too."""
    while True:
        view = rng.choice([None, "timeline", "membership"])
        arguments = {} if view is None else {"view": view}
        ServedHome(home).ask(Request("rebuild", ADMIN, arguments))
        told.rebuilds += 1


def wait_for_a_rebuild(told: Acknowledged) -> float:
    """Under load a rebuild takes longer than most lives: some are kept alive until one is swapped in; its seconds."""
    begun = time.monotonic()
    while not told.rebuilds:
        assert time.monotonic() < begun + READY_S, "no rebuild was ever swapped in"
        time.sleep(0.02)
    return time.monotonic() - begun


def until_it_is_gone(act: Callable[[], None], faults: list[BaseException]) -> threading.Thread:
    """Acts in a thread until the connection breaks; anything else that goes wrong is kept."""

    def run() -> None:
        try:
            with suppress(OSError, http.client.HTTPException, HubError):
                act()
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def a_life_and_a_sudden_death(home: Path, name: str, rng: random.Random) -> Acknowledged:
    """Serves, is sent to from all sides, and dies; sometimes before it was even up."""
    told: list[Acknowledged] = []
    faults: list[BaseException] = []
    threads: list[threading.Thread] = []
    token = Tokens(home, SystemClock()).issue("sender", "adapter", "housing")
    with served(home) as process:
        if rng.random() < 0.1:
            time.sleep(rng.uniform(0.2, 1.5))
        else:
            where = where_of(process)
            port, mllp = int(where["url"].rpartition(":")[2]), int(where["mllp"][0]["port"])
            senders = [_bound(send_http, port, token, f"{name}h{at}") for at in range(HTTP_SENDERS)]
            senders += [_bound(send_mllp, mllp, f"{name}m{at}") for at in range(MLLP_SENDERS)]
            for act in [*senders, _bound(rebuild_again_and_again, home)]:
                told.append(Acknowledged())
                threads.append(until_it_is_gone(_bound(act, told[-1], random.Random(rng.random())), faults))
            if rng.random() < 0.2:
                time.sleep(wait_for_a_rebuild(told[-1]) * rng.uniform(0.7, 1.1))  # dies about the next one's swap
            else:
                time.sleep(rng.uniform(0.05, 2.0))
        process.kill()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert faults == []
    whole = Acknowledged()
    for each in told:
        whole.add(each)
    return whole


def _bound(act: Callable[..., None], *first: Any) -> Callable[..., None]:
    return lambda *rest: act(*first, *rest)


# ---- what is found afterwards


def assert_nothing_lost_and_nothing_doubled(events: list[Logged], told: Acknowledged, epoch: str) -> None:
    ids = Counter(logged.event.id for logged in events)
    assert {event: count for event, count in ids.items() if count > 1} == {}
    said = Counter(
        (each.event.subject, each.event.attributes["senderid"], each.event.attributes["fact"])
        for each in events
        if "senderid" in each.event.attributes
    )
    assert {what: count for what, count in said.items() if count > 1} == {}
    stored = {f"{epoch}:{each.partition}:{each.offset}": each.event.id.hex() for each in events}
    assert {at: event for event, at in told.positions.items() if stored.get(at) != event} == {}
    assert set(told.sender_ids) - {sender_id for _, sender_id, _ in said} == set()


def assert_receipts_and_events_agree(hub: Hub, events: list[Logged], told: Acknowledged) -> None:
    assert list(hub.receipts.unfinished()) == []
    assert hub.receipts.missing == ()
    stored = {f"{hub.log.epoch}:{each.partition}:{each.offset}": each.event for each in events}
    from_outside = {at: event for at, event in stored.items() if "rawref" in event.attributes}
    receipts = {event.attributes["rawref"].partition("#")[0] for event in from_outside.values()}
    named: set[str] = set()
    for name in receipts.union(told.receipts):
        status = hub.receipts.receipt(name)
        assert status.status == "done"
        for _, outcome in hub.receipts.outcomes(name):
            for event in outcome.events:
                assert stored[event.position].id.hex() == event.id
                named.add(event.position)
    assert named == set(from_outside)


def assert_readable(hub: Hub, events: list[Logged], sender_ids: set[str]) -> None:
    """Every fact of these messages stands on its record's timeline, but for those that newer ones supersede."""
    wanted: dict[str, set[str]] = {}
    for each in events:
        if each.event.attributes.get("senderid") in sender_ids:
            wanted.setdefault(str(each.event.record), set()).add(each.event.attributes["fact"])
    reading = Reading(hub)
    for record, facts in wanted.items():
        (person,) = reading.find(STEWARD, record=record)["people"]
        shown: set[str] = set()
        question = TimelineQuestion(person=person["person"], limit=5_000)
        while True:
            page = reading.timeline(STEWARD, question)
            assert page["halted"] == []
            shown.update(entry["name"] for entry in page["entries"] if entry["record"] == record)
            if page["next"] is None:
                break
            question = TimelineQuestion(person=person["person"], limit=5_000, cursor=page["next"])
        assert facts - shown == set(), record


def assert_views_are_those_of_a_fresh_fold(hub: Hub, folder: Path) -> None:
    folder.mkdir()
    store = ViewStore(folder, projections())
    target = Target(store.writer(), projections(), hub.log.epoch, hub.log, hub.keys.ring)
    target.apply(PARTITION, list(hub.log.read(PARTITION, 0, hub.runner.applied)))
    with hub.store.snapshot() as live:
        for projection in projections():
            assert digest(projection, live) == digest(projection, target.db), projection.name
    target.db.close()


def look_at(home: Path, told: Acknowledged, scratch: Path) -> int:
    """Opens the home that was killed and holds it to its promises; how many events it has."""
    with open_home(home) as hub:
        assert hub.wait_until_read(120)
        assert Services(hub).verify_log(AUDITOR)["verified"]
        events = events_of(hub)
        assert_nothing_lost_and_nothing_doubled(events, told, hub.log.epoch)
        assert_receipts_and_events_agree(hub, events, told)
        assert_readable(hub, events, set(told.sender_ids))
        assert_views_are_those_of_a_fresh_fold(hub, scratch)
        return len(events)


def test_nothing_acknowledged_is_lost_whenever_the_hub_is_killed(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    acknowledged = rebuilds = 0
    for number in range(times(3, proof=30)):
        home = tmp_path / f"home{number}"
        open_home(home).close()
        everything = Acknowledged()
        for life in range(LIVES_A_HOME):
            told = a_life_and_a_sudden_death(home, f"k{life}", rng)
            everything.add(told)
            look_at(home, told, tmp_path / f"fresh{number}-{life}")
        look_at(home, everything, tmp_path / f"fresh{number}")
        acknowledged += len(everything.sender_ids)
        rebuilds += everything.rebuilds
        shutil.rmtree(home)
    assert acknowledged > 100
    assert rebuilds > 0
