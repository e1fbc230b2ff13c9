"""Whoever changes a stored row by hand is found out, and the first bad position is named."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from hub.verify import verify
from tests.hub.homes import cloudevent, open_home, send

CHANGES = {
    "body": ("UPDATE log SET body = zeroblob(length(body))", "leaf-differs"),
    "a body written as text": ("UPDATE log SET body = 'a palace'", "broken-row"),
    "known time": ("UPDATE log SET known_us = known_us + 1", "leaf-differs"),
    "header": ("UPDATE log SET header = zeroblob(length(header))", "leaf-differs"),
    "leaf": ("UPDATE log SET leaf = zeroblob(32)", "leaf-differs"),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    with open_home(home) as hub:
        data = {"topic": "hopes", "text": "a garden"}
        send(hub, *(cloudevent(str(at), "aboutme.statement-shared", f"tenant/{at}", data) for at in range(5)))
    return home


def change(home: Path, statement: str) -> None:
    db = apsw.Connection(str(home / "log.sqlite"))
    db.execute(statement)
    db.close()


def test_an_untouched_log_verifies(home: Path) -> None:
    with open_home(home) as hub:
        seen: list[tuple[int, int]] = []
        found = verify(hub.log, lambda done, of: seen.append((done, of)))
        assert (found["verified"], found["events"]) == (True, hub.log.head()["main-0"])
        assert seen[-1] == (found["events"], found["events"])


@pytest.mark.parametrize("what", sorted(CHANGES))
def test_a_changed_row_is_found(home: Path, what: str) -> None:
    statement, fault = CHANGES[what]
    change(home, f"{statement} WHERE position = 3")
    with open_home(home) as hub:
        found = verify(hub.log, lambda done, of: None)
    assert (found["verified"], found["fault"], found["events"]) == (False, fault, 3)
    assert found["first_bad"].endswith(":3")


def test_known_times_that_do_not_rise_are_found(home: Path) -> None:
    change(home, "UPDATE log SET known_us = (SELECT known_us FROM log WHERE position = 2) WHERE position = 3")
    with open_home(home) as hub:
        assert verify(hub.log, lambda done, of: None)["fault"] == "known-time-not-rising"
