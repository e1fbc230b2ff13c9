"""Ctrl-C ends a command with a sentence, or the one document of --json, and never takes back what was acknowledged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell

INTERRUPTED = 130
_MORE_THAN_A_PIPE = b"[" + b" " * 300_000  # written whole only when the command reads it


def interrupted(home: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """How an intake ends that gets SIGINT while it waits for the rest of its standard input."""
    # A shell lets what it starts in the background ignore SIGINT, the tests among it.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "import sys; from hub.cli import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "--home", str(home), *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as process:
        assert process.stdin is not None
        process.stdin.write(_MORE_THAN_A_PIPE)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def sending(events_file: Callable[..., Path]) -> tuple[str | Path, ...]:
    """An intake of a file, and then of what never ends."""
    told = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    return ("intake", "cloudevents", told, "-", "--agency", "housing", "--system", "crm")


def test_an_interrupted_command_says_what_stays_and_what_to_do(
    tell: Tell, home: Path, sending: tuple[str | Path, ...]
) -> None:
    code, out, err = interrupted(home, *sending)
    assert code == INTERRUPTED
    assert "events.json" in out
    assert err.startswith("interrupted: ")
    assert err.count("\n") == 1
    assert "what was acknowledged is stored and stays" in err
    assert "Give it again: a message with an order, an id or a file name is not taken in twice." in err
    assert "Alex Testerton" in tell("timeline", "--nhs-number", NUMBER).out


def test_with_json_it_is_one_document_with_the_receipts_so_far(
    tell: Tell, home: Path, sending: tuple[str | Path, ...]
) -> None:
    code, out, err = interrupted(home, "--json", *sending)
    assert (code, err) == (INTERRUPTED, "")
    document: dict[str, Any] = json.loads(out)
    assert document["error"].keys() == {"code", "what", "where", "next_step"}
    assert (document["error"]["code"], document["accepted"], len(document["receipts"])) == ("interrupted", 1, 1)
    again = tell("--json", *sending[:3], *sending[4:]).document
    assert (again["events"], again["duplicates"]) == (0, 1)


def test_any_other_command_ends_with_the_same_document(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hub.local.opened.answer", stopped)
    for command in (("status",), ("rebuild",), ("log", "read"), ("agencies",)):
        found = tell("--json", *command)
        assert (found.code, found.err, found.document["error"]["code"]) == (INTERRUPTED, "", "interrupted")
        assert tell(*command).err.startswith("interrupted: ")
