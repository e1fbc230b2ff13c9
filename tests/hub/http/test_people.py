"""Looking people up, linking by hand, and reading the register and the log over HTTP."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.http.shapes.people import Linked, Paired, People, Person
from hub.http.shapes.running import Agencies, LogRow, Sources, Status
from tests.hub.homes import NHS, cloudevent, nhs_number, registration
from tests.hub.http.serving import Served, code_of


def known(served: Served, name: str, number: int, **more: Any) -> str:
    """Somebody registered; their person's number."""
    report = served.send(registration(f"reg-{name}", f"tenant/{name}", number=nhs_number(number), **more))
    return served.person_of(f"housing:crm/tenant/{name}", after=report["position"])


def test_a_person_is_found_by_number_by_name_and_birth_date_and_by_record(served: Served) -> None:
    person = known(served, "found", 20, born="1971-07-07")
    for question in (
        {"nhs_number": nhs_number(20)},
        {"name": "Alex Testerton", "born": "1971-07-07"},
        {"name": "testerton alex", "born": "1971-07-07"},
        {"record": "housing:crm/tenant/found"},
    ):
        told = served.post("practitioner", "/v1/people/search", question)
        People.model_validate(told)
        assert [each["person"] for each in told["people"]] == [person], question
    (record,) = Person.model_validate(served.get("practitioner", f"/v1/people/{person}")).records
    assert record.birth_date == "1971-07-07"
    assert record.identifiers == [{"system": NHS, "value": nhs_number(20)}]


def test_who_is_not_there_is_not_found(served: Served) -> None:
    for question in ({"nhs_number": nhs_number(98)}, {"name": "No Body", "born": "1900-01-01"}, {"record": "a:b/c/d"}):
        assert served.post("practitioner", "/v1/people/search", question) == {"people": []}
    answer = served.ask("practitioner", "GET", "/v1/people/0000-0000")
    assert (answer.status_code, code_of(answer)) == (404, "unknown-person")


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ({}, 400, "find-by-what"),
        ({"name": "Alex Testerton"}, 400, "find-by-what"),
        ({"name": "Alex Testerton", "born": "7/7/1971"}, 400, "bad-day"),
        ({"nhs_number": "9990000001"}, 400, "bad-nhs-number"),
        ({"record": "tenant-1"}, 400, "bad-record"),
        ({"nhsnumber": "9990000001"}, 422, "bad-question"),
        ({"name": ["Alex"], "born": "1971-07-07"}, 422, "bad-question"),
        ([], 422, "bad-question"),
    ],
    ids=str,
)
def test_a_search_that_cannot_be_made_says_why(served: Served, question: Any, status: int, code: str) -> None:
    answer = served.ask("practitioner", "POST", "/v1/people/search", json=question)
    assert (answer.status_code, code_of(answer)) == (status, code)


# ---- linkage by hand


def pages(served: Served, *persons: str) -> list[list[str]]:
    """The records on each person's page."""
    told = [served.get("practitioner", f"/v1/people/{person}") for person in persons]
    return [[record["record"].rpartition("/")[2] for record in each["records"]] for each in told]


def test_a_record_is_linked_and_returns_to_its_own_number(served: Served) -> None:
    anna, other = known(served, "anna", 30), known(served, "anna-too", 31)
    told = {"record": "housing:crm/tenant/anna-too", "person": anna, "reason": "seen together"}
    linked = Linked.model_validate(served.post("steward", "/v1/links", told))
    assert (linked.person, linked.left) == (anna, other)
    assert pages(served, anna) == [["anna", "anna-too"]]
    answer = served.ask("steward", "POST", "/v1/links", json=told)
    assert (answer.status_code, code_of(answer)) == (409, "already-linked")
    unlinked = served.post("steward", "/v1/unlinks", {"record": told["record"], "reason": "two people"})
    assert (unlinked["person"], unlinked["left"]) == (other, anna)
    assert pages(served, anna, other) == [["anna"], ["anna-too"]]
    answer = served.ask("steward", "POST", "/v1/unlinks", json={"record": told["record"], "reason": "again"})
    assert (answer.status_code, code_of(answer)) == (409, "not-linked")


def test_two_persons_are_merged_and_taken_apart_again(served: Served) -> None:
    ben, twin = known(served, "ben", 32), known(served, "ben-too", 33)
    pair = {"survivor": ben, "absorbed": twin, "reason": "registered-twice"}
    Paired.model_validate(served.post("steward", "/v1/merges", pair))
    assert pages(served, ben, twin) == [["ben", "ben-too"]] * 2
    assert served.get("steward", f"/v1/people/{twin}")["leads_to"] == ben
    answer = served.ask("steward", "POST", "/v1/merges", json=pair)
    assert (answer.status_code, code_of(answer)) == (409, "already-merged")
    served.post("steward", "/v1/unmerges", {**pair, "reason": "different-people"})
    assert pages(served, ben, twin) == [["ben"], ["ben-too"]]
    answer = served.ask("steward", "POST", "/v1/unmerges", json={**pair, "reason": "different-people"})
    assert (answer.status_code, code_of(answer)) == (409, "not-merged")
    answer = served.ask("steward", "POST", "/v1/merges", json={**pair, "reason": "her sister said so"})
    assert (answer.status_code, code_of(answer)) == (422, "unknown-reason")
    assert "registered-twice" in answer.json()["next_step"]


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ({"record": "housing:crm/tenant/nobody", "person": "0000-0000", "reason": "x"}, 404, "unknown-record"),
        ({"record": "housing:crm/tenant/cora", "person": "0000-0000", "reason": "x"}, 404, "unknown-person"),
        ({"record": "housing:crm/tenant/cora", "person": "0000-0001", "reason": "x"}, 400, "bad-person-number"),
        ({"record": "housing:crm/tenant/cora", "person": "0000-0000", "reason": ""}, 422, "bad-question"),
        ({"record": "housing:crm/tenant/cora", "person": "0000-0000"}, 422, "bad-question"),
    ],
    ids=str,
)
def test_a_link_that_cannot_be_made_says_why(served: Served, question: dict[str, str], status: int, code: str) -> None:
    known(served, "cora", 34)
    answer = served.ask("steward", "POST", "/v1/links", json=question)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_decision_names_who_made_it_and_why(served: Served) -> None:
    dora, other = known(served, "dora", 35), known(served, "dora-too", 36)
    assert dora != other
    question = {"record": "housing:crm/tenant/dora-too", "person": dora, "reason": "told by telephone"}
    position = served.post("steward", "/v1/links", question)["position"]
    (row,) = log_lines(served, start=position, limit=1)
    assert row["event"]["type"] == "hub.records-linked"
    assert (row["event"]["data"]["decided_by"], row["event"]["data"]["reason"]) == ("steward-1", "told by telephone")


# ---- the log and the register


def log_lines(served: Served, **parameters: Any) -> list[dict[str, Any]]:
    answer = served.ask("auditor", "GET", "/v1/log", params=parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [orjson.loads(line) for line in answer.text.splitlines()]


def test_the_log_is_read_line_by_line_from_any_position(served: Served) -> None:
    statements = [
        cloudevent(f"log-{n}", "aboutme.statement-shared", "tenant/log", {"topic": "hopes", "text": str(n)})
        for n in range(700)
    ]
    served.person_of("housing:crm/tenant/log", after=served.send(*statements)["position"])
    rows = log_lines(served)
    LogRow.model_validate(rows[-1])
    assert len(rows) == served.get("admin", "/v1/status")["events"]
    assert len({row["position"] for row in rows}) == len(rows)
    assert [row["known"] for row in rows] == sorted(row["known"] for row in rows)
    assert log_lines(served, start=rows[300]["position"], limit=400) == rows[300:700]
    assert log_lines(served, start=rows[-1]["position"]) == rows[-1:]


@pytest.mark.parametrize(
    ("start", "status", "code"), [("here", 400, "bad-position"), ("9-0:main-0:1", 409, "other-epoch")]
)
def test_a_log_is_not_read_from_a_place_that_it_does_not_have(
    served: Served, start: str, status: int, code: str
) -> None:
    answer = served.ask("auditor", "GET", "/v1/log", params={"start": start})
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_sources_agencies_and_status_say_how_it_goes(served: Served) -> None:
    known(served, "eve", 37)
    told = Sources.model_validate(served.get("admin", "/v1/sources"))
    by_name = {each.source: each for each in told.sources}
    assert by_name["housing/crm"].events > 0
    assert by_name["hospital/pas"].last_received is None
    agencies = Agencies.model_validate(served.get("admin", "/v1/agencies")).agencies
    assert [(each.name, each.may_send) for each in agencies] == [("housing", True), ("hospital", True)]
    status = Status.model_validate(served.get("admin", "/v1/status"))
    assert (status.ready, status.halted) == (True, [])
