"""The quarantine on the command line: list, look, try again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from events.clock import DrivenClock
from hub.receipts.store import ReceiptStore
from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell

HOUSING = ("--agency", "housing", "--system", "crm")


@pytest.fixture
def waiting(tell: Tell, events_file: Callable[..., Path]) -> str:
    """One message waits; its number."""
    bad = {**homes.registration("m-2", "tenant/8", number=NUMBER), "specversion": "0.3"}
    tell("intake", "cloudevents", events_file(bad), *HOUSING)
    return str(tell("--json", "quarantine", "list").document["quarantine"][0]["number"])


def test_an_empty_quarantine_says_so(tell: Tell) -> None:
    assert tell("quarantine", "list").out == "Nothing waits in quarantine.\n"


def test_what_waits_is_listed_with_code_and_source(tell: Tell, waiting: str) -> None:
    heading, row = tell("quarantine", "list").out.splitlines()
    assert heading.split("  ")[0] == "number"
    assert row.split()[:4] == [waiting, "waiting", "housing/crm", "unknown-specversion"]
    assert tell("--json", "quarantine", "list", "--agency", "hospital").document == {"quarantine": []}
    assert tell("--json", "quarantine", "list", "--state", "released").document == {"quarantine": []}
    assert len(tell("--json", "quarantine", "list", "--state", "all").document["quarantine"]) == 1


@pytest.mark.parametrize("question", [("quarantine", "list"), ("message", "m-2")])
def test_an_agency_that_nobody_heard_of_is_refused_and_not_answered_with_nothing(
    tell: Tell, waiting: str, question: tuple[str, ...]
) -> None:
    found = tell(*question, "--agency", "houssing")
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("agency-never-heard: agency: no agency of this name is in the register")
    assert "Is `housing` meant?" in found.err


def test_an_agency_that_left_the_register_still_has_its_quarantine(tell: Tell, home: Path, waiting: str) -> None:
    (home / "agencies.toml").write_text("", "utf-8")
    [entry] = tell("--json", "quarantine", "list", "--agency", "housing").document["quarantine"]
    assert entry["number"] == waiting
    assert tell("message", "m-2", "--agency", "housing").code == 0
    assert tell("quarantine", "list", "--agency", "hospital").err.startswith("agency-never-heard: ")


def test_one_is_shown_with_its_reason_and_receipt(tell: Tell, waiting: str) -> None:
    found = tell("quarantine", "show", waiting)
    assert found.out.startswith(f"{waiting}  waiting\nunknown-specversion: specversion: ")
    assert f"tellonce quarantine retry {waiting}" in found.out


def test_what_lost_its_bytes_waits_no_longer_and_no_retry_is_offered(tell: Tell, home: Path, waiting: str) -> None:
    with homes.open_home(home) as hub:
        clock = DrivenClock(datetime.now(UTC) + timedelta(days=31))
        with closing(
            ReceiptStore(home, clock=clock, keys=hub.keys, epoch=hub.log.epoch, zone=ZoneInfo("UTC"))
        ) as store:
            store.forget_old()
    found = tell("quarantine", "show", waiting)
    assert found.out.startswith(f"{waiting}  expired\nunknown-specversion: specversion: ")
    assert "Its bytes are gone: ask the sender to send it again." in found.out
    assert "retry" not in found.out
    assert tell("quarantine", "list").out == "Nothing waits in quarantine.\n"
    assert tell("--json", "status").document["quarantine_waiting"] == 0
    [entry] = tell("--json", "quarantine", "list", "--state", "expired").document["quarantine"]
    assert (entry["number"], entry["state"]) == (waiting, "expired")
    assert tell("quarantine", "retry", waiting).err.startswith("receipt-gone: ")


def test_a_retry_without_a_change_keeps_it_there_and_ends_as_intake_does(tell: Tell, waiting: str) -> None:
    found = tell("quarantine", "retry", waiting.lower())
    assert (found.code, found.out) == (0, f"{waiting} stays in quarantine: unknown-specversion: specversion\n")
    assert tell("--json", "quarantine", "retry", waiting).document["state"] == "quarantined"


@pytest.mark.parametrize(
    ("number", "code"), [("Q-9999", "unknown-quarantine-number"), ("seven", "bad-quarantine-number")]
)
def test_numbers_that_lead_nowhere_are_refused(tell: Tell, number: str, code: str) -> None:
    for command in ("show", "retry"):
        found = tell("quarantine", command, number)
        assert (found.code, found.err.split(":")[0]) == (1, code)
