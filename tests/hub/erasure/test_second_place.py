"""The second place of the list of erasures is not there: nothing is begun, and what was begun waits to be finished."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.errors import TryAgainLater
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.erasure.eraser import Eraser
from hub.erasure.runs import Runs
from hub.erasurelist import read_unchecked
from hub.services import Services
from hub.settings import Settings, read_settings
from hub.vault.listkey import ListKey
from tests.hub.erasure.test_eraser import ANN, BOB, fill, find
from tests.hub.homes import ADMIN, open_home


class Killed(BaseException):
    """Nobody catches it, as nobody catches kill -9."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with two records, and a second place on a disk that can be taken away."""
    (tmp_path / "disk" / "second").mkdir(parents=True)
    with open_home(tmp_path / "home") as hub:
        fill(hub)
    return read_settings(tmp_path / "home", {"TELLONCE_ERASURES": str(tmp_path / "disk" / "second")})


def take_away(settings: Settings) -> None:
    disk = settings.home.parent / "disk"
    disk.rename(disk.with_name("away"))


def bring_back(settings: Settings) -> None:
    disk = settings.home.parent / "disk"
    disk.with_name("away").rename(disk)


def state(hub: Hub) -> dict[str, Any]:
    told: dict[str, Any] = Services(hub).status(ADMIN)["erasure_list"]
    return told


def redact(hub: Hub) -> None:
    subject = hub.keys.subject_of("housing", ANN)
    assert subject is not None
    rows = list(hub.log.read(PARTITION, 0, 100))
    offset = next(row.offset for row in rows if subject in row.header and b"housing" in row.header)
    hub.eraser.redact("housing", subject, offset, ground="third-person", reference=None)


def expire(hub: Hub) -> None:
    subject = hub.keys.subject_of("housing", ANN)
    assert subject is not None
    hub.eraser.expire([("housing", subject, None)])


def finished_and_folded(eraser: Eraser, finish: Callable[[Eraser], int] = Eraser.finish) -> int:
    """The views are quick: they know of the erasure before the start goes on."""
    count = finish(eraser)
    eraser._bench.catch_up()
    return count


ACTS: dict[str, Callable[[Hub], object]] = {
    "erase": lambda hub: hub.eraser.erase(ANN, ground="request"),
    "erase an agency": lambda hub: hub.eraser.erase_agency("housing", ground="contract-ended"),
    "redact": redact,
    "expire": expire,
}


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_begun_without_the_second_place(settings: Settings, act: str) -> None:
    with Hub(settings) as hub:
        take_away(settings)
        with pytest.raises(TryAgainLater, match="erasure-list-unwritten"):
            ACTS[act](hub)
        assert Runs(hub.home, ListKey(hub.kms)).open() == []
    with Hub(settings) as hub:  # it opens without, and serves
        assert len(find(hub, ANN)) == 1
    bring_back(settings)
    with Hub(settings) as hub:
        ACTS[act](hub)
        places = [read_unchecked(path) for path in settings.erasure_lists]
        assert places[0] == places[1]
        assert len(places[0].entries) > 0


@pytest.mark.parametrize("is_listed", [False, True])
def test_what_was_begun_is_not_served_without_it_and_is_finished_once_it_is_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, is_listed: bool
) -> None:
    def die(*given: object, **named: object) -> object:
        raise Killed

    with Hub(settings) as hub:
        monkeypatch.setattr(hub.eraser._steps, "_tell" if is_listed else "_enlist", die)
        with pytest.raises(Killed):
            hub.eraser.erase(ANN, ground="request")
    take_away(settings)
    for _ in range(2):
        with pytest.raises(TryAgainLater, match=r"erasure-unfinished.*TELLONCE_ERASURES"):
            Hub(settings)
    bring_back(settings)
    monkeypatch.setattr(Eraser, "finish", finished_and_folded)
    with Hub(settings) as hub:
        assert find(hub, ANN) == []
        assert len(find(hub, BOB)) == 1
        assert Runs(hub.home, ListKey(hub.kms)).open() == []
        assert hub.continuity.fault is None, "the hub that finished it writes on"


def test_status_tells_of_the_second_place(settings: Settings) -> None:
    with Hub(settings) as hub:
        hub.eraser.erase(ANN, ground="request")
        assert state(hub) | {"since": None} == {"state": "well", "behind": 0, "code": None, "since": None}
        take_away(settings)
        gone = state(hub)
        assert (gone["state"], gone["code"]) == ("out-of-reach", "erasure-list-unwritten")
        assert state(hub) == gone, "since when does not move"
        bring_back(settings)
        assert state(hub)["state"] == "well"
        place = settings.erasure_lists[0]
        shutil.copyfile(place, place.with_name("kept"))
        place.unlink()
        assert (state(hub)["state"], state(hub)["behind"]) == ("behind", 1)
        place.write_bytes(place.with_name("kept").read_bytes().replace(b'"mac":"', b'"mac":"00'))
        assert (state(hub)["state"], state(hub)["code"]) == ("refused", "erasure-list-foreign")


def test_status_tells_that_there_is_no_second_place(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        assert state(hub) == {"state": "none", "behind": None, "code": None, "since": None}
