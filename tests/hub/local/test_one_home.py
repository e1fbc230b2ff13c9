"""One home, one hub: a command says the same whether a hub serves the home or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.cli import main
from tests.hub import homes

# Commands that wait for each other longer than ten seconds, which on a busy machine are soon gone.
PATIENT = "import functools, hub.cli.session as s; s.reached = functools.partial(s.reached, wait_s=100)"
TELLONCE = (sys.executable, "-c", "import sys; from hub.cli import main; sys.exit(main())")
NUMBER = homes.nhs_number(0)
# What differs from home to home and from moment to moment: random numbers, positions' epochs, times.
CHANCE = {
    "receipt", "receipts", "event", "events", "id", "position", "epoch", "fact", "known_from", "last_confirmed",
    "person", "leads_to", "left", "received", "opened", "people", "file",
}  # fmt: skip


Tell = Callable[..., tuple[int, Any]]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Iterator[Tell]:
    """How a command of this process ends, and what it prints as JSON."""

    def run(home: Path, *arguments: str | Path) -> tuple[int, Any]:
        code = main(["--home", str(home), "--json", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert err == ""
        return code, json.loads(out)

    umask = os.umask(0o022)
    yield run
    os.umask(umask)
    structlog.reset_defaults()


@contextmanager
def serving(home: Path) -> Iterator[None]:
    command = [*TELLONCE, "--home", home, "--json", "serve", "--port", "0"]
    hub = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert hub.stdout is not None
        assert json.loads(hub.stdout.readline())["url"].startswith("http://127.0.0.1:")
        yield
    finally:
        hub.terminate()
        assert hub.wait(30) == 0
        assert hub.stdout is not None
        hub.stdout.close()


def same(document: Any) -> Any:
    """The document without what chance and the clock give."""
    if isinstance(document, dict):
        return {key: same(value) for key, value in document.items() if key not in CHANCE}
    return [same(each) for each in document] if isinstance(document, list | tuple) else document


def _story(tell: Tell, home: Path, file: Path) -> list[Any]:
    """Intake, a retry, a link, a timeline, a refusal: what each says."""
    said = [tell(home, "intake", "cloudevents", file, "--agency", "housing", "--system", "crm")]
    said.append(tell(home, "quarantine", "retry", "Q-0001"))
    people = [tell(home, "people", "find", "--record", f"housing:crm/tenant/{at}")[1]["people"][0] for at in (7, 8)]
    said.append(tell(home, "link", "housing:crm/tenant/8", people[0]["person"], "--reason", "seen together"))
    said.append(tell(home, "timeline", people[0]["person"]))
    said.append(tell(home, "link", "housing:crm/tenant/8", "0000-0000", "--reason", "nobody's number"))
    return said


def _file(folder: Path) -> Path:
    events = [
        homes.registration("m-1", "tenant/7", number=NUMBER, order="1"),
        homes.registration("m-2", "tenant/8", number=homes.nhs_number(1), order="1"),
        {**homes.registration("m-3", "tenant/9", number=NUMBER), "specversion": "0.3"},
    ]
    file = folder / "events.json"
    file.write_text(json.dumps(events), "utf-8")
    return file


@pytest.mark.long
def test_commands_answer_the_same_with_a_server_and_without(tell: Tell, tmp_path: Path) -> None:
    file = _file(tmp_path)
    for name in ("served", "opened"):
        with homes.open_home(tmp_path / name):
            pass
    with serving(tmp_path / "served"):
        served = _story(tell, tmp_path / "served", file)
        second = tell(tmp_path / "served", "serve", "--port", "0")
    assert (second[0], second[1]["error"]["code"]) == (4, "home-in-use")
    opened = _story(tell, tmp_path / "opened", file)
    assert [code for code, _ in served] == [0, 0, 0, 0, 1]
    assert same(served) == same(opened)
    assert [len(told["entries"]) for _, told in (served[3], opened[3])] == [2, 2]


def test_what_was_written_while_serving_is_there_without(tell: Tell, tmp_path: Path) -> None:
    with homes.open_home(tmp_path / "home"):
        pass
    with serving(tmp_path / "home"):
        told = tell(
            tmp_path / "home", "intake", "cloudevents", _file(tmp_path), "--agency", "housing", "--system", "crm"
        )
        while_serving = tell(tmp_path / "home", "timeline", "--nhs-number", NUMBER)
    assert told[1]["accepted"] == 2
    assert tell(tmp_path / "home", "timeline", "--nhs-number", NUMBER) == while_serving


def test_a_hub_that_serves_verifies_its_own_log(tell: Tell, tmp_path: Path) -> None:
    with homes.open_home(tmp_path / "home"):
        pass
    with serving(tmp_path / "home"):
        deadline = time.monotonic() + 30
        while (told := tell(tmp_path / "home", "status")[1]["verification"])["verified"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert (told["verified"], told["fault"]) == (True, None)


def test_two_commands_at_once_without_a_server_both_get_their_turn(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with homes.open_home(home):
        pass
    command = [sys.executable, "-c", f"{PATIENT}; {TELLONCE[-1]}", "--home", str(home), "--json", "status"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for each in running:
        out, _ = each.communicate(timeout=110)
        assert (each.returncode, json.loads(out)["ready"]) == (0, True)
