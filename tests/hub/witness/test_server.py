"""The server of a witness, asked over HTTP as the specification says; and its commands."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.clock import DrivenClock
from events.errors import TryAgainLater
from hub.cli import main
from hub.witness.bodies import BODY_MAX_BYTES
from hub.witness.house import House, opened
from hub.witness.server import AT_ONCE, Turnstile
from tests.conftest import ROOT
from tests.counts import times
from tests.hub.witness.conftest import WITNESS
from tests.hub.witness.logs import NAME, SignedLog
from tests.hub.witness.serving import serving
from tests.hub.witness.test_judge import is_cosigned, restored_at_900, trusting

COMMAND = [sys.executable, "-c", "from hub.cli import main; raise SystemExit(main())"]
# A witness that dies when it has made an answer durable, and has not given it.
MORTAL = """
import os, sys
from hub.witness.judge import Witness
judged = Witness.add_checkpoint
def dying(self, body):
    judged(self, body)
    os.kill(os.getpid(), 9)
Witness.add_checkpoint = dying
from hub.cli import main
raise SystemExit(main())
"""


@pytest.fixture
def asked(house: House) -> Iterator[httpx.Client]:
    with serving(house.witness) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_it_answers_as_the_specification_says(house: House, asked: httpx.Client) -> None:
    log = SignedLog(10)
    assert asked.post("/add-checkpoint", content=log.asks(0)).status_code == 404
    trusting(house, log)
    answer = asked.post("/add-checkpoint", content=log.asks(0))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    is_cosigned(answer.text, log.checkpoint().text, house.key.public_key)
    log.grow(5)
    answer = asked.post("/add-checkpoint", content=log.asks(0))
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (409, "text/x.tlog.size", "10\n")
    unproven = log.asks(10).replace(b"old 10\n", b"old 10\n" + b"A" * 43 + b"=\n")
    assert problem(asked.post("/add-checkpoint", content=unproven)) == (422, "unproven")
    assert problem(asked.post("/add-checkpoint", content=b"hello")) == (400, "bad-witness-request")
    assert problem(asked.post("/add-checkpoint", content=SignedLog(5).asks(0))) == (403, "not-signed")
    assert asked.post("/add-checkpoint", content=log.asks(10)).status_code == 200
    assert asked.get("/add-checkpoint").status_code == 405
    assert asked.get("/healthz").json() == {"alive": True}


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_the_newest_checkpoint_can_be_had_with_both_signatures(house: House, asked: httpx.Client) -> None:
    log = trusting(house, SignedLog(10))
    at = f"/{hashlib.sha256(log.origin.encode()).hexdigest()}/checkpoint"
    assert problem(asked.get(at)) == (404, "unknown-log")
    line = asked.post("/add-checkpoint", content=log.asks(0)).text
    assert asked.get(at).text == f"{log.checkpoint()}{line}"


def test_a_new_epoch_waits_and_goes_on_over_http_too(house: House, asked: httpx.Client) -> None:
    log, restored = restored_at_900(house)
    declaration = restored.declaration(log.origin, 900)
    assert problem(asked.post("/add-checkpoint", content=restored.asks(0))) == (404, "epoch-unknown")
    assert asked.post("/add-epoch", content=restored.declares(0, declaration)).text == "880\n"
    answer = asked.post("/add-epoch", content=restored.declares(880, declaration))
    assert (answer.status_code, answer.json()) == (202, {"code": "epoch-pending"})
    assert problem(asked.post("/add-checkpoint", content=restored.asks(0))) == (404, "epoch-pending")
    at = f"/{hashlib.sha256(restored.origin.encode()).hexdigest()}/checkpoint"
    assert problem(asked.get(at)) == (404, "unknown-log")
    house.witness.accept_epoch(restored.origin, "local:wanda")
    assert problem(asked.get(at)) == (404, "unknown-log")
    assert asked.post("/add-epoch", content=restored.declares(880, declaration)).json() == {"code": "epoch-accepted"}
    assert asked.post("/add-checkpoint", content=restored.asks(901)).status_code == 200
    assert asked.get(at).status_code == 200


def test_a_body_longer_than_any_request_is_refused(asked: httpx.Client) -> None:
    answer = asked.post("/add-checkpoint", content=b"x" * (BODY_MAX_BYTES + 1))
    assert problem(answer) == (413, "body-too-large")


def test_who_asks_too_often_is_told_to_wait(house: House, asked: httpx.Client) -> None:
    codes = {asked.get("/healthz").status_code for _ in range(int(AT_ONCE) + 20)}
    assert codes == {200, 429}


def test_others_do_not_wait_for_who_asks_too_often() -> None:
    now = [0.0]
    turnstile = Turnstile(lambda: now[0])
    for _ in range(int(AT_ONCE)):
        turnstile.pass_through("a")
    with pytest.raises(TryAgainLater, match="too-many-requests"):
        turnstile.pass_through("a")
    turnstile.pass_through("b")
    now[0] = 1.0
    turnstile.pass_through("a")


# ---- killed


@contextmanager
def process(folder: Path, program: str | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A witness in a process of its own, and its address."""
    command = [sys.executable, "-c", program] if program else COMMAND
    arguments = ["--home", str(folder), "--json", "witness", "serve", "--port", "0"]
    running = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert running.stdout is not None
        yield running, json.loads(running.stdout.readline())["url"]
    finally:
        running.kill()
        running.wait()
        assert running.stdout is not None
        running.stdout.close()


@pytest.mark.long
def test_killed_between_persist_and_answer_it_has_not_forgotten(tmp_path: Path, clock: DrivenClock) -> None:
    log, folder = SignedLog(10), tmp_path / "w"
    with opened(folder, clock, WITNESS) as house:
        trusting(house, log)
        key = house.key.public_key
        house.witness.add_checkpoint(log.asks(0))
    known = 10
    for _ in range(times(1, proof=20)):
        log.grow(3)
        other = log.cut(known, log.epoch)
        other.grow(3, "other")
        with process(folder, MORTAL) as (running, url), pytest.raises(httpx.HTTPError):
            httpx.post(f"{url}/add-checkpoint", content=log.asks(known), trust_env=False)
        assert running.returncode == -signal.SIGKILL
        with process(folder) as (_, url), httpx.Client(base_url=url, trust_env=False) as client:
            assert client.post("/add-checkpoint", content=other.asks(known)).text == f"{known + 3}\n"
            assert problem(client.post("/add-checkpoint", content=other.asks(known + 3))) == (409, "forked")
            answer = client.post("/add-checkpoint", content=log.asks(known + 3))
            is_cosigned(answer.text, log.checkpoint().text, key)
        known += 3


def test_it_stops_when_it_is_told_to(tmp_path: Path, clock: DrivenClock) -> None:
    with opened(tmp_path / "w", clock, WITNESS):
        pass
    with process(tmp_path / "w") as (running, url):
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(20) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz", trust_env=False)


def test_a_slow_body_holds_up_nobody(asked: httpx.Client, house: House) -> None:
    log = trusting(house, SignedLog(10))
    with socket.create_connection((asked.base_url.host, asked.base_url.port or 0)) as slow:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 900\r\n\r\nold 0\n")
        begun = time.monotonic()
        assert asked.post("/add-checkpoint", content=log.asks(0)).status_code == 200
        assert time.monotonic() - begun < 5


# ---- commands


def tell(folder: Path, *arguments: str) -> int:
    return main(["--home", str(folder), "witness", *arguments])


def test_an_operator_trusts_a_log_sees_a_loss_and_accepts(
    tmp_path: Path, clock: DrivenClock, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "w"
    log = SignedLog(1)
    assert tell(folder, "show") == 4
    with opened(folder, clock, WITNESS) as house:
        assert tell(folder, "add-log", str(log.key)) == 0
        assert tell(folder, "add-log", str(log.key)) == 0
        assert house.store.keys(NAME) == [log.key.public_key]
        assert tell(folder, "add-log", str(house.key)) == 1
        old, new = restored_at_900(house, log)
        house.witness.add_epoch(new.declares(880, new.declaration(old.origin, 900)))
        assert tell(folder, "show", "--notes") == 0
        assert tell(folder, "accept-epoch", "nobody/1-x") == 1
        assert tell(folder, "accept-epoch", new.origin) == 0
        assert tell(folder, "accept-epoch", new.origin) == 1
        assert tell(folder, "show") == 0
    said = capsys.readouterr()
    assert said.out.count("LOST: events 900 to 999") == 3
    assert "the first 880 were compared and are unchanged" in said.out
    for code in ("no-witness", "bad-verifier-key", "no-such-epoch", "not-pending"):
        assert code in said.err


def test_a_hubs_home_is_no_place_for_its_witness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.sqlite").touch()
    assert tell(tmp_path, "serve", "--name", WITNESS) == 4
    assert "witness-in-home" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "Witness", "a b", "a+b", "another.example"])
def test_a_name_that_cannot_be_its_own_is_refused(house: House, tmp_path: Path, name: str, capsys: Any) -> None:
    assert tell(tmp_path / "witness", "serve", "--name", name) == 4
    assert "bad-witness-name" in capsys.readouterr().err
