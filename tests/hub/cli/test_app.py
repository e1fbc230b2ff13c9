"""How commands end: exit codes, sentences, one JSON document; and where options may stand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from events.errors import HubError, Refused, RejectedMessage, TryAgainLater, WrongSettings
from hub.cli import app as app_module
from hub.cli import main
from hub.cli.app import hoisted
from hub.cli.exit_codes import BUG, LATER, REFUSED, SETTINGS, USAGE, exit_code_of
from tests.hub.cli.conftest import Tell


@pytest.mark.parametrize(
    ("kind", "code"),
    [(Refused, REFUSED), (RejectedMessage, REFUSED), (TryAgainLater, LATER), (WrongSettings, SETTINGS)],
)
def test_each_kind_of_error_has_its_exit_code(kind: type[HubError], code: int) -> None:
    assert exit_code_of(kind("a-code", "what")) == code


def test_an_error_is_one_sentence_on_standard_error(tell: Tell) -> None:
    found = tell("receipt", "R-0000000000")
    assert (found.code, found.out) == (REFUSED, "")
    assert re.fullmatch(r"unknown-receipt: .+\n", found.err)


def test_an_error_with_json_is_one_document_and_nothing_else(tell: Tell) -> None:
    found = tell("receipt", "R-0000000000", "--json")
    assert (found.code, found.err) == (REFUSED, "")
    assert found.document["error"].keys() == {"code", "what", "where", "next_step"}


@pytest.mark.parametrize("arguments", [("no-such-command",), ("timeline", "--limit", "many"), ("intake", "hl7v2"), ()])
def test_a_command_not_written_as_it_should_be_ends_with_2(tell: Tell, arguments: tuple[str, ...]) -> None:
    assert tell(*arguments).code == USAGE
    found = tell("--json", *arguments)
    assert (found.code, found.document["error"]["code"]) == (USAGE, "usage")


def test_help_is_no_error(tell: Tell) -> None:
    assert tell("--help").code == 0
    assert "quarantine" in tell("--help").out


def test_a_home_that_is_not_there_is_not_made_by_reading(tell: Tell, tmp_path: Path) -> None:
    found = tell("timeline", "0000-0000", at=tmp_path / "typo")
    assert found.code == SETTINGS
    assert found.err.startswith(f"no-home: {tmp_path / 'typo'}: ")
    assert not (tmp_path / "typo").exists()


def test_a_fault_in_the_program_tells_its_place_and_no_value(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("Alex Testerton")

    monkeypatch.setattr(app_module, "app_for", broken)
    found = tell("status")
    assert (found.code, found.out) == (BUG, "")
    assert re.fullmatch(r"bug: test_app\.py, line \d+: a fault in the program \(ValueError\)\. .+\n", found.err)
    assert tell("--json", "status").document["error"]["code"] == "bug"


def test_options_of_every_command_may_stand_anywhere() -> None:
    given = ["timeline", "X", "--json", "--as", "steward:pat", "--limit", "3", "--home=there"]
    assert hoisted(given) == ["--json", "--as", "steward:pat", "--home=there", "timeline", "X", "--limit", "3"]
    assert hoisted(["intake", "--", "--json"]) == ["intake", "--", "--json"]


def test_a_role_that_there_is_not_is_refused(tell: Tell) -> None:
    found = tell("--as", "king", "status")
    assert (found.code, found.err.split(":")[0]) == (REFUSED, "role-unknown")


def test_an_adapter_on_the_command_line_acts_for_its_agency_only(tell: Tell, alex: str) -> None:
    receipt = tell("--json", "message", "m-1").document["messages"][0]["receipt"]
    assert tell("--as", "adapter:housing", "receipt", receipt).code == 0
    assert tell("--as", "adapter:hospital", "receipt", receipt).err.startswith("unknown-receipt: ")


def test_an_adapter_on_the_command_line_is_told_of_its_agency_only(tell: Tell, alex: str) -> None:
    for command in ("sources", "agencies"):
        assert "housing" in tell("--as", "adapter:housing", command).out
        found = tell("--as", "adapter:hospital", command).out
        assert "hospital" in found
        assert "housing" not in found
    assert tell("--as", "adapter:library", "agencies").out.startswith("The register has no such agency. ")


def test_a_message_that_was_never_received_is_an_answer_and_a_receipt_that_there_is_not_a_refusal(tell: Tell) -> None:
    found = tell("message", "m-1")
    assert (found.code, found.out) == (0, "No message of this id was received.\n")
    assert tell("--json", "message", "m-1").document == {"messages": []}
    assert tell("receipt", "R-0000000000").code == REFUSED


def test_no_colours_go_into_a_pipe(tell: Tell, alex: str) -> None:
    for command in (("timeline", alex), ("status",), ("sources",), ("agencies",), ("doctor",), ("schemas",)):
        assert "\x1b" not in tell(*command).out


def test_a_reader_that_has_enough_ends_the_command_quietly(home: Path, alex: str) -> None:
    script = f"import sys; from hub.cli import main; sys.exit(main(['--home', {str(home)!r}, 'schemas']))"
    command = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait(30) == 0


def test_the_home_may_come_from_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELLONCE_HOME", str(home))
    assert main(["--json", "status"]) == 0
    assert json.loads(capsys.readouterr().out)["ready"] is True
