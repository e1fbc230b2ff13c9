"""Whoever can write the second place of the list of erasures destroys nothing by it, and lists of before go on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from events.clock import us_text
from events.errors import WrongSettings
from hub.assembly import Hub
from hub.erasurelist import ErasureList, Line, _line_of, append, appended, places_of, read_unchecked
from hub.restore import declare, restore
from hub.settings import MANIFEST_FILE, read_settings
from hub.vault.kms import LocalKms
from tests.hub.test_erasurelist import unsign
from tests.hub.test_restore import Officer

FILE = "erasures.jsonl"


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    return Officer(tmp_path)


def forge(officer: Officer, kms: Path) -> None:
    """A line in the second place that the hub did not write, right but for its key: erase the first tenant."""
    (place,) = places_of([officer.second / FILE], LocalKms(kms))
    forged = appended(read_unchecked(place.path), Line("erased", "housing", officer.subject, (), b"", us_text(0)))
    with place.path.open("ab") as file:
        file.write(_line_of(forged.entries[-1], place.key))
    assert read_unchecked(place.path) == forged, "who reads the hashes alone sees nothing"


def rewritten(officer: Officer, change: Callable[[ErasureList], ErasureList], name: str) -> None:
    """A list that somebody wrote anew, hashes and all, and took the signatures over as they were."""
    path = officer.folder / name / FILE
    macs = [orjson.loads(line).get("mac") for line in path.read_bytes().splitlines()]
    (place,) = places_of([path.with_name("anew")], LocalKms(officer.folder / "theirs.key"))
    append([place], *change(read_unchecked(path)).entries)
    told = [orjson.loads(line) for line in place.path.read_bytes().splitlines()]
    path.write_bytes(b"".join(orjson.dumps({**each, "mac": mac}) + b"\n" for each, mac in zip(told, macs, strict=True)))


def test_a_forged_line_destroys_nothing_and_the_home_does_not_open(officer: Officer) -> None:
    forge(officer, officer.folder / "theirs.key")
    with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*line 1 "):
        Hub(officer.settings("home"))
    (officer.second / FILE).unlink()
    assert officer.opens("home") == [True, True]


def test_a_forged_line_after_genuine_ones_destroys_nothing(officer: Officer) -> None:
    officer.erase()
    other = officer.subject
    with Hub(officer.settings("home")) as hub:
        officer.subject = hub.keys.keys_of("housing", "housing:crm/tenant/2", "core").subject
    assert officer.subject != other
    forge(officer, officer.folder / "theirs.key")
    with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*line 2 "):
        Hub(officer.settings("home"))
    (officer.second / FILE).write_bytes((officer.home / FILE).read_bytes())
    assert officer.opens("home") == [False, True]


def test_a_line_that_was_edited_and_hashed_anew_destroys_nothing(officer: Officer) -> None:
    officer.erase()
    with Hub(officer.settings("home")) as hub:
        other = hub.keys.keys_of("housing", "housing:crm/tenant/2", "core").subject
    rewritten(officer, lambda listed: ErasureList((listed.entries[0]._replace(subject=other),)), "second")
    with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*line 1 "):
        Hub(officer.settings("home"))
    (officer.second / FILE).unlink()
    assert officer.opens("home") == [False, True]


def test_a_restore_takes_no_forged_line(officer: Officer) -> None:
    copy = officer.back_up("copy")
    forge(officer, officer.folder / "theirs.key")
    for accepts in (False, True):
        with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*line 1 "):
            restore(copy, officer.settings("again"), accepts_lost_erasures=accepts)
    (officer.second / FILE).write_bytes(b"")
    restore(copy, officer.settings("again"))
    assert officer.opens("again") == [True, True]


def test_another_hubs_second_place_is_refused_in_every_opening(officer: Officer, tmp_path: Path) -> None:
    other = Officer(tmp_path / "other")
    other.erase()
    told = {"TELLONCE_KMS": str(officer.home / "kms.key"), "TELLONCE_ERASURES": str(other.second)}
    settings = read_settings(officer.home, told)
    for opening in (Hub, declare):
        with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*another hub's"):
            opening(settings)
    with pytest.raises(WrongSettings, match="erasure-list-foreign"):
        restore(officer.back_up("copy"), read_settings(tmp_path / "again", told))
    assert officer.opens("home") == [True, True]
    assert other.opens("home") == [False, True]


def test_without_the_wrapping_keys_none_are_made_to_read_the_list(officer: Officer) -> None:
    officer.erase()
    (officer.home / "kms.key").rename(officer.folder / "kept.key")
    with pytest.raises(WrongSettings, match="kms-missing"):
        Hub(officer.settings("home"))
    assert not (officer.home / "kms.key").exists()


# ---- lists of before lines were signed


def test_a_homes_own_list_of_before_is_signed_once_and_the_second_place_after_it(officer: Officer) -> None:
    officer.erase()
    officer.opens("home")
    signed = (officer.home / FILE).read_bytes()
    for place in (officer.home, officer.second):
        unsign(place / FILE)
    assert officer.opens("home") == [False, True]
    assert (officer.home / FILE).read_bytes() == (officer.second / FILE).read_bytes() == signed


def test_a_list_of_before_is_not_believed_where_it_would_destroy_anything(officer: Officer) -> None:
    (home,) = places_of([officer.home / FILE], LocalKms(officer.home / "kms.key"))
    append([home], Line("erased", "housing", officer.subject, (), b"", us_text(1)))
    unsign(home.path)
    with pytest.raises(WrongSettings, match=r"erasure-list-unsigned.*line 1 "):
        Hub(officer.settings("home"))
    home.path.unlink()
    assert officer.opens("home") == [True, True]


def test_a_second_place_is_not_believed_for_what_the_home_does_not_say(officer: Officer) -> None:
    forge(officer, officer.folder / "theirs.key")
    unsign(officer.second / FILE)
    for opening in (Hub, declare):
        with pytest.raises(WrongSettings, match="erasure-list-unsigned"):
            opening(officer.settings("home"))
    (officer.second / FILE).unlink()
    assert officer.opens("home") == [True, True]


@pytest.mark.parametrize("is_second_there", [True, False])
def test_a_copy_of_before_is_restored_by_the_list_that_is_signed(officer: Officer, is_second_there: bool) -> None:
    officer.erase()
    copy = officer.back_up("copy")
    unsign(copy / FILE)
    manifest = orjson.loads((copy / MANIFEST_FILE).read_bytes())
    manifest["files"][FILE] = hashlib.sha256((copy / FILE).read_bytes()).hexdigest()
    (copy / MANIFEST_FILE).write_bytes(orjson.dumps(manifest))
    if not is_second_there:
        (officer.second / FILE).write_bytes(b"")
        with pytest.raises(WrongSettings, match="erasure-list-old"):
            restore(copy, officer.settings("again"))
    restore(copy, officer.settings("again"), accepts_lost_erasures=not is_second_there)
    assert officer.opens("again") == [False, True], "its log tells of it"
