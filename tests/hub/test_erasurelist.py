"""The list of erasures: durable in two places, and noticed when it was cut short or changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import WrongSettings
from hub.erasurelist import FILE, Act, append, bring_up, longest_of, read_list, united, write_list

ACTS = st.lists(st.tuples(st.sampled_from(["erased", "shredded", "readmitted"]), st.integers(0, 5)), max_size=6)


def add(number: int, *places: Path, act: Act = "erased") -> None:
    append(places, act, "housing", bytes([number]) * 16, [bytes([number]) * 24], bytes([number]) * 32, number)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """The second place and the home."""
    for name in ("second", "home"):
        (tmp_path / name).mkdir()
    return tmp_path / "second" / FILE, tmp_path / "home" / FILE


def test_both_places_hold_the_same_and_nobody_else_may_read_them(places: tuple[Path, Path]) -> None:
    for number in range(3):
        add(number, *places)
    assert places[0].read_bytes() == places[1].read_bytes()
    assert [each.subject for each in read_list(places[1]).entries] == [bytes([each]) * 16 for each in range(3)]
    assert {place.stat().st_mode & 0o777 for place in places} == {0o600}


def test_a_list_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_list(tmp_path / FILE).entries == ()


def test_a_place_that_missed_something_is_brought_up_to_the_other(places: tuple[Path, Path]) -> None:
    add(1, places[0])  # killed before the home had it
    add(2, *places)
    assert places[0].read_bytes() == places[1].read_bytes()
    assert len(read_list(places[1]).entries) == 2


def test_a_place_is_brought_up_without_another_line(places: tuple[Path, Path]) -> None:
    add(1, places[0])  # killed before the home had it
    whole = places[0].read_bytes()
    bring_up(places)
    assert places[0].read_bytes() == places[1].read_bytes() == whole


def test_a_line_that_a_crash_cut_short_was_not_written(places: tuple[Path, Path]) -> None:
    add(1, *places)
    whole = places[1].read_bytes()
    places[1].write_bytes(whole + whole[:40])
    assert len(read_list(places[1]).entries) == 1
    add(2, *places)
    assert places[0].read_bytes() == places[1].read_bytes()


@pytest.mark.parametrize("at", range(0, 200, 17))
def test_a_change_anywhere_is_noticed(places: tuple[Path, Path], at: int) -> None:
    add(1, *places)
    add(2, *places)
    raw = bytearray(places[0].read_bytes())
    raw[at] ^= 1
    places[0].write_bytes(raw)
    with pytest.raises(WrongSettings, match="broken-erasure-list"):
        read_list(places[0])


def test_a_line_taken_out_or_moved_is_noticed(places: tuple[Path, Path]) -> None:
    for number in range(3):
        add(number, *places)
    first, second, third = places[0].read_bytes().splitlines(keepends=True)
    for lines in ([first, third], [second, third], [first, third, second]):
        places[0].write_bytes(b"".join(lines))
        with pytest.raises(WrongSettings, match="broken-erasure-list"):
            read_list(places[0])


def test_lists_that_tell_two_stories_are_not_written_to_but_can_be_united(places: tuple[Path, Path]) -> None:
    add(1, *places)
    add(2, places[0])
    add(3, places[1])
    with pytest.raises(WrongSettings, match="erasure-lists-differ"):
        add(4, *places)
    both = united([read_list(place) for place in places])
    assert [each.number for each in both.entries] == [1, 2, 3]
    assert {each.subject[0] for each in both.entries} == {1, 2, 3}


def test_a_line_that_a_hold_came_before_does_not_count(places: tuple[Path, Path]) -> None:
    add(1, *places)
    add(2, *places)
    add(1, *places, act="void")
    assert [each.subject[0] for each in read_list(places[0]).standing] == [2]
    add(1, *places)
    assert [each.subject[0] for each in read_list(places[0]).standing] == [2, 1]


@given(ACTS, ACTS)
def test_a_union_holds_every_line_and_is_a_list_itself(
    tmp_path_factory: pytest.TempPathFactory, left: list, right: list
) -> None:
    folder = tmp_path_factory.mktemp("lists")
    lists = []
    for name, acts in (("left", left), ("right", right)):
        for act, number in acts:
            add(number, folder / name, act=act)
        lists.append(read_list(folder / name))
    both = united(lists)
    assert {each[1:7] for each in both.entries} == {each[1:7] for one in lists for each in one.entries}
    write_list(folder / "both", both)
    assert read_list(folder / "both") == both
    assert longest_of([both, max(lists, key=lambda each: len(each.entries))]) == both
