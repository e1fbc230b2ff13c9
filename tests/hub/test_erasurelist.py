"""The list of erasures: durable in two places, and noticed when it was cut short or changed."""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.clock import us_text
from events.errors import TryAgainLater, WrongSettings
from hub.erasurelist import (
    FILE,
    Act,
    ErasureList,
    Line,
    Place,
    _line_of,
    append,
    appended,
    bring_up,
    check_places,
    is_unsigned,
    places_of,
    read_list,
    read_unchecked,
    unite,
    united,
    write_list,
)
from hub.vault.kms import LOG_KEY, LocalKms
from hub.vault.listkey import ListKey

Places = tuple[Place, ...]
ACTS = st.lists(st.tuples(st.sampled_from(["erased", "shredded", "readmitted"]), st.integers(0, 5)), max_size=6)


def add(number: int, *places: Place, act: Act = "erased") -> None:
    keys, token = (bytes([number]) * 24,), bytes([number]) * 32
    append(places, Line(act, "housing", bytes([number]) * 16, keys, token, us_text(number)))


def unsign(path: Path) -> None:
    """A list as it was written before lines were signed."""
    told = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(orjson.dumps({k: v for k, v in each.items() if k != "mac"}) + b"\n" for each in told))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """The second place and the home."""
    for name in ("second", "home"):
        (tmp_path / name).mkdir()
    paths = [tmp_path / name / FILE for name in ("second", "home")]
    return places_of(paths, LocalKms(tmp_path / "kms.key"))


def test_both_places_hold_the_same_and_nobody_else_may_read_them(places: Places) -> None:
    for number in range(3):
        add(number, *places)
    assert places[0].path.read_bytes() == places[1].path.read_bytes()
    assert [each.subject for each in read_list(places[1]).entries] == [bytes([each]) * 16 for each in range(3)]
    assert {place.path.stat().st_mode & 0o777 for place in places} == {0o600}


def test_a_list_that_is_not_there_is_empty(places: Places) -> None:
    assert read_list(places[0]).entries == ()


def test_a_place_that_missed_something_is_brought_up_to_the_other(places: Places) -> None:
    add(1, places[0])  # killed before the home had it
    add(2, *places)
    assert places[0].path.read_bytes() == places[1].path.read_bytes()
    assert len(read_list(places[1]).entries) == 2


def test_a_place_is_brought_up_without_another_line(places: Places) -> None:
    add(1, places[0])  # killed before the home had it
    whole = places[0].path.read_bytes()
    bring_up(places)
    assert places[0].path.read_bytes() == places[1].path.read_bytes() == whole


def test_a_line_that_a_crash_cut_short_was_not_written(places: Places) -> None:
    add(1, *places)
    whole = places[1].path.read_bytes()
    places[1].path.write_bytes(whole + whole[:40])
    assert len(read_list(places[1]).entries) == 1
    add(2, *places)
    assert places[0].path.read_bytes() == places[1].path.read_bytes()


@pytest.mark.parametrize("at", range(0, 200, 17))
def test_a_change_anywhere_is_noticed(places: Places, at: int) -> None:
    add(1, *places)
    add(2, *places)
    raw = bytearray(places[0].path.read_bytes())
    raw[at] ^= 1
    places[0].path.write_bytes(raw)
    with pytest.raises(WrongSettings, match="broken-erasure-list"):
        read_list(places[0])


@pytest.mark.parametrize("is_torn", [False, True])
def test_a_last_line_that_lost_its_line_break_alone_counts(places: Places, is_torn: bool) -> None:
    for number in (1, 2):
        add(number, *places)
    whole = places[0].path.read_bytes()
    places[0].path.write_bytes(whole[: -2 if is_torn else -1])
    assert len(read_list(places[0]).entries) == (1 if is_torn else 2)
    bring_up(places)
    add(3, *places)
    assert places[0].path.read_bytes() == places[1].path.read_bytes()
    assert [each.subject[0] for each in read_list(places[0]).entries] == [1, 2, 3]


# ---- who wrote it


def test_a_line_of_whoever_has_no_key_is_refused_though_its_hash_is_right(places: Places, tmp_path: Path) -> None:
    add(1, *places)
    theirs = Place(places[0].path, ListKey(LocalKms(tmp_path / "theirs.key")))
    genuine = read_unchecked(places[0].path)
    longer = appended(genuine, Line("erased", "housing", bytes(16), (), b"", us_text(0)))
    with places[0].path.open("ab") as file:
        file.write(_line_of(longer.entries[-1], theirs.key))
    assert read_unchecked(places[0].path) == longer, "who reads the hashes alone sees nothing"
    with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*line 2 "):
        read_list(places[0])


def test_a_line_that_was_edited_and_hashed_anew_is_refused(places: Places) -> None:
    for number in (1, 2):
        add(number, *places)
    first, second = read_unchecked(places[0].path).entries
    edited = appended(ErasureList(()), Line("erased", "housing", bytes(16), (), b"", first.at), first, second)
    genuine = [orjson.loads(line)["mac"] for line in places[0].path.read_bytes().splitlines()]
    lines = []
    for each, mac in zip(edited.entries, [*genuine, genuine[-1]], strict=True):
        lines.append(orjson.dumps({**orjson.loads(_line_of(each, places[0].key)), "mac": mac}) + b"\n")
    places[0].path.write_bytes(b"".join(lines))
    assert read_unchecked(places[0].path) == edited
    with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*line 1 "):
        read_list(places[0])


def test_another_hubs_list_is_refused_and_says_so(places: Places, tmp_path: Path) -> None:
    (theirs,) = places_of([places[0].path], LocalKms(tmp_path / "theirs.key"))
    add(1, theirs)
    with pytest.raises(WrongSettings, match=r"erasure-list-foreign.*another hub's"):
        add(2, *places)
    assert not places[1].path.exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_no_list_and_says_so(places: Places, make: Callable[[Path], object]) -> None:
    make(places[0].path)
    with pytest.raises(WrongSettings, match=r"broken-erasure-list.*is no file"):
        read_list(places[0])


def test_lines_without_a_signature_are_refused(places: Places) -> None:
    for number in (1, 2):
        add(number, *places)
    unsign(places[0].path)
    assert is_unsigned(places[0].path)
    with pytest.raises(WrongSettings, match=r"erasure-list-unsigned.*line 1 "):
        read_list(places[0])


def test_the_key_comes_from_the_oldest_copy_of_the_wrapping_keys_too(places: Places, tmp_path: Path) -> None:
    kms = LocalKms(tmp_path / "kms.key")
    kms.public_key(LOG_KEY)  # every hub signs its log
    shutil.copyfile(tmp_path / "kms.key", tmp_path / "old.key")
    kms.wrap("agency/later", bytes(32))
    (place,) = places_of([places[0].path], kms)
    add(1, place)
    assert len(read_list(place._replace(key=ListKey(LocalKms(tmp_path / "old.key")))).entries) == 1


def test_what_needs_a_line_is_not_begun_where_a_place_is_not_there(places: Places) -> None:
    add(1, *places)
    check_places(places)
    places[0].path.unlink()
    check_places(places)  # a new disk: it is brought up
    places[0].path.parent.rmdir()
    with pytest.raises(TryAgainLater, match="erasure-list-unwritten"):
        check_places(places)


def test_a_line_taken_out_or_moved_is_noticed(places: Places) -> None:
    for number in range(3):
        add(number, *places)
    first, second, third = places[0].path.read_bytes().splitlines(keepends=True)
    for lines in ([first, third], [second, third], [first, third, second]):
        places[0].path.write_bytes(b"".join(lines))
        with pytest.raises(WrongSettings, match="broken-erasure-list"):
            read_list(places[0])


def test_lists_that_tell_two_stories_are_not_written_to_until_they_are_united(places: Places) -> None:
    add(1, *places)
    for number in (2, 5):
        add(number, places[0])
    add(3, places[1])
    with pytest.raises(WrongSettings, match=r"erasure-lists-differ.*Start the hub again"):
        add(4, *places)
    both = unite(places)
    assert [each.number for each in both.entries] == [1, 2, 3, 4]
    assert [each.subject[0] for each in both.entries] == [1, 2, 3, 5], "in the order of their times"
    assert [read_list(place) for place in places] == [both, both]
    add(6, *places)


def test_lists_of_which_one_goes_on_from_the_other_are_left_as_they_are(places: Places) -> None:
    add(1, *places)
    add(2, places[0])
    before = [place.path.read_bytes() for place in places]
    assert len(unite(places).entries) == 2
    assert [place.path.read_bytes() for place in places] == before


def test_a_line_that_a_hold_came_before_does_not_count(places: Places) -> None:
    add(1, *places)
    add(2, *places)
    add(1, *places, act="void")
    assert [each.subject[0] for each in read_list(places[0]).standing] == [2]
    add(1, *places)
    assert [each.subject[0] for each in read_list(places[0]).standing] == [2, 1]


def a_list(acts: Iterable[tuple[Act, int]]) -> ErasureList:
    lines = (Line(act, "housing", bytes([at]) * 16, (), bytes(32), us_text(at)) for act, at in acts)
    return appended(ErasureList(()), *lines)


def said(lines: Iterable[Line]) -> Counter[tuple[object, ...]]:
    return Counter(each.what for each in lines)


@given(ACTS, ACTS, ACTS)
@example([], [("erased", 0), ("erased", 0), ("erased", 1)], [("erased", 0), ("erased", 1), ("erased", 0)])
def test_a_union_holds_what_was_shared_and_then_every_line_of_either_once(
    tmp_path_factory: pytest.TempPathFactory, shared: list, left: list, right: list
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    (place,) = places_of([folder / FILE], LocalKms(folder / "kms.key"))
    lists = [a_list(shared + own) for own in (left, right)]
    both = united(lists)
    pairs = zip(*(one.entries for one in lists), strict=False)
    same = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))
    assert both.entries[:same] == lists[0].entries[:same]
    tails = [said(one.entries[same:]) for one in lists]
    assert said(both.entries[same:]) == tails[0] | tails[1]
    write_list(place, both)
    assert read_list(place) == both
    for one in lists:
        assert united([one, both]) == united([both, one]) == both


@given(ACTS, ACTS)
def test_what_was_decided_last_stands_last_in_a_union(left: list, right: list) -> None:
    """Of lists whose clocks went forward."""
    both = united(a_list(sorted(own, key=lambda act: act[1])) for own in (left, right))
    assert [each.at for each in both.entries] == sorted(each.at for each in both.entries)


def test_a_list_that_was_read_before_is_read_again_when_its_file_changed(places: Places) -> None:
    add(1, *places)
    assert len(read_list(places[0]).entries) == 1
    path = places[0].path
    path.write_bytes(path.read_bytes().replace(b"housing", b"hospice"))  # as long as before
    os.utime(path, ns=(1, 1))  # later than the clock of the files can tell apart
    with pytest.raises(WrongSettings, match=r"broken-erasure-list.*line 1 "):
        read_list(places[0])
