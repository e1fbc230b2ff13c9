"""A full disk: what only reads says so, too."""

from __future__ import annotations

from pathlib import Path

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
        disk.fill()
        for command in READING:
            found = tell(*command, at=folder / "home")
            assert (found.code, found.out, found.err.split(":")[0]) == (3, "", "disk-full"), command
            assert "Make room on the disk of the home and ask again." in found.err
        found = tell("doctor", at=folder / "home")
        assert found.code == 4
        assert any(line.startswith("WRONG") and "disk-full" in line for line in found.out.splitlines())
        disk.empty()
        assert "Alex Testerton" in tell("timeline", "--nhs-number", NUMBER, at=folder / "home").out
