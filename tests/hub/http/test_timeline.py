"""Timelines over HTTP: pages, moments, ranges, and reading what one has just written."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.errors import RejectedMessage
from hub.assembly import REGISTER
from hub.http.shapes.people import History, Timeline
from hub.reading import Reading, TimelineQuestion
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send
from tests.hub.http.serving import Served, code_of

HOPES = "aboutme.statement-shared"


def hopes(record: str, numbers: range, **more: Any) -> list[dict[str, Any]]:
    """Statements on different days, and some without any; two of a day."""
    return [
        cloudevent(
            f"{record}-{n}",
            HOPES,
            record,
            {
                "topic": "hopes",
                "text": str(n),
                **({"effective": {"start": f"2024-05-{n // 2 + 1:02d}"}} if n % 7 else {}),
            },
            fact=f"hopes/{n}",
            order="1",
            **more,
        )
        for n in numbers
    ]


@pytest.fixture(scope="module")
def person(served: Served) -> str:
    """Somebody with two records of two agencies and some forty facts."""
    number = nhs_number(7)
    served.send(registration("reg-1", "tenant/paged", number=number))
    served.send(*hopes("tenant/paged", range(20)))
    report = served.send(
        registration("reg-2", "patient/paged", number=number, agency="hospital"),
        *hopes("patient/paged", range(20), agency="hospital"),
    )
    return served.person_of("housing:crm/tenant/paged", after=report["position"])


def whole(served: Served, person: str, **parameters: Any) -> list[dict[str, Any]]:
    told = served.timeline_of(person, **parameters)
    assert told["next"] is None
    entries: list[dict[str, Any]] = told["entries"]
    return entries


def pages(served: Served, person: str, limit: int, **parameters: Any) -> list[list[dict[str, Any]]]:
    found = []
    cursor: dict[str, str] = {}
    while True:
        told = served.timeline_of(person, limit=limit, **parameters, **cursor)
        found.append(told["entries"])
        if told["next"] is None:
            return found
        cursor = {"cursor": told["next"]}


def test_a_timeline_holds_the_facts_of_all_the_persons_records(served: Served, person: str) -> None:
    told = served.get("practitioner", f"/v1/people/{person}/timeline")
    Timeline.model_validate(told)
    assert len(told["entries"]) == 42
    assert {entry["record"] for entry in told["entries"]} == {"housing:crm/tenant/paged", "hospital:crm/patient/paged"}


@pytest.mark.parametrize("order", ["oldest", "newest"])
@pytest.mark.parametrize("limit", [1, 3, 41, 42])
def test_the_pages_together_are_the_whole(served: Served, person: str, order: str, limit: int) -> None:
    found = pages(served, person, limit, order=order)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert [entry for page in found for entry in page] == whole(served, person, order=order)


def test_newest_first_is_the_exact_reverse(served: Served, person: str) -> None:
    assert whole(served, person, order="newest") == whole(served, person)[::-1]


def test_pages_of_a_choice_are_the_whole_choice(served: Served, person: str) -> None:
    choice = {"agency": "housing", "type": HOPES, "from": "2024-05-03", "to": "2024-05-08"}
    chosen = whole(served, person, **choice)
    assert [entry["name"] for entry in chosen] == [f"hopes/{n}" for n in range(4, 16) if n % 7]
    assert [entry for page in pages(served, person, 2, **choice) for entry in page] == chosen


def test_a_cursor_names_neither_record_nor_fact(served: Served, person: str) -> None:
    cursor = served.timeline_of(person, limit=3)["next"]
    told = base64.urlsafe_b64decode(cursor + "==")
    assert b"paged" not in told
    assert b"hopes" not in told
    assert b"tenant" not in told


def test_a_cursor_of_another_question_or_none_at_all_is_refused(served: Served, person: str) -> None:
    cursor = served.timeline_of(person, limit=3)["next"]
    path = f"/v1/people/{person}/timeline"
    answer = served.ask("practitioner", "GET", path, params={"cursor": cursor, "order": "newest"})
    assert (answer.status_code, code_of(answer)) == (409, "stale-cursor")
    for broken in ("x", "e30", cursor[:-8], "ümlaut"):
        answer = served.ask("practitioner", "GET", path, params={"cursor": broken})
        assert (answer.status_code, code_of(answer)) == (400, "bad-cursor")


@pytest.mark.parametrize(
    "other",
    [
        {"as_of": "just now"},
        {"type": HOPES},
        {"agency": "housing"},
        {"from": "2024-05-01"},
        {"to": "2024-05-30"},
        {"order": "newest"},
    ],
    ids=str,
)
def test_a_cursor_goes_on_with_its_own_question_alone(served: Served, person: str, other: dict[str, str]) -> None:
    path = f"/v1/people/{person}/timeline"
    other = {name: datetime.now(UTC).isoformat() if name == "as_of" else told for name, told in other.items()}
    for mine, theirs in (({}, other), (other, {})):
        cursor = served.timeline_of(person, limit=3, **mine)["next"]
        answer = served.ask("practitioner", "GET", path, params={"cursor": cursor, **theirs})
        assert (answer.status_code, code_of(answer)) == (409, "stale-cursor")
        assert served.timeline_of(person, cursor=cursor, limit=5, **mine)["entries"]


def test_a_cursor_of_one_person_hides_nothing_of_another(served: Served, person: str) -> None:
    report = served.send(*hopes("tenant/other-person", range(5)))
    other = served.person_of("housing:crm/tenant/other-person", after=report["position"])
    cursor = served.timeline_of(person, limit=3)["next"]
    answer = served.ask("practitioner", "GET", f"/v1/people/{other}/timeline", params={"cursor": cursor})
    assert (answer.status_code, code_of(answer)) == (409, "stale-cursor")
    assert "another question" in answer.json()["detail"]


def test_a_page_asked_for_by_nhs_number_goes_on_by_person_number_and_by_post(served: Served, person: str) -> None:
    first = served.post("practitioner", "/v1/timeline/search", {"nhs_number": nhs_number(7), "limit": 40})
    rest = served.timeline_of(person, cursor=first["next"])
    assert [*first["entries"], *rest["entries"]] == whole(served, person)


def test_a_cursor_tells_no_person_number(served: Served, person: str) -> None:
    told = base64.urlsafe_b64decode(served.timeline_of(person, limit=3)["next"] + "==").decode()
    assert person not in told
    assert person.replace("-", "") not in told


@pytest.mark.parametrize(
    ("question", "code", "hint"),
    [
        ({"type": "alergy"}, "unknown-type", "`health.allergy-recorded`"),
        ({"type": "health.alergy-recorded"}, "unknown-type", "`health.allergy-recorded`"),
        ({"type": "hub.person-opened"}, "unknown-type", "tellonce schemas"),
        ({"type": ""}, "unknown-type", "tellonce schemas"),
        ({"agency": "nobody"}, "agency-never-heard", "tellonce agencies"),
        ({"agency": "houssing"}, "agency-never-heard", "`housing`"),
        ({"agency": ""}, "agency-never-heard", "tellonce agencies"),
        ({"from": "2025-01-01", "to": "2024-01-01"}, "reversed-range", "`from` is its first day"),
    ],
    ids=str,
)
def test_a_filter_that_can_fit_nothing_is_refused_and_not_answered_with_an_empty_page(
    served: Served, person: str, question: dict[str, str], code: str, hint: str
) -> None:
    by_address = served.ask("practitioner", "GET", f"/v1/people/{person}/timeline", params=question)
    by_post = served.ask("practitioner", "POST", "/v1/timeline/search", json={"person": person, **question})
    for answer in (by_address, by_post):
        assert (answer.status_code, code_of(answer)) == (422, code)
        assert hint in answer.json()["next_step"]


@pytest.mark.parametrize("name", ["as_of", "from", "to", "cursor"])
def test_an_empty_parameter_is_not_taken_for_one_that_is_not_there(served: Served, person: str, name: str) -> None:
    assert served.ask("practitioner", "GET", f"/v1/people/{person}/timeline", params={name: ""}).status_code == 400


def test_a_filter_that_fits_nothing_today_but_could_is_an_empty_page(served: Served, person: str) -> None:
    for choice in ({"type": "health.allergy-recorded"}, {"from": "2031-01-01", "to": "2031-01-01"}):
        assert whole(served, person, **choice) == []


def test_a_family_of_types_is_all_its_types(served: Served, person: str) -> None:
    assert whole(served, person, type="aboutme") == whole(served, person, type=HOPES)
    assert whole(served, person, type="health") == []


def test_an_agency_that_left_the_register_can_still_be_asked_for(tmp_path: Path) -> None:
    with open_home(tmp_path) as hub:
        send(hub, *hopes("patient/left", range(1), agency="hospital"))
        reading = Reading(hub)
        (known,) = reading.find(STEWARD, record="hospital:crm/patient/left")["people"]
        (tmp_path / REGISTER).write_text("", "utf-8")
        for agency, fits in (("hospital", 1), ("housing", None)):
            question = TimelineQuestion(known["person"], agency=agency)
            if fits is not None:
                assert len(reading.timeline(STEWARD, question)["entries"]) == fits
            else:
                with pytest.raises(RejectedMessage, match="agency-never-heard"):
                    reading.timeline(STEWARD, question)


def test_as_of_shows_what_was_known_then(served: Served) -> None:
    flat, garden = (
        cloudevent(f"then-{order}", HOPES, "tenant/then", {"topic": "hopes", "text": text}, fact="h", order=order)
        for order, text in (("1", "a flat"), ("2", "a garden"))
    )
    person = served.person_of("housing:crm/tenant/then", after=served.send(flat)["position"])
    moment = datetime.now(UTC).isoformat()
    position = served.send(garden)["position"]
    now = served.timeline_of(person, min_position=position)
    assert [entry["payload"]["text"] for entry in now["entries"]] == ["a garden"]
    then = served.timeline_of(person, as_of=moment)
    assert [entry["payload"]["text"] for entry in then["entries"]] == ["a flat"]
    assert datetime.fromisoformat(then["as_of"]) == datetime.fromisoformat(moment)
    before = served.timeline_of(person, as_of="2020-01-01")
    assert (before["entries"], before["is_open"]) == ([], False)


def test_by_post_the_person_may_be_named_by_nhs_number(served: Served, person: str) -> None:
    number = nhs_number(7)
    told = served.post(
        "practitioner", "/v1/timeline/search", {"nhs_number": f"{number[:3]} {number[3:6]} {number[6:]}"}
    )
    assert told["person"] == person
    assert told["entries"] == whole(served, person)
    page = served.post(
        "practitioner", "/v1/timeline/search", {"person": person, "limit": 2, "order": "newest", "from": "2024-05-03"}
    )
    assert page["entries"] == whole(served, person, order="newest", **{"from": "2024-05-03"})[:2]


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ({}, 400, "whose-timeline"),
        ({"nhs_number": "123"}, 400, "bad-nhs-number"),
        ({"nhs_number": nhs_number(99)}, 404, "unknown-person"),
        ({"person": "0000-0001"}, 400, "bad-person-number"),
        ({"person": "0000-0000"}, 404, "unknown-person"),
        ({"nhs_number": 9990000000}, 422, "bad-question"),
        ({"nhs_number": nhs_number(7), "limit": 0}, 422, "bad-question"),
        ({"nhs_number": nhs_number(7), "order": "random"}, 422, "bad-question"),
        ({"nhs_number": nhs_number(7), "as_of": "soon"}, 400, "bad-moment"),
        ({"nhs_number": nhs_number(7), "as_of": "2999-01-01"}, 400, "as-of-in-future"),
        ({"nhs_number": nhs_number(7), "from": "2024-02-31"}, 400, "bad-day"),
        ({"nhs_number": nhs_number(7), "min_position": "here"}, 400, "bad-position"),
        ({"nhs_number": nhs_number(7), "min_position": "9-0:main-0:1"}, 409, "other-epoch"),
    ],
    ids=str,
)
def test_a_question_that_cannot_be_answered_says_why(
    served: Served, person: str, question: dict[str, Any], status: int, code: str
) -> None:
    answer = served.ask("practitioner", "POST", "/v1/timeline/search", json=question)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_position_that_the_log_has_not_reached_is_refused_at_once(served: Served, person: str) -> None:
    position = served.get("admin", "/v1/status")
    begun = time.monotonic()
    far = {"min_position": f"{position['epoch']}:main-0:{position['events'] + 5}"}
    answer = served.ask("practitioner", "GET", f"/v1/people/{person}/timeline", params=far)
    assert (answer.status_code, code_of(answer)) == (400, "bad-position")
    assert time.monotonic() - begun < 2


def test_many_at_once_each_read_what_they_have_just_written(served: Served) -> None:
    def write_and_read(writer: int) -> list[bool]:
        seen = []
        record = f"tenant/writer-{writer}"
        for turn in range(12):
            event = cloudevent(
                f"w{writer}-{turn}", HOPES, record, {"topic": "hopes", "text": str(turn)}, fact="h", order=str(turn)
            )
            position = served.send(event)["position"]
            person = served.person_of(f"housing:crm/{record}", after=position if not turn else None)
            told = served.timeline_of(person, min_position=position)
            seen.append(told["entries"][0]["payload"]["text"] == str(turn))
        return seen

    with ThreadPoolExecutor(12) as pool:
        assert all(all(seen) and len(seen) == 12 for seen in pool.map(write_and_read, range(12)))


def test_history_tells_everything_said_of_a_fact(served: Served) -> None:
    told = {"topic": "hopes", "text": "a flat"}
    versions = [
        cloudevent("hist-1", HOPES, "tenant/hist", told, fact="h", order="1"),
        cloudevent("hist-2", HOPES, "tenant/hist", {**told, "text": "a house"}, fact="h", order="2"),
        cloudevent("hist-3", HOPES, "tenant/hist", {}, fact="h", order="3", action="withdraw"),
        cloudevent("hist-4", HOPES, "tenant/hist", {**told, "text": "both"}, fact="h", order="4"),
    ]
    person = served.person_of("housing:crm/tenant/hist", after=served.send(*versions)["position"])
    (entry,) = served.timeline_of(person)["entries"]
    history = served.get("practitioner", f"/v1/history/{entry['fact']}")
    History.model_validate(history)
    assert [each["action"] for each in history["versions"]] == ["assert", "assert", "withdraw", "assert"]
    assert [bool(each["stood"]) and each["stood"][-1][1] is None for each in history["versions"]][-1]
    assert (history["name"], history["record"], history["person"]) == ("h", "housing:crm/tenant/hist", person)


@pytest.mark.parametrize(
    ("fact", "status", "code"), [("x", 400, "bad-fact-reference"), ("A" * 43, 404, "unknown-fact")]
)
def test_a_fact_that_is_none_has_no_history(served: Served, fact: str, status: int, code: str) -> None:
    answer = served.ask("practitioner", "GET", f"/v1/history/{fact}")
    assert (answer.status_code, code_of(answer)) == (status, code)
