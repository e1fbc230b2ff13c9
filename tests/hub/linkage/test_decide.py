"""What follows from records being evidence of one person."""

from __future__ import annotations

from typing import get_args

import pytest

from events.catalogue.hub import MergeReason, UnmergeReason
from events.errors import Refused
from hub.linkage.decide import Candidate, decide
from hub.linkage.reasons import MERGE_REASONS, UNMERGE_REASONS, coded


def someone(person: str, records: int = 1, *, opened_us: int = 0, is_by_hand: bool = False) -> Candidate:
    return Candidate(person, person.encode(), f"a:s/r/{person}", records, opened_us, is_by_hand)


def test_records_of_one_person_need_no_decision() -> None:
    assert decide([someone("P", 2), someone("P", 2)]).moves == ()


def test_a_person_of_one_record_moves_to_the_one_with_more() -> None:
    (move,) = decide([someone("P"), someone("Q", 3)]).moves
    assert (move.record.person, move.person) == ("P", "Q")


def test_of_two_single_records_the_younger_moves() -> None:
    (move,) = decide([someone("P", opened_us=9), someone("Q", opened_us=2)]).moves
    assert (move.record.person, move.person) == ("P", "Q")


def test_two_persons_of_several_records_are_only_reported() -> None:
    verdict = decide([someone("P", 2), someone("Q", 3)])
    assert verdict.moves == ()
    assert [(one.person, other.person) for one, other in verdict.reviews] == [("Q", "P")]


def test_a_rule_leaves_alone_what_a_human_decided() -> None:
    assert decide([someone("P", is_by_hand=True), someone("Q", 3)]).moves == ()
    assert decide([someone("P", 1), someone("Q", 1, is_by_hand=True)]).moves == ()


def test_reasons_are_those_of_the_catalogue() -> None:
    assert (*MERGE_REASONS, "not-coded") == get_args(MergeReason)
    assert (*UNMERGE_REASONS, "not-coded") == get_args(UnmergeReason)


@pytest.mark.parametrize("written", ["same-number", "Same number", " SAME_NUMBER "])
def test_a_reason_is_a_code_however_it_is_written(written: str) -> None:
    assert coded(written, MERGE_REASONS) == "same-number"


@pytest.mark.parametrize("written", ["", "same", "her sister said so", "not-coded", "different-people"])
def test_any_other_reason_is_refused_with_the_list(written: str) -> None:
    with pytest.raises(Refused, match="unknown-reason") as refused:
        coded(written, MERGE_REASONS)
    assert "registered-twice" in refused.value.next_step
