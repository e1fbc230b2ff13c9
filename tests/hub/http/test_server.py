"""The serving process: where it listens, and how it ends without losing what it acknowledged."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import orjson
import pytest

from events.clock import SystemClock
from events.errors import HubError
from events.log.sqlite import PARTITION
from hub.access.tokens import Tokens
from hub.http.server import Listening, MllpPort, Serving, serve
from tests.hub.homes import cloudevent, open_home

# Says where it listens, serves until it is told to stop, and says when the hub is closed.
PROCESS = """
import sys
from pathlib import Path
from hub.http.server import MllpPort, serve
from hub.logs import configure_logs
from tests.hub.homes import open_home
configure_logs()
with open_home(Path(sys.argv[1])) as hub:
    ports = [MllpPort(0, "hospital", "pas")]
    serve(hub, port=0, mllp=ports, on_ready=lambda at: print(at.port, at.mllp[0].port, flush=True))
print("closed", flush=True)
"""


class Process:
    """A hub served by a process of its own."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        assert process.stdout is not None
        self._process = process
        self._out = process.stdout
        self.port, self.mllp_port = (int(each) for each in self._out.readline().split())
        self.bearer = f"Bearer {Tokens(home, SystemClock()).issue('crm', 'adapter', 'housing')}"

    def tell(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> str:
        """What it says last; it must have ended well."""
        told = self._out.read()
        assert self._process.wait(30) == 0
        return told.strip()


@contextmanager
def process(home: Path) -> Iterator[Process]:
    command = [sys.executable, "-c", PROCESS, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as one:
        try:
            yield Process(one, home)
        finally:
            one.kill()


def statement(message_id: str) -> dict[str, object]:
    return cloudevent(message_id, "aboutme.statement-shared", "tenant/1", {"topic": "hopes", "text": message_id})


def sender_ids(home: Path) -> set[str]:
    """The ids of all messages that the log of a home holds."""
    with open_home(home) as hub:
        rows = list(hub.log.read(PARTITION, 0, 100_000))
        found = [hub.receipts.find(sender_id=f"m{n}") for n in range(2_000)]
        assert len(rows) == hub.log.head()[PARTITION]
        return {f"m{n}" for n, messages in enumerate(found) if messages and messages[0].outcome.events}


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_it_acknowledged_and_closes_the_hub(
    tmp_path: Path, number: signal.Signals
) -> None:
    acknowledged: set[str] = set()
    refused = threading.Event()

    def keep_sending(sender: int, hub: Process) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{hub.port}", trust_env=False, verify=False, timeout=30) as client:
            for turn in range(400):
                message_id = f"m{sender * 400 + turn}"
                try:
                    answer = client.post(
                        "/v1/events", json=statement(message_id), headers={"Authorization": hub.bearer}
                    )
                except httpx.TransportError:
                    refused.set()
                    return
                assert answer.status_code == 200, answer.text
                acknowledged.add(message_id)

    with process(tmp_path) as hub:
        senders = [threading.Thread(target=keep_sending, args=(sender, hub)) for sender in range(4)]
        for sender in senders:
            sender.start()
        while len(acknowledged) < 40:
            assert any(sender.is_alive() for sender in senders), "the senders have stopped"
            time.sleep(0.01)
        hub.tell(number)
        for sender in senders:
            sender.join(30)
        assert hub.end() == "closed"
    assert refused.is_set()
    assert acknowledged <= sender_ids(tmp_path)


@pytest.mark.long
def test_a_request_that_was_begun_is_still_answered_and_no_new_one_is_taken(tmp_path: Path) -> None:
    body = orjson.dumps(statement("m1"))
    with process(tmp_path) as hub:
        with socket.create_connection(("127.0.0.1", hub.port), timeout=20) as connection:
            head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {hub.bearer}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:20])
            # Whoever is answered now was read after the head above.
            health = f"http://127.0.0.1:{hub.port}/healthz"
            assert httpx.get(health, trust_env=False, verify=False, timeout=30).status_code == 200
            hub.tell(signal.SIGTERM)
            _wait_until_nobody_listens(hub.port)
            _wait_until_nobody_listens(hub.mllp_port)
            connection.sendall(body[20:])
            assert b" 200 " in connection.recv(65_536).split(b"\r\n")[0]
        assert hub.end() == "closed"
    assert sender_ids(tmp_path) == {"m1"}


def _wait_until_nobody_listens(port: int) -> None:
    while True:
        with suppress(TimeoutError, ConnectionResetError):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except ConnectionRefusedError:
                return
        time.sleep(0.01)


def test_a_port_that_is_taken_is_told_before_anything_is_served(tmp_path: Path) -> None:
    ready: list[Listening] = []
    with open_home(tmp_path) as hub, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments in ({"port": port}, {"port": 0, "mllp": [MllpPort(port, "hospital", "pas")]}):
            with pytest.raises(HubError) as caught:
                serve(hub, on_ready=ready.append, **arguments)
            assert caught.value.code == "port-in-use"
            assert str(port) in caught.value.where
    assert ready == []


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_told(tmp_path: Path, host: str) -> None:
    with open_home(tmp_path) as hub, pytest.raises(HubError) as caught:
        serve(hub, host=host, port=0)
    assert caught.value.code == "bad-address"


def test_what_goes_wrong_when_it_is_ready_stops_it(tmp_path: Path) -> None:
    def stumble(listening: Listening) -> None:
        raise RuntimeError("nobody to tell")

    with open_home(tmp_path) as hub, pytest.raises(RuntimeError, match="nobody to tell"):
        serve(hub, port=0, on_ready=stumble)


def test_it_listens_on_ipv6_too(tmp_path: Path) -> None:
    seen: list[int] = []
    with open_home(tmp_path) as hub:
        serving = Serving(hub, host="::1")

        def ready(listening: Listening) -> None:
            def ask() -> None:
                seen.append(httpx.get(f"{listening.url}/healthz", trust_env=False, verify=False).status_code)
                serving.stop()

            threading.Thread(target=ask).start()

        asyncio.run(serving.run(ready))
    assert seen == [200]
