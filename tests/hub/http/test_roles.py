"""Every route stands behind the door: which role reaches it is said once, by the door's table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from inspect import signature
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
ALL_SOURCES = ["hospital/crm", "hospital/pas", "housing/crm", "housing/pas"]
Names = Mapping[str, str]
NOBODYS = {"agency": "nobody", "receipt": "R-0000000000", "number": "Q-9999", "sender_id": "never"}


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


@pytest.fixture
def housings(served: Served) -> Names:
    """What housing has: a message that waits in quarantine, and the names by which it can be asked for."""
    report = served.send({**registration("own-1", "tenant/own", number="9991234543"), "type": "no.such-type"})
    assert report["quarantined"] == 1
    number = served.get("admin", "/v1/quarantine", agency="housing")["quarantine"][-1]["number"]
    return {"agency": "housing", "receipt": report["receipt"], "number": number, "sender_id": "own-1"}


def as_told(served: Served, way: Way, organisation: str, names: Names) -> tuple[int, str]:
    """What an agency's adapter is answered, whatever names the route takes; without the names themselves."""
    taken = [name for name in signature(way.handler).parameters if name in names and f"{{{name}}}" not in way.path]
    sent = registration("sent", "tenant/sent", number="9991234543", agency=names["agency"])
    answer = served.ask(
        "adapter",
        way.method,
        way.path.format(system="crm", adapter="cloudevents", **names),
        organisation=organisation,
        params={name: names[name] for name in taken},
        json=sent if way.raw else None,
    )
    text = answer.text
    for name, value in names.items():
        text = text.replace(value, f"<{name}>")
    return answer.status_code, text


@pytest.mark.parametrize("way", [way for way in HELD if "adapter" in way.roles], ids=named)
def test_what_is_another_agencys_is_answered_as_what_is_not_there(served: Served, housings: Names, way: Way) -> None:
    assert as_told(served, way, "housing", housings)[0] == 200
    assert as_told(served, way, "hospital", housings) == as_told(served, way, "hospital", NOBODYS)


def test_sources_and_agencies_tell_an_adapter_of_its_own_and_the_others_of_all(served: Served, housings: Names) -> None:
    for role, organisation, sources, agencies in (
        ("adapter", "housing", ["housing/crm", "housing/pas"], ["housing"]),
        ("adapter", "hospital", ["hospital/crm", "hospital/pas"], ["hospital"]),
        ("adapter", "library", [], []),
        *((role, None, ALL_SOURCES, ["housing", "hospital"]) for role in ("steward", "auditor", "admin")),
    ):
        told = served.ask(role, "GET", "/v1/sources", organisation=organisation).json()["sources"]
        assert [each["source"] for each in told] == sources
        told = served.ask(role, "GET", "/v1/agencies", organisation=organisation).json()["agencies"]
        assert [each["name"] for each in told] == agencies


def test_an_adapter_that_asks_for_another_agencys_messages_gets_none(served: Served, housings: Names) -> None:
    for path, asked, nothing in (
        ("/v1/quarantine", {}, "quarantine"),
        ("/v1/receipts", {"sender_id": "own-1"}, "messages"),
    ):
        answer = served.ask("adapter", "GET", path, organisation="hospital", params={"agency": "housing", **asked})
        assert answer.json() == {nothing: []}
