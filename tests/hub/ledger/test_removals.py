"""A body that a redaction took out is accepted; one that somebody took out and only noted is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.erasure.officer import Officer
from hub.ledger import verification
from hub.services import Services
from hub.settings import read_settings
from tests.hub.homes import AUDITOR, STEWARD, cloudevent, open_home, send
from tests.hub.ledger.forging import Copy


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Five statements, of which the second was redacted."""
    home = tmp_path / "home"
    with open_home(home) as hub:
        told = {"topic": "hopes", "text": "a garden"}
        report = send(hub, *(cloudevent(str(at), "aboutme.statement-shared", f"tenant/{at}", told) for at in range(5)))
        assert hub.wait_until_read(30)
        position = report.outcomes[1].events[0].position
        Officer(hub).redact(STEWARD, position, "third-person")
        assert Services(hub).verify_log(AUDITOR)["removed_bodies"] == 1
    return home


def fault_of(home: Path) -> tuple[str, int] | None:
    fault = verification.run(read_settings(home, {})).fault
    return fault and (fault.code, fault.first)


def test_a_redaction_is_accepted_because_an_event_names_it(home: Path) -> None:
    assert fault_of(home) is None


def test_a_body_that_somebody_took_out_and_noted_is_told_by_whoever_has_the_keys(home: Path) -> None:
    log = Copy.of(home / "log.sqlite")
    named_by = log.ask("SELECT named_by FROM removed")
    taken = log.ask("SELECT max(position) FROM log WHERE position < ? AND length(body) > 0", named_by)
    log.run("UPDATE log SET body = x'', nonce = zeroblob(12) WHERE position = ?", taken)
    log.run("INSERT INTO removed VALUES(?, ?)", taken, named_by)
    assert fault_of(home) == ("removal-not-named", taken)
    with open_home(home) as hub:
        assert Services(hub).verify_log(AUDITOR)["fault"] == "removal-not-named"
        key = str(hub.log.key)
    (home / "kms.key").rename(home / "kms.elsewhere")
    found = verification.run(read_settings(home, {}), key=key)
    assert (found.fault, found.state.removed) == (None, 2)


@pytest.mark.parametrize("named_by", [0, 1, 10_000])
def test_a_note_that_points_to_another_event_is_told(home: Path, named_by: int) -> None:
    log = Copy.of(home / "log.sqlite")
    log.run("UPDATE removed SET named_by = ?", named_by)
    assert fault_of(home) == ("removal-not-named", log.ask("SELECT position FROM removed"))
