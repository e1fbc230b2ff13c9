"""The second place of the list of erasures is not there: nothing is begun, and what was begun waits to be finished."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.errors import TryAgainLater, WrongSettings
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.backup import back_up
from hub.erasure.eraser import Eraser
from hub.erasure.runs import Runs
from hub.erasurelist import read_unchecked
from hub.restore import restore
from hub.services import Services
from hub.settings import Settings, read_settings
from hub.vault.listkey import ListKey
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, fill, find
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


# ---- a second place that comes back with an older list


@pytest.fixture
def gone_apart(tmp_path: Path, settings: Settings) -> Settings:
    """Ann is erased, Bob's hold is lifted; home and second place are lost then, and a restore goes on without the list.

    In the home from the backup Bob's hold is lifted again and placed anew. Then the second place's disk is found.
    """
    again = settings.home.parent / "again"
    keys = {"TELLONCE_KMS": str(settings.home / "kms.key")}
    with Hub(settings) as hub:
        hub.acts.hold(BOB, ground="litigation", reference="CASE-1")
        back_up(hub, tmp_path / "copy")
        hub.eraser.erase(ANN, ground="request")
        hub.acts.lift(BOB, ground="settled", reference="CASE-1")
    take_away(settings)
    (tmp_path / "disk" / "second").mkdir(parents=True)
    settings = read_settings(again, {**keys, "TELLONCE_ERASURES": str(settings.erasures)})
    restore(tmp_path / "copy", settings, accepts_lost_erasures=True)
    with Hub(settings) as hub:
        assert len(find(hub, ANN)) == 1, "nobody knows any more that she was erased"
        hub.acts.lift(BOB, ground="settled", reference="CASE-1")
        hub.acts.hold(BOB, ground="inquiry", reference="CASE-1")
        back_up(hub, tmp_path / "newer")
    (tmp_path / "disk").rename(tmp_path / "other-disk")
    bring_back(settings)
    return settings


def test_what_stands_in_either_list_holds_once_an_older_one_comes_back(gone_apart: Settings) -> None:
    for _ in range(2):
        with Hub(gone_apart) as hub:
            assert find(hub, ANN) == []
            assert [each["ground"] for each in hub.acts.holds()["holds"]] == ["inquiry"], "the newest of both"
            places = [read_unchecked(path) for path in gone_apart.erasure_lists]
            assert places[0] == places[1]
            assert state(hub)["state"] == "well"
    with Hub(gone_apart) as hub:
        hub.acts.hold(PATIENT, ground="litigation")
        hub.acts.lift(BOB, ground="settled", reference="CASE-1")
        hub.eraser.erase(BOB, ground="request")


def test_lists_that_went_apart_while_the_hub_runs_are_not_written_to_and_are_united_at_its_next_start(
    gone_apart: Settings,
) -> None:
    theirs = gone_apart.erasure_lists[0]
    later = theirs.with_name("later")
    theirs.rename(later)
    with Hub(gone_apart) as hub:
        later.replace(theirs)
        with pytest.raises(WrongSettings, match=r"erasure-lists-differ.*Start the hub again"):
            hub.acts.hold(PATIENT, ground="litigation")
        assert state(hub)["code"] == "erasure-lists-differ"
    with Hub(gone_apart) as hub:
        hub.acts.hold(PATIENT, ground="litigation")
        assert find(hub, ANN) == []


def test_a_restore_takes_together_lists_that_went_apart(tmp_path: Path, gone_apart: Settings) -> None:
    home = tmp_path / "once-more"
    told = {"TELLONCE_KMS": str(gone_apart.kms_file), "TELLONCE_ERASURES": str(gone_apart.erasures)}
    settings = read_settings(home, told)
    with pytest.raises(WrongSettings, match="erasure-list-old"):
        restore(tmp_path / "newer", settings)  # what its own copy knows is not in the second place
    home.mkdir(exist_ok=True)
    shutil.copyfile(gone_apart.home / "erasures.jsonl", home / "erasures.jsonl")
    restore(tmp_path / "newer", settings)
    with Hub(settings) as hub:
        assert find(hub, ANN) == []
        assert [each["ground"] for each in hub.acts.holds()["holds"]] == ["inquiry"]
        assert state(hub)["state"] == "well"


# ---- what is no second place


def test_a_second_place_has_to_be_a_folder_outside_the_home(tmp_path: Path) -> None:
    home, file, link = tmp_path / "home", tmp_path / "file", tmp_path / "link"
    (home / "inside").mkdir(parents=True)
    file.touch()
    link.symlink_to(home)
    for second in (home, home / "inside", link, file):
        with pytest.raises(WrongSettings, match=r"bad-settings.*TELLONCE_ERASURES"):
            read_settings(home, {"TELLONCE_ERASURES": str(second)})
    read_settings(home, {"TELLONCE_ERASURES": str(tmp_path / "not-there-yet")})


def test_a_hub_of_which_nobody_was_erased_is_restored_with_its_second_place(tmp_path: Path, settings: Settings) -> None:
    with Hub(settings) as hub:
        back_up(hub, tmp_path / "copy")
    again = read_settings(
        tmp_path / "again", {"TELLONCE_KMS": str(settings.kms_file), "TELLONCE_ERASURES": str(settings.erasures)}
    )
    assert restore(tmp_path / "copy", again)["lost_erasures_accepted"] is False
