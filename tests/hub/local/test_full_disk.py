"""A full disk: whoever reads is answered with what is there, and never waits for room that does not come."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.errors import TryAgainLater
from events.log.sqlite import SqliteLog
from hub.access.door import Caller
from hub.local.opened import working
from hub.local.requests import Document, Request
from projections.engine.target import Target
from tests.hub import homes

HOPES = {"topic": "hopes", "text": "a garden"}
PATIENCE_S = 15.0  # a full disk used to hold a reader for half a minute, and a command for ten


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that knows one record of housing's."""
    with homes.open_home(tmp_path) as hub:
        homes.send(hub, homes.registration("m-1", "tenant/7", number=homes.nhs_number(0)))
    return tmp_path


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < PATIENCE_S


def asked(home: Path, operation: str, newer: dict[str, Any] | None = None, **arguments: Any) -> Document:
    """The answer of a command that opens the home, after another message of housing's."""
    hub = homes.open_home(home)
    with working(hub) as desk:
        if newer is not None:
            hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps([newer]))
        return desk.ask(Request(operation, Caller("x", "", "hub", ""), arguments))


def full_views(*_: object) -> Any:
    raise sqlite3.OperationalError("database or disk is full")


def full_log(*_: object) -> Any:
    raise TryAgainLater("disk-full", "the disk took no more", where="log")


def test_where_the_views_find_no_room_a_timeline_says_that_something_is_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = homes.cloudevent("m-2", "aboutme.statement-shared", "tenant/7", HOPES, fact="hopes")
    with monkeypatch.context() as full:
        full.setattr(Target, "apply", full_views)
        told = asked(home, "timeline", newer, nhs_number=homes.nhs_number(0))
        assert (len(told["entries"]), told["stale"]) == (1, True)
        assert asked(home, "status")["events"] == 4
    told = asked(home, "timeline", nhs_number=homes.nhs_number(0))
    assert (len(told["entries"]), told["stale"]) == (2, False)


def test_where_the_log_takes_no_decisions_nobody_waits_for_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newcomer = homes.registration("m-3", "tenant/8", number=homes.nhs_number(4))
    monkeypatch.setattr(SqliteLog, "append", full_log)  # decisions go this way, messages another
    told = asked(home, "timeline", newcomer, nhs_number=homes.nhs_number(0))
    assert (len(told["entries"]), told["stale"]) == (1, True)
