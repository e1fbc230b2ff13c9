"""A full disk: what only reads says so, too."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from projections.engine.target import Target
from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell
from tests.small_disk import mounted

READING = [
    ("status",),
    ("timeline", "--nhs-number", NUMBER),
    ("log", "verify"),
    ("people", "find", "--nhs-number", NUMBER),
]


def test_without_any_room_every_command_says_so_and_the_doctor_too(tell: Tell, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, 6) as disk:
        with homes.open_home(folder / "home") as hub:
            homes.send(hub, homes.registration("m-1", "tenant/7", number=NUMBER))
        for command in READING:
            disk.fill()  # again: what a command tidies away may be room
            found = tell(*command, at=folder / "home")
            assert (found.code, found.out, found.err.split(":")[0]) == (3, "", "disk-full"), command
            assert found.err.count("\n") == 1, found.err
            assert "Make room on the disk of the home and ask again." in found.err
        disk.fill()
        found = tell("doctor", at=folder / "home")
        assert found.code == 4
        assert any(line.startswith("WRONG") and "disk-full" in line for line in found.out.splitlines())
        disk.empty()
        assert "Alex Testerton" in tell("timeline", "--nhs-number", NUMBER, at=folder / "home").out


def full_views(*_: object) -> Any:
    raise sqlite3.OperationalError("database or disk is full")


def test_a_command_writes_no_log_lines_unless_they_are_asked_for(
    tell: Tell, events_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Target, "apply", full_views)
    told = events_file(homes.registration("m-1", "tenant/7", number=NUMBER))
    intake = ("intake", "cloudevents", told, "--agency", "housing", "--system", "crm")
    found = tell(*intake)
    assert (found.code, found.err) == (0, "")
    structlog.reset_defaults()
    monkeypatch.setenv("TELLONCE_LOG", "error")
    lines = [json.loads(line) for line in tell(*intake).err.splitlines()]
    assert "projections_waiting" in {line["event"] for line in lines}


def test_a_level_of_the_log_that_there_is_not_is_a_wrong_setting(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLONCE_LOG", "loud")
    found = tell("status")
    assert found.code == 4
    assert found.err.startswith("bad-settings: environment: TELLONCE_LOG is none of debug, info, warning, error")
