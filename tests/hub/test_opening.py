"""A home that this process may not use says so in one sentence, whatever is asked for; nothing in it is changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.errors import WrongSettings
from hub.backup import back_up
from hub.restore import restore
from hub.settings import read_settings
from tests.conftest import ROOT
from tests.hub.cli.conftest import Tell, tell  # noqa: F401
from tests.hub.homes import open_home
from tests.small_disk import read_only

SETTINGS = 4
NUMBER = "9990000018"
COMMANDS = [
    ("status",),
    ("timeline", "--nhs-number", NUMBER),
    ("agencies",),
    ("serve", "--port", "0"),
    ("intake", "cloudevents", __file__, "--agency", "housing", "--system", "crm"),
    ("rebuild",),
    ("token", "--role", "admin"),
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    with open_home(folder):
        pass
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def test_a_home_on_a_read_only_disk_says_so(tell: Tell, home: Path) -> None:  # noqa: F811
    with read_only(home):
        for command in COMMANDS:
            found = tell(*command)
            assert (found.code, found.err.count("\n")) == (SETTINGS, 1), command
            assert found.err.startswith(f"read-only-disk: {home}: "), command
            assert "Mount it so that it can be written" in found.err
        found = tell("doctor")
        assert found.code == SETTINGS
        assert sum("read-only-disk" in line for line in found.out.splitlines()) == 1
    assert tell("status").code == 0


def test_a_backup_on_a_read_only_disk_can_be_restored(home: Path, tmp_path: Path) -> None:
    with open_home(home) as hub:
        back_up(hub, tmp_path / "copy")
    told = {"TELLONCE_KMS": str(home / "kms.key")}
    with read_only(tmp_path / "copy"):
        settings = read_settings(tmp_path / "again", told)
        assert restore(tmp_path / "copy", settings, accepts_lost_erasures=True)["events"] == 1


def test_neither_backup_nor_new_home_can_be_made_on_a_read_only_disk(home: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with open_home(home) as hub, read_only(tmp_path / "disk"):
        with pytest.raises(WrongSettings, match="read-only-disk"):
            back_up(hub, tmp_path / "disk" / "copy")
        with pytest.raises(WrongSettings, match="read-only-disk"):
            open_home_at(tmp_path / "disk" / "home")


def open_home_at(folder: Path) -> None:
    from hub.assembly import Hub

    Hub(read_settings(folder, {})).close()


def asked(home: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    """How a command ends, and its error, for a user whom the modes of files bind: root is not."""
    bound: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root without setpriv cannot give up its rights")
        bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    code = "import sys; from hub.cli import main; sys.exit(main())"
    command = [*bound, sys.executable, "-c", code, "--home", str(home), "--json", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return told.returncode, json.loads(told.stdout)["error"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "mode", "command"),
    [
        ("log.sqlite", 0o400, ("status",)),
        ("home.lock", 0o000, ("status",)),
        ("agencies.toml", 0o000, ("agencies",)),
        ("receipts", 0o500, ("status",)),
        ("views.current", 0o000, ("rebuild",)),
        ("token-key.pem", 0o000, ("token", "--role", "admin")),
        (".", 0o500, ("status",)),
        (".", 0o000, ("status",)),
        (".", 0o500, ("token", "--role", "admin")),
    ],
)
def test_a_file_that_this_user_may_not_use_is_named(home: Path, name: str, mode: int, command: tuple[str, ...]) -> None:
    if name == "token-key.pem":
        (home / name).touch()
    (home / name).chmod(mode)
    code, error = asked(home, *command)
    assert (code, error["code"]) == (SETTINGS, "file-permissions")
    assert error["where"].startswith(str(home / name))
    assert "Run as the user that owns the home" in error["next_step"]


def test_a_folder_that_takes_no_backup_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir(mode=0o500)
    code, error = asked(home, "backup", str(tmp_path / "full" / "copy"))
    assert (code, error["code"], error["where"]) == (SETTINGS, "file-permissions", str(tmp_path / "full" / "copy"))


def test_a_file_in_the_place_of_a_home_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()
    with pytest.raises(WrongSettings, match="not-a-folder"):
        open_home_at(tmp_path / "letter")


def test_what_the_disk_refuses_only_at_the_last_moment_is_told_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = os.open

    def closed(path: str | Path, *more: int, **named: int) -> int:
        if str(path).endswith("home.lock"):
            raise PermissionError(13, "Permission denied", str(path))
        return opens(path, *more, **named)

    monkeypatch.setattr(os, "open", closed)
    with pytest.raises(WrongSettings, match="file-permissions") as told:
        open_home_at(home)
    assert told.value.where == str(home / "home.lock")
