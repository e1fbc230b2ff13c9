"""The OpenAPI document tells what the routes do: roles, questions, answers and problems."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from events.ids import is_nhs_number, parse_person_number, parse_record
from hub.access.door import ACTIONS
from hub.http.app import WAYS
from hub.http.openapi import document
from hub.http.ways import Way
from hub.schemas import OPENAPI, ROOT
from tests.hub.homes import registration
from tests.hub.http.serving import Served


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return document()


def operation(told: dict[str, Any], way: Way) -> dict[str, Any]:
    found: dict[str, Any] = told["paths"][way.path][way.method.lower()]
    return found


def named(way: Way) -> str:
    return f"{way.method} {way.path}"


def test_the_published_document_is_the_codes(told: dict[str, Any]) -> None:
    assert json.loads((ROOT / OPENAPI).read_text("utf-8")) == told


def test_it_has_the_routes_of_the_table_and_no_others(told: dict[str, Any]) -> None:
    there = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert there == {(way.method, way.path) for way in WAYS}


@pytest.mark.parametrize("way", WAYS, ids=named)
def test_a_route_says_what_it_does_for_whom_and_what_may_go_wrong(told: dict[str, Any], way: Way) -> None:
    said = operation(told, way)
    assert said["summary"]
    assert said["description"]
    assert set(said["x-roles"]) == (set(ACTIONS[way.action]) if way.action else set())
    assert said["security"] == ([{"token": []}] if way.action else [])
    assert ("401" in said["responses"]) == ("403" in said["responses"]) == bool(way.action)
    for status, response in said["responses"].items():
        if status != "200":
            assert list(response["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("way", [way for way in WAYS if way.example], ids=named)
def test_examples_are_as_the_schema_says_and_name_nobody_real(told: dict[str, Any], way: Way) -> None:
    content = operation(told, way)["requestBody"]["content"]
    example = next(each["example"] for each in content.values() if "example" in each)
    schema = next(each["schema"] for each in content.values() if "example" in each)
    Draft202012Validator({**schema, "components": told["components"]}).validate(example)
    if number := example.get("nhs_number", "").replace(" ", ""):
        assert is_nhs_number(number)
        assert number.startswith("999")
    for person in (example.get(name) for name in ("person", "survivor", "absorbed")):
        assert person is None or parse_person_number(person) == person
    if "record" in example:
        assert str(parse_record(example["record"])) == example["record"]


def test_every_reference_leads_somewhere(told: dict[str, Any]) -> None:
    text = json.dumps(told)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in told["components"]["schemas"]


def test_answers_are_as_the_document_says(told: dict[str, Any], served: Served) -> None:
    report = served.send(registration("api-1", "tenant/api", number="9991234543"))
    person = served.person_of("housing:crm/tenant/api", after=report["position"])
    fact = served.timeline_of(person)["entries"][0]["fact"]
    asked = {"receipt": report["receipt"], "person": person, "fact": fact}
    seen = 0
    for way in WAYS:
        if way.method != "GET" or way.answers is None or way.media_type != "application/json" or "number" in way.path:
            continue
        role = way.roles[-1]
        parameters = {"sender_id": "api-1"} if way.path == "/v1/receipts" else {}
        answer = served.ask(role, "GET", way.path.format(**asked), params=parameters)
        schema = operation(told, way)["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": told["components"]}).validate(answer.json())
        seen += 1
    assert seen >= 10
