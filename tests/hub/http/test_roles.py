"""Every route stands behind the door: which role reaches it is said once, by the door's table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from events.clock import DrivenClock, SystemClock, from_us
from hub.access.door import ACTIONS, ROLES
from hub.access.tokens import Tokens
from hub.http.app import WAYS, bare_app
from hub.http.asking import DoorOf
from hub.http.ways import Way
from hub.schemas import ROOT
from tests.hub.homes import registration
from tests.hub.http.serving import Served, code_of

PAGE = ROOT / "docs/http.md"
OPEN_TO_ALL = {"/healthz", "/readyz"}
WORDS = {"agency": "housing", "system": "crm", "adapter": "cloudevents"}  # any other name stands for itself
HELD = [way for way in WAYS if way.action is not None]


def named(way: Way) -> str:
    return f"{way.method} {way.path}"


def address(way: Way) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: WORDS.get(found[1], found[1]), way.path)


def asked(served: Served, way: Way, header: dict[str, str]) -> httpx.Response:
    return served.client.request(way.method, address(way), headers=header)


def routes() -> Iterator[APIRoute]:
    for route in bare_app().routes:
        assert isinstance(route, APIRoute), f"{route} is no route of the table"
        yield route


def test_every_route_of_the_application_is_in_the_table() -> None:
    there = {(method, route.path) for route in routes() for method in route.methods or ()}
    assert there == {(way.method, way.path) for way in WAYS}


def test_every_route_but_health_asks_the_door_before_anything_else() -> None:
    by_path = {(way.method, way.path): way for way in WAYS}
    for route in routes():
        way = by_path[(*(route.methods or ()),)[0], route.path]
        doors = [each.call.action for each in route.dependant.dependencies if isinstance(each.call, DoorOf)]
        assert doors == ([] if route.path in OPEN_TO_ALL else [way.action]), route.path
        assert not route.dependant.body_params, "a body would be read before the door is asked"


@pytest.mark.parametrize("way", HELD, ids=named)
def test_without_a_good_token_nothing_is_reached(served: Served, tmp_path: Path, way: Way) -> None:
    two_days_ago = DrivenClock(from_us(SystemClock()()) - timedelta(days=2))
    old = Tokens(served.hub.home, two_days_ago).issue("somebody", "admin", "hub")
    foreign = Tokens(tmp_path, SystemClock()).issue("somebody", "admin", "hub")
    for token, code in ((None, "token-missing"), (old, "token-expired"), (foreign, "token-wrong")):
        answer = asked(served, way, {"Authorization": f"Bearer {token}"} if token else {})
        assert (answer.status_code, code_of(answer)) == (401, code)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("way", HELD, ids=named)
def test_a_role_reaches_what_the_doors_table_lets_it(served: Served, way: Way, role: str) -> None:
    assert way.action is not None
    answer = asked(served, way, served.bearer(role))
    if role in ACTIONS[way.action]:
        assert answer.status_code not in (401, 403, 405, 500), answer.text
    else:
        assert (answer.status_code, code_of(answer)) == (403, "not-permitted")


@pytest.mark.parametrize("way", [way for way in WAYS if way.action is None], ids=named)
def test_health_needs_no_token(served: Served, way: Way) -> None:
    assert way.path in OPEN_TO_ALL
    assert asked(served, way, {}).status_code == 200


def test_the_page_says_of_every_route_what_the_door_says() -> None:
    rows = [line.strip("| \n").split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    table = {cells[0].strip(" `"): [each.strip() for each in cells[2:]] for cells in rows if len(cells) > 3}
    assert table.keys() == {named(way) for way in WAYS}
    for way in WAYS:
        if way.action is None:
            assert table[named(way)] == ["no token"] * len(ROLES)
        else:
            assert [mark == "yes" for mark in (*table[named(way)], *[""] * 5)[: len(ROLES)]] == [
                role in ACTIONS[way.action] for role in ROLES
            ]


# ---- another agency's token


def test_an_adapter_sends_for_its_own_agency_only(served: Served) -> None:
    event = registration("other-1", "tenant/other", number="9991234543")
    answer = served.ask("adapter", "POST", "/v1/events", json=event, organisation="hospital")
    assert (answer.status_code, code_of(answer)) == (403, "other-agency")
    answer = served.ask("adapter", "POST", "/v1/intake/housing/crm/cloudevents", json=event, organisation="hospital")
    assert (answer.status_code, code_of(answer)) == (403, "other-agency")
    assert served.post("steward", "/v1/people/search", {"record": "housing:crm/tenant/other"}) == {"people": []}


def test_an_adapter_sees_its_own_agencys_receipts_and_quarantine_only(served: Served) -> None:
    report = served.send({**registration("own-1", "tenant/own", number="9991234543"), "type": "no.such-type"})
    assert report["quarantined"] == 1
    number = served.get("admin", "/v1/quarantine", agency="housing")["quarantine"][-1]["number"]
    for method, path in (
        ("GET", f"/v1/receipts/{report['receipt']}"),
        ("GET", f"/v1/quarantine/{number}"),
        ("POST", f"/v1/quarantine/{number}/retry"),
    ):
        assert served.ask("adapter", method, path).status_code == 200
        answer = served.ask("adapter", method, path, organisation="hospital")
        assert (answer.status_code, code_of(answer)) == (403, "other-agency")
    for path, asked, nothing in (
        ("/v1/quarantine", {}, "quarantine"),
        ("/v1/receipts", {"sender_id": "own-1"}, "messages"),
    ):
        answer = served.ask("adapter", "GET", path, organisation="hospital", params={"agency": "housing", **asked})
        assert answer.json() == {nothing: []}
