"""A hub served on the loopback in a thread of its own, and short ways to ask it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import uvloop

from events.clock import Clock
from hub.access.tokens import LIFETIME_MAX_S, Tokens
from hub.assembly import Hub
from hub.http.server import Listening, MllpPort, Serving
from tests.hub.homes import open_home

HUB = "hub"
ORGANISATION = {"adapter": "housing"}


class Served:
    """An open home behind a real server. Callers are named by role; adapters are housing's unless said otherwise."""

    def __init__(self, folder: Path, clock: Clock | None = None, mllp: Sequence[MllpPort] = ()) -> None:
        self.hub: Hub = open_home(folder, clock)
        self.tokens = Tokens(folder, self.hub.clock)
        self._serving = Serving(self.hub, mllp=mllp)
        self._listening: list[Listening] = []
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="served")
        self._known: dict[tuple[str, str], str] = {}

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serving.run(self._ready))

    def _ready(self, listening: Listening) -> None:
        self._listening.append(listening)
        self._is_ready.set()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._is_ready.wait(20), "the server did not start"
        self.client = httpx.Client(base_url=self.listening.url, trust_env=False, timeout=30, verify=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.stop()
        self.hub.close()

    def stop(self) -> None:
        self._serving.stop()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the server did not stop"

    @property
    def listening(self) -> Listening:
        return self._listening[0]

    def bearer(self, role: str, organisation: str | None = None) -> dict[str, str]:
        """The header of a role's token; issued once."""
        whose = organisation or ORGANISATION.get(role, HUB)
        if (role, whose) not in self._known:
            self._known[role, whose] = self.tokens.issue(f"{role}-1", role, whose, lifetime_s=LIFETIME_MAX_S)
        return {"Authorization": f"Bearer {self._known[role, whose]}"}

    def ask(self, role: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self.bearer(role, more.pop("organisation", None)), **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def get(self, role: str, path: str, **parameters: Any) -> Any:
        """The parsed answer, which must be a good one."""
        return self._good(self.ask(role, "GET", path, params=parameters))

    def post(self, role: str, path: str, question: Any) -> Any:
        return self._good(self.ask(role, "POST", path, json=question))

    def send(self, *events: dict[str, Any], organisation: str | None = None) -> Any:
        """Posts events as their agency's adapter; the report."""
        agency = organisation or events[0]["source"].split(":")[3]
        batch = {"Content-Type": "application/cloudevents-batch+json"}
        return self._good(
            self.ask("adapter", "POST", "/v1/events", json=list(events), headers=batch, organisation=agency)
        )

    def person_of(self, record: str, *, after: str | None = None) -> str:
        """The number of a record's person, once the views have read so far."""
        if after is not None:
            self.timeline_of("0000-0000", min_position=after)
        found = self.post("steward", "/v1/people/search", {"record": record})["people"]
        assert len(found) == 1, found
        number: str = found[0]["person"]
        return number

    def timeline_of(self, person: str, **parameters: Any) -> Any:
        """The answer on a person's timeline, parsed, good or not."""
        return self.ask("practitioner", "GET", f"/v1/people/{person}/timeline", params=parameters).json()

    def ask_raw(self, request: bytes) -> httpx.Response:
        """The answer to bytes that no client would send."""
        with self.connected() as connection:
            connection.sendall(request)
            told = b"".join(iter(lambda: connection.recv(65_536), b""))
        status, _, rest = told.partition(b"\r\n")
        headers, _, body = rest.partition(b"\r\n\r\n")
        named = [tuple(line.split(": ", 1)) for line in headers.decode().split("\r\n")]
        return httpx.Response(int(status.split()[1]), headers=named, content=body)  # type: ignore[arg-type]

    def connected(self) -> socket.socket:
        return socket.create_connection((self.listening.host, self.listening.port), timeout=20)

    @staticmethod
    def _good(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def code_of(answer: httpx.Response) -> str:
    """The code of a problem, which has all that RFC 9457 and the hub promise."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert {"type", "title", "status", "detail", "code", "where", "next_step"} <= told.keys()
    assert told["status"] == answer.status_code
    assert told["type"] == f"urn:tellonce:problem:{told['code']}"
    code: str = told["code"]
    return code
