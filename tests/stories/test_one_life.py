"""Edwin's three years: seven agencies tell of one man, in their own formats, and each moment can be read again.

He loses his wife, falls behind with the rent, falls at home, gets help, and is heard at last.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.borough import Town

NUMBER = "9990777039"
BORN = "1944-06-30"
SURGERY, TRUST = "mill-lane-surgery/clinical", "larkmere-community-trust/community"
CHILDREN, CHARITY = "larkmere-childrens-services/social-work", "open-door/casework"
HOUSING_HEAD = (
    "TenancyRef,TenantRef,NHSNumber,DateOfBirth,Forename,Surname,Address,Postcode,TenancyType,StartDate,EndDate,"
    "EndReason,WeeklyRent,Arrears,ArrearsStage,StageSince,Interpreter"
)
CARE_HEAD = (
    "ClientRef,NHSNumber,DateOfBirth,Forename,Surname,Sex,Address,Postcode,ActivityRef,Activity,Detail,StartDate,"
    "EndDate,Outcome,Provider,Note,RecordedOn"
)


def tenancy(stage: str = ",", arrears: str = "0.00") -> str:
    who = f"8001/1,T88001,{NUMBER},30/06/1944,Edwin,Tallis,2 Mill Row,XX1 2AB,SEC,03/04/2012,,,88.40"
    return f"{HOUSING_HEAD}\r\n{who},{arrears},{stage},\r\n"


def care(*rows: str) -> str:
    who = f'P88001,{NUMBER},30/06/1944,Edwin,Tallis,M,"2 Mill Row, Larkmere",XX1 2AB'
    return "\r\n".join([CARE_HEAD, *(f"{who},{row}" for row in rows)]) + "\r\n"


def hl7(trigger: str, at: str, control: str, *segments: str) -> str:
    head = rf"MSH|^~\&|PAS|RVH|TELLONCE|LARKMERE|{at}||ADT^{trigger}|{control}|P|2.4||||||UNICODE UTF-8"
    pid = f"PID|1||H0880011^^^RVH^MR~{NUMBER}^^^NHS^NH||Tallis^Edwin^^^Mr||19440630|M"
    return "\r".join([head, f"EVN|{trigger}|{at}", pid, *segments]) + "\r"


def stay(at: str, until: str = "") -> str:
    return f"PV1|1|I|WARD4^^^RVH||||||||||||||||V880011^^^RVH^VN{'|' * 25}{at}|{until}"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The whole story, told once."""
    town = Town(tmp_path_factory.mktemp("story") / "home", "2022-04-01")
    with town.hub:
        _until_the_fall(town)
        _after_the_fall(town)
        town.today("2025-01-31")
        yield town


def _until_the_fall(town: Town) -> None:
    town.on("2022-05-01", "larkmere-homes/tenancies", "tenancies-20220501.csv", tenancy())
    town.register("2022-06-10", SURGERY, "patient/48801", NUMBER, BORN, "Edwin", "Tallis")
    allergy = {"allergy_id": "A1", "substance": {"text": "Penicillin"}, "status": "active"}
    town.tell("2022-06-11", SURGERY, "patient/48801", "health.allergy-recorded", "allergy/A1", allergy)
    late = tenancy("LETTER,12/09/2022", "265.20")
    town.on("2022-10-01", "larkmere-homes/tenancies", "tenancies-20221001.csv", late)
    town.on("2023-02-03", "riverside-hospital/pas", "a01.hl7", hl7("A01", "202302030815", "S1", stay("202302030745")))


def _after_the_fall(town: Town) -> None:
    left = hl7("A03", "202302101105", "S2", stay("202302030745", "202302101100"))
    town.on("2023-02-10", "riverside-hospital/pas", "a03.hl7", left)
    asked = "A900001,REQ,HOSP,09/02/2023,,ASSESS,,Discharge planned with the ward,09/02/2023 16:10"
    helped = "A900002,SVC,REAB,13/02/2023,,,Larkmere Reablement,,13/02/2023 09:00"
    town.on("2023-02-13", "larkmere-social-care/case-system", "social-care-20230213.csv", care(asked, helped))
    town.register("2023-03-01", TRUST, "patient/CT9001", NUMBER, BORN, "Edwin", "Tallis")
    visit = {"channel": "home-visit", "effective": {"start": "2023-03-01"}, "reason": {"text": "Wound care"}}
    town.tell("2023-03-02", TRUST, "patient/CT9001", "contact.occurred", "visit/1", visit)
    town.register("2023-09-04", CHILDREN, "child/C900", NUMBER, BORN, "Edwin", "Tallis")
    carer = {"channel": "phone", "effective": {"start": "2023-09"}, "reason": {"text": "Looks after his grandson"}}
    town.tell("2023-09-05", CHILDREN, "child/C900", "contact.occurred", "call/1", carer)
    town.register("2024-01-10", CHARITY, "member/OD-900", NUMBER, BORN, "Edwin", "Tallis")
    words = {"topic": "what-matters-to-me", "text": "Not being rung before ten.", "said_by": "person"}
    town.tell("2024-01-11", CHARITY, "member/OD-900", "aboutme.statement-shared", "about-me/matters", words)
    wrong = {"reason": "entered-in-error"}
    more = {"action": "withdraw"}
    town.tell("2024-02-20", SURGERY, "patient/48801", "health.allergy-recorded", "allergy/A1", wrong, **more)


def test_seven_agencies_tell_of_one_person(town: Town) -> None:
    entries = town.page(town.person_of("larkmere-homes:tenancies/tenant/T88001"))["entries"]
    assert len({entry["record"].partition(":")[0] for entry in entries}) == 7


def test_the_page_grows_with_what_is_known(town: Town) -> None:
    person = town.person_of("larkmere-homes:tenancies/tenant/T88001")
    assert town.titles(person, "2022-05-01") == ["Social rented tenancy started"]
    before_the_fall = town.titles(person, "2022-12-31")
    assert before_the_fall[0] == "Allergy: Penicillin"
    assert len(before_the_fall) == 3
    in_hospital = town.titles(person, "2023-02-05")
    assert in_hospital == [*before_the_fall, "Stay in hospital began"]
    at_home = town.titles(person, "2023-02-10")
    assert at_home == [*in_hospital, "Stay in hospital ended"]
    assert set(at_home) < set(town.titles(person, "2023-03-31"))


def test_what_turned_out_wrong_is_gone_today_and_was_there_then(town: Town) -> None:
    person = town.person_of("mill-lane-surgery:clinical/patient/48801")
    assert "Allergy: Penicillin" in town.titles(person, "2024-02-19")
    assert "Allergy: Penicillin" not in town.titles(person, "2024-02-20")
    assert "Allergy: Penicillin" not in town.titles(person)


def test_what_is_known_only_roughly_is_shown_so(town: Town) -> None:
    person = town.person_of("open-door:casework/member/OD-900")
    (call,) = [entry for entry in town.page(person)["entries"] if entry["name"] == "call/1"]
    assert call["occurred"] == {"start": "2023-09", "end": None, "approximate": False}


def test_his_own_words_are_his_and_come_last(town: Town) -> None:
    person = town.person_of("open-door:casework/member/OD-900")
    words = town.page(person)["entries"][0:]
    (said,) = [entry for entry in words if entry["type"] == "aboutme.statement-shared"]
    assert said["payload"]["text"] == "Not being rung before ten."
    assert said["known_from"].startswith("2024-01-11T12:00:00")


def test_his_number_stays_the_same_from_the_first_day(town: Town) -> None:
    person = town.person_of("larkmere-homes:tenancies/tenant/T88001")
    assert town.page(person, "2022-05-01")["leads_to"] == person
    assert town.page(person, "2022-04-30")["is_open"] is False
    assert town.page(person, "2022-04-30")["entries"] == []


def test_a_rebuild_from_the_log_tells_the_same_life(town: Town) -> None:
    person = town.person_of("larkmere-homes:tenancies/tenant/T88001")
    moments = (None, "2022-12-31", "2023-02-05", "2024-02-19")
    before = [town.page(person, moment) for moment in moments]
    town.hub.runner.rebuild()
    assert [town.page(person, moment) for moment in moments] == before
