"""The keys that people's data are sealed under, by command."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub.cli.exit_codes import DONE, REFUSED, SETTINGS
from tests.hub.cli.conftest import Tell


def test_all_keys_are_rotated_and_everything_still_opens(tell: Tell, alex: str) -> None:
    before = tell("--json", "timeline", alex).document
    rotated = tell("--json", "keys", "rotate").document["rotated"]
    assert [each["agency"] for each in rotated] == ["housing", "hub"]
    assert all(each["secrets"] for each in rotated)
    assert tell("--json", "rebuild").code == 0
    assert tell("--json", "timeline", alex).document == before


def test_a_copy_of_the_wrapping_keys_from_before_a_rotation_opens_the_home_no_more(
    tell: Tell, alex: str, home: Path, tmp_path: Path
) -> None:
    def told(at: Path) -> list[object]:
        return [each["payload"] for each in tell("--json", "timeline", alex, at=at).document["entries"]]

    before = told(home)
    old = shutil.copy(home / "kms.key", tmp_path / "old.key")
    tell("backup", tmp_path / "backup")
    assert "Copy kms.key again now" in tell("keys", "rotate").out
    new = shutil.copy(home / "kms.key", tmp_path / "new.key")
    (home / "kms.key").write_bytes(old.read_bytes())
    found = tell("timeline", alex)
    assert (found.code, found.err.split(":")[0]) == (SETTINGS, "kms-differs")
    for number, key in enumerate((old, new)):  # a backup from before
        restored = tmp_path / f"restored-{number}"
        restored.mkdir()
        (restored / "kms.key").write_bytes(key.read_bytes())
        assert tell("restore", tmp_path / "backup", "--accept-lost-erasures", at=restored).code == DONE
        assert told(restored) == before


def test_one_agencys_keys_are_rotated(tell: Tell, alex: str) -> None:
    assert tell("keys", "rotate", "housing").out.startswith("housing: ")


def test_an_agency_that_never_sent_has_no_keys(tell: Tell, alex: str, tmp_path: Path) -> None:
    found = tell("keys", "rotate", "hospital")
    assert found.code == REFUSED
    assert found.err.startswith("agency-without-keys: agency: these have keys: housing, hub.")
