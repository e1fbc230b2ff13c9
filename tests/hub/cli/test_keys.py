"""The keys that people's data are sealed under, by command."""

from __future__ import annotations

from pathlib import Path

from hub.cli.exit_codes import REFUSED
from tests.hub.cli.conftest import Tell


def test_all_keys_are_rotated_and_everything_still_opens(tell: Tell, alex: str) -> None:
    before = tell("--json", "timeline", alex).document
    rotated = tell("--json", "keys", "rotate").document["rotated"]
    assert [each["agency"] for each in rotated] == ["housing", "hub"]
    assert all(each["secrets"] for each in rotated)
    assert tell("--json", "rebuild").code == 0
    assert tell("--json", "timeline", alex).document == before


def test_one_agencys_keys_are_rotated(tell: Tell, alex: str) -> None:
    assert tell("keys", "rotate", "housing").out.startswith("housing: ")


def test_an_agency_that_never_sent_has_no_keys(tell: Tell, alex: str, tmp_path: Path) -> None:
    found = tell("keys", "rotate", "hospital")
    assert found.code == REFUSED
    assert found.err.startswith("agency-without-keys: agency: these have keys: housing, hub.")
