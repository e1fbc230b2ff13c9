"""What goes wrong is told as a problem: with a code, where and what to do, and never with what was sent."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.errors import HubError, Refused, RejectedMessage, TryAgainLater, WrongSettings
from hub.http.app import WAYS
from hub.http.openapi import document
from hub.http.problems import RETRY_AFTER_S, STATUS, status_of
from hub.http.shapes.running import Problem
from hub.http.ways import Way
from hub.logs import configure_logs
from hub.schemas import ROOT
from tests.hub.homes import cloudevent
from tests.hub.http.serving import Served, code_of
from tests.small_disk import mounted

MARK = "Quixotewitz"
SEARCH = "/v1/people/search"


def test_an_address_that_no_route_has(served: Served) -> None:
    answer = served.ask("practitioner", "GET", f"/v1/persons/{MARK}")
    assert (answer.status_code, code_of(answer)) == (404, "no-such-route")
    assert MARK not in answer.text


def test_a_method_that_a_route_does_not_have(served: Served) -> None:
    answer = served.ask("practitioner", "DELETE", SEARCH)
    assert (answer.status_code, code_of(answer)) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"  # a person's number might stand there
    assert served.ask("practitioner", "POST", "/v1/status").headers["allow"] == "GET"


def test_a_slash_too_many_is_no_route_and_leads_nowhere(served: Served) -> None:
    assert code_of(served.ask("practitioner", "POST", f"{SEARCH}/", json={})) == "no-such-route"


@pytest.mark.parametrize(
    "question",
    [
        {MARK: "x"},
        {"name": 7, "born": [MARK]},
        {"nhs_number": {"value": MARK}},
        {"nhs_number": MARK},
        {"record": MARK},
        {"name": MARK, "born": MARK},
        {"name": MARK * 100, "born": "1980-01-01"},
        MARK,
        [MARK],
    ],
    ids=str,
)
def test_a_bad_question_is_told_field_by_field_without_what_was_sent(served: Served, question: Any) -> None:
    answer = served.ask("practitioner", "POST", SEARCH, json=question)
    assert answer.status_code in (400, 422)
    Problem.model_validate(answer.json())
    assert MARK not in answer.text
    if code_of(answer) == "bad-question":
        assert answer.json()["errors"]


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/people/{MARK}",
        f"/v1/people/{MARK}/timeline",
        f"/v1/people/0000-0000/timeline?as_of={MARK}",
        f"/v1/people/0000-0000/timeline?from={MARK}",
        f"/v1/people/0000-0000/timeline?limit={MARK}",
        f"/v1/people/0000-0000/timeline?order={MARK}",
        f"/v1/people/0000-0000/timeline?cursor={MARK}",
        f"/v1/people/0000-0000/timeline?min_position={MARK}",
        f"/v1/history/{MARK}",
    ],
)
def test_no_answer_repeats_what_stood_in_the_address(served: Served, path: str) -> None:
    answer = served.ask("practitioner", "GET", path)
    assert answer.status_code >= 400
    assert MARK not in answer.text
    assert code_of(answer)


def operation_of(way: Way) -> dict[str, Any]:
    operation: dict[str, Any] = document()["paths"][way.path][way.method.lower()]
    return operation


def asked_of(served: Served, way: Way, **more: Any) -> httpx.Response:
    """A route asked by somebody who may, of nobody and nothing in particular."""
    path = re.sub(r"\{\w+\}", "0", way.path).replace("/v1/intake/0/", "/v1/intake/housing/")
    return served.ask(way.roles[0], way.method, path, **more)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.path}")
def test_no_route_passes_over_a_parameter_that_it_does_not_have(served: Served, way: Way) -> None:
    answer = asked_of(served, way, params={"asof": "2025-01-01", MARK: MARK})
    assert (answer.status_code, code_of(answer)) == (422, "bad-question")
    assert answer.json()["errors"][0]["where"] == "query.asof"
    assert len(answer.json()["errors"]) == 2
    assert MARK not in answer.text


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.path}")
def test_a_parameter_that_is_given_twice_is_refused(served: Served, way: Way) -> None:
    known = [each["name"] for each in operation_of(way).get("parameters", ()) if each["in"] == "query"]
    for name in [each for each in known if "{" not in each]:
        answer = asked_of(served, way, params=[(name, "1"), (name, "2")])
        assert (answer.status_code, code_of(answer)) == (422, "bad-question")
        assert answer.json()["where"] == f"query.{name}"
        assert "more than once" in answer.json()["detail"]


def test_whoever_may_not_ask_does_not_hear_what_could_be_asked(served: Served) -> None:
    answer = served.client.get("/v1/people/0000-0000/timeline?asof=2025-01-01")
    assert (answer.status_code, code_of(answer)) == (401, "token-missing")
    assert "as_of" not in answer.text


def test_a_refusal_says_which_parameters_there_are(served: Served) -> None:
    told = served.ask("practitioner", "GET", "/v1/people/0000-0000/timeline?asof=2025-01-01").json()
    assert "as_of, from, to, agency, type, cursor, limit, order, min_position" in told["next_step"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "bad-json"),
        (b"\xff", "bad-json"),
        (b'{"record": "a", "record": "b"}', "duplicate-key"),
        (b"[" * 3_000, "too-deep"),
        (b'{"name": NaN}', "bad-json"),
    ],
    ids=["cut short", "no UTF-8", "doubled key", "depth bomb", "NaN"],
)
def test_a_body_that_is_no_json_is_refused(served: Served, body: bytes, code: str) -> None:
    answer = served.ask("practitioner", "POST", SEARCH, content=body)
    assert (answer.status_code, code_of(answer)) == (400, code)


def test_a_question_that_is_too_long_is_refused(served: Served) -> None:
    for content in (b"x" * 70_000, iter([b"x" * 70_000])):
        answer = served.ask("practitioner", "POST", SEARCH, content=content)
        assert (answer.status_code, code_of(answer)) == (413, "body-too-large")


def test_a_body_that_stops_coming_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.http.asking.PART_TIMEOUT_S", 0.2)
    bearer = served.bearer("practitioner")["Authorization"]
    head = f"POST {SEARCH} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: 100\r\n\r\n"
    answer = served.ask_raw(head.encode() + b"{")
    assert (answer.status_code, code_of(answer)) == (408, "body-too-slow")
    assert answer.headers["connection"] == "close"


def test_a_request_that_cannot_be_read_at_all_is_answered(served: Served) -> None:
    assert served.ask_raw(b"NONSENSE\r\n\r\n").status_code == 400


def test_a_fault_of_the_hubs_settings_is_the_hubs(served: Served) -> None:
    answer = served.ask("adapter", "POST", "/v1/intake/housing/crm/csv_mapping", content=b"a,b\n1,2\n")
    assert (answer.status_code, code_of(answer)) == (500, "no-mapping")


def test_every_answer_has_an_id_of_its_own_and_is_not_to_be_kept(served: Served) -> None:
    answers = [served.client.get("/healthz"), served.ask("admin", "GET", "/v1/status"), served.client.get("/nowhere")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers.get("server") for answer in answers} == {None}


# ---- the hub's own faults


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the hub logs meanwhile."""
    stream = io.StringIO()
    configure_logs(stream=stream, as_json=True)
    yield stream
    configure_logs(level="error", stream=io.StringIO())


def test_a_bug_is_owned_up_to_with_a_reference_and_no_value(
    served: Served, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise KeyError(MARK)

    monkeypatch.setattr(served.hub.receipts, "receipt", stumble)
    answer = served.ask("admin", "GET", f"/v1/receipts/{MARK}")
    assert (answer.status_code, code_of(answer)) == (500, "internal-error")
    assert MARK not in answer.text
    (line,) = [json.loads(each) for each in logged.getvalue().splitlines() if "request_failed" in each]
    assert (line["reference"], line["error"]) == (answer.json()["reference"], "KeyError")
    assert (line["route"], line["request_id"]) == ("/v1/receipts/{receipt}", answer.headers["x-request-id"])
    assert any("hub/services.py" in place for place in line["trace"])
    assert MARK not in logged.getvalue()
    monkeypatch.undo()
    assert code_of(served.ask("admin", "GET", "/v1/receipts/R-0000000000")) == "unknown-receipt"


def test_an_answer_that_cannot_be_finished_is_broken_off(
    served: Served, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> Iterator[dict[str, Any]]:
        yield from ({"position": "1"} for _ in range(300))
        raise KeyError(MARK)

    monkeypatch.setattr("hub.services.Services.read_log", stumble)
    with pytest.raises(httpx.RemoteProtocolError):
        served.ask("auditor", "GET", "/v1/log")
    assert "request_failed" in logged.getvalue()
    assert MARK not in logged.getvalue()


def test_what_passes_is_told_with_when_to_try_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_full(*_: object, **__: object) -> None:
        raise TryAgainLater("disk-full", "the disk took no more", where="log.sqlite", next_step="Make room.")

    monkeypatch.setattr(served.hub.intake, "submit", too_full)
    event = cloudevent("full-1", "aboutme.statement-shared", "tenant/full", {"topic": "hopes", "text": "x"})
    answer = served.ask("adapter", "POST", "/v1/events", json=event)
    assert (answer.status_code, code_of(answer)) == (503, "disk-full")
    assert answer.headers["retry-after"] == str(RETRY_AFTER_S)


@pytest.mark.parametrize(
    ("result", "status", "code"),
    [
        (sqlite3.SQLITE_FULL, 503, "disk-full"),
        (sqlite3.SQLITE_IOERR_SHMSIZE, 503, "disk-full"),
        (sqlite3.SQLITE_IOERR_READ, 503, "disk-error"),
        (sqlite3.SQLITE_ERROR, 500, "internal-error"),
    ],
)
def test_what_the_disk_is_to_blame_for_is_no_bug(
    served: Served, monkeypatch: pytest.MonkeyPatch, result: int, status: int, code: str
) -> None:
    def failing(*_: object) -> None:
        fault = sqlite3.OperationalError(MARK)
        fault.sqlite_errorcode = result
        raise fault

    monkeypatch.setattr(served.hub.store, "snapshot", failing)
    answer = served.ask("practitioner", "GET", "/v1/people/0000-0000/timeline")
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert MARK not in answer.text


def test_a_full_disk_refuses_clearly_and_the_next_good_message_lands(tmp_path: Path) -> None:
    event = cloudevent("disk-0", "aboutme.statement-shared", "tenant/disk", {"topic": "hopes", "text": "x"})
    long = json.dumps(
        [{**event, "id": f"long-{n}", "data": {"topic": "hopes", "text": "y" * 900}} for n in range(3_000)]
    )
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, 24) as disk, Served(folder / "home") as served:
        assert served.send(event)["events"] == 1
        disk.fill(but_bytes=1 << 20)
        for content in (long, "[" + " " * (3 << 20) + "]"):
            answer = served.ask("adapter", "POST", "/v1/intake/housing/crm/cloudevents", content=content)
            assert (answer.status_code, code_of(answer)) == (503, "disk-full"), answer.text
        disk.empty()
        assert served.send({**event, "id": "disk-1", "data": {"topic": "hopes", "text": "z"}})["events"] == 1


# ---- the table of codes


def test_an_error_without_a_status_of_its_own_has_that_of_its_kind() -> None:
    kinds: dict[type[HubError], int] = {RejectedMessage: 400, Refused: 409, TryAgainLater: 503, WrongSettings: 500}
    for kind, status in kinds.items():
        assert status_of(kind("some-code", "something")) == status


def test_every_code_with_a_status_or_a_route_is_one_that_the_code_raises() -> None:
    sources = [
        path.read_text("utf-8")
        for folder in ("events", "adapters", "hub", "projections")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in ("problems.py", "openapi.py")
    ]
    ways = re.compile(r"codes=\([^)]*\)|_[A-Z_]*CODES = \([^)]*\)", re.DOTALL)
    raised = "\n".join(ways.sub("", source) for source in sources)
    said_here = {"no-such-route", "method-not-allowed", "bad-question"}
    codes = {*STATUS, *(code for way in WAYS for code in way.codes)} - said_here
    assert {code for code in codes if f'"{code}"' not in raised} == set()
