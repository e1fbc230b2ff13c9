"""A full disk refuses, loses nothing, and the hub goes on by itself when there is room."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import orjson
import pytest

from events.errors import HubError, TryAgainLater
from tests.hub.homes import AUDITOR, cloudevent
from tests.small_disk import SmallDisk, mounted
from tests.stories.watched import Watched, assert_is_clear, open_hub


def _on(disk: SmallDisk, home: Path, name: str) -> None:
    """Moves one file of a closed home to the small disk."""
    shutil.move(home / name, disk.folder / name)
    (home / name).symlink_to(disk.folder / name)


def _a_hundred_new_records(message: int) -> bytes:
    data = {"topic": "hopes", "text": "A" * 2_000}
    events = [cloudevent(f"f{message}-{n}", "aboutme.statement-shared", f"tenant/f{n}", data) for n in range(100)]
    return orjson.dumps(events)


def _refused_in_the_end(watched: Watched) -> HubError:
    """Sends until what SQLite had left in its own files is used up."""
    for message in range(40):
        try:
            watched.send(_a_hundred_new_records(message))
        except TryAgainLater as error:
            return error
    pytest.fail("a full disk took everything")


@pytest.mark.parametrize("name", ["receipts.sqlite", "keys.sqlite", "log.sqlite"])
def test_a_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_room(tmp_path: Path, name: str) -> None:
    home, folder = tmp_path / "home", tmp_path / "disk"
    folder.mkdir()
    with open_hub(home) as hub:
        Watched(hub)
    with mounted(folder, size_mb=8) as disk:
        _on(disk, home, name)
        with open_hub(home) as hub:
            watched = Watched(hub)
            disk.fill()
            assert_is_clear(_refused_in_the_end(watched), "disk-full")
            assert watched.services.verify_log(AUDITOR)["verified"]
            disk.empty()
            report = watched.send(_a_hundred_new_records(99))
            assert report["accepted"] == 100
            watched.good_message_lands()
            assert len(watched.timeline("housing:crm/tenant/f1")) >= 1
        with open_hub(home) as hub:  # the start finishes the receipts that the full disk left behind
            watched = Watched(hub)
            with watched.unharmed():
                pass
            said = [each["payload"]["text"] for each in watched.timeline("housing:crm/tenant/f1")]
            assert len(said) == len(watched.timeline("housing:crm/tenant/f2"))


def test_views_that_a_full_disk_stops_catch_up_when_there_is_room(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "disk"
    folder.mkdir()
    with open_hub(home) as hub:
        Watched(hub)
        name = hub.store.path.name
    with mounted(folder, size_mb=8) as disk:
        _on(disk, home, name)
        with open_hub(home) as hub:
            watched = Watched(hub)
            disk.fill()
            sent = 0
            while hub.wait_until_read(1.5) and sent < 40:
                assert watched.send(_a_hundred_new_records(sent))["accepted"] == 100
                sent += 1
            assert hub.runner.lag > 0
            assert watched.services.health()["waits_for_room"]
            disk.empty()
            end = time.monotonic() + 60
            while not hub.wait_until_read(1):  # it says no at once while the disk refuses, and tries again by itself
                assert time.monotonic() < end
                time.sleep(0.1)
            assert len(watched.timeline("housing:crm/tenant/f1")) == sent
            assert not watched.services.health()["waits_for_room"]
            with watched.unharmed():
                pass
