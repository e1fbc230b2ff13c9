"""Two sisters are taken for one: a wrong link is made, seen, and taken back, and no past shows it any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from events.errors import Refused
from tests.stories.borough import STEWARD, Town

SURGERY, CHARITY, TRUST = "mill-lane-surgery/clinical", "open-door/casework", "larkmere-community-trust/mental-health"
ADA, BEA = ("9990777047", "1961-03-05"), ("9990777055", "1961-03-05")
ADAS, BEAS = "mill-lane-surgery:clinical/patient/50001", "open-door:casework/member/OD-501"
CONDITION = "health.condition-recorded"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """The surgery knows Ada, the charity knows Bea."""
    town = Town(tmp_path / "home", "2024-01-02")
    with town.hub:
        town.register("2024-01-02", SURGERY, "patient/50001", *ADA, "Ada", "Quill")
        asthma = {"condition_id": "C1", "code": {"text": "Asthma"}, "status": "active"}
        town.tell("2024-01-03", SURGERY, "patient/50001", CONDITION, "condition/C1", asthma)
        town.register("2024-01-04", CHARITY, "member/OD-501", *BEA, "Bea", "Quill")
        visit = {"channel": "drop-in", "effective": {"start": "2024-01-05"}}
        town.tell("2024-01-05", CHARITY, "member/OD-501", "contact.occurred", "visit/1", visit)
        yield town


def test_a_wrong_link_is_taken_back_as_if_it_had_never_been(town: Town) -> None:
    ada, bea = town.person_of(ADAS), town.person_of(BEAS)
    alone = town.titles(ada), town.titles(bea)
    town.today("2024-02-01")
    town.services.link(STEWARD, BEAS, ada, "same surname and birth date")
    assert len(town.titles(ada)) == 2
    assert town.page(bea)["leads_to"] == ada
    town.today("2024-03-01")
    answer = town.services.unlink(STEWARD, BEAS, "two sisters")
    assert (answer["left"], answer["person"]) == (ada, bea)
    assert (town.titles(ada), town.titles(bea)) == alone
    town.today("2024-03-02")
    assert town.titles(ada, "2024-02-15") == alone[0], "no page of the past shows the sister either"


def test_what_was_linked_later_is_not_shown_as_known_before(town: Town) -> None:
    ada = town.person_of(ADAS)
    town.today("2024-02-01")
    town.services.link(STEWARD, BEAS, ada, "one person after all")
    town.today("2024-02-02")
    assert len(town.titles(ada)) == 2
    assert len(town.titles(ada, "2024-01-31")) == 1


def test_a_merge_is_one_page_and_an_unmerge_two_again(town: Town) -> None:
    ada, bea = town.person_of(ADAS), town.person_of(BEAS)
    alone = town.titles(ada), town.titles(bea)
    town.today("2024-02-01")
    town.services.merge(STEWARD, ada, bea, "same-details")
    town.today("2024-02-02")
    page = town.page(bea)
    assert (page["leads_to"], len(page["entries"])) == (ada, 4)
    assert town.titles(ada, "2024-01-31") == alone[0], "as of before, each number shows its own half"
    assert town.titles(bea, "2024-01-31") == alone[1]
    town.services.unmerge(STEWARD, ada, bea, "different-people")
    assert (town.titles(ada), town.titles(bea)) == alone


def test_a_fact_about_the_wrong_person_leaves_the_past_too(town: Town) -> None:
    ada = town.person_of(ADAS)
    other = {"condition_id": "C2", "code": {"text": "Diabetes"}, "status": "active"}
    town.tell("2024-02-01", SURGERY, "patient/50001", CONDITION, "condition/C2", other)
    assert len(town.titles(ada)) == 2
    wrong = {"reason": "wrong-person"}
    town.tell("2024-02-10", SURGERY, "patient/50001", CONDITION, "condition/C2", wrong, action="withdraw")
    town.today("2024-02-11")
    assert len(town.titles(ada)) == 1
    assert len(town.titles(ada, "2024-02-05")) == 1


def test_what_shares_number_and_birth_date_comes_together_by_itself(town: Town) -> None:
    ada = town.person_of(ADAS)
    town.register("2024-02-01", TRUST, "service-user/MH1", *ADA, "Ada", "Quill")
    assert town.person_of("larkmere-community-trust:mental-health/service-user/MH1") == ada


def test_a_number_alone_links_nobody(town: Town) -> None:
    ada = town.person_of(ADAS)
    town.register("2024-02-01", TRUST, "service-user/MH2", ADA[0], "1961-03-06", "Ada", "Quill")
    assert town.person_of("larkmere-community-trust:mental-health/service-user/MH2") != ada


def test_nobody_is_linked_twice(town: Town) -> None:
    with pytest.raises(Refused, match="already-linked"):
        town.services.link(STEWARD, ADAS, town.person_of(ADAS), "again")
