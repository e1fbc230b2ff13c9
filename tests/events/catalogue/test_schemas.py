"""JSON Schemas judge as the hub does."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from events.catalogue import TYPES, check_payload, title_of
from events.catalogue.faults import faults_of
from events.catalogue.schemas import schema_of, schema_path
from events.errors import RejectedMessage
from tests.events.catalogue.drawn import payloads
from tests.events.catalogue.payloads import a_payload, faults

# What JSON Schema cannot say, so that the hub alone refuses it.
BEYOND_SCHEMAS = {"wrong-order", "unknown-field", "out-of-range", "bad-range", "not-plain"}


@cache
def judge(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(TYPES[name]))


def test_every_schema_is_a_schema() -> None:
    for name in TYPES:
        Draft202012Validator.check_schema(schema_of(TYPES[name]))


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_says_whose_it_is(name: str) -> None:
    payload, schema = TYPES[name], schema_of(TYPES[name])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:tellonce:schema:{name}:{payload.version}"
    assert schema["title"] == title_of(name, {})
    assert schema["description"]
    assert schema["x-key-event"] is payload.key_event
    assert schema["x-retention"] == payload.retention
    assert schema["x-sensitivity"] == payload.sensitivity
    assert schema["x-status"] == ("published" if payload.published else "draft")
    assert schema_path(payload) == f"schemas/events/{name}/{payload.version}.json"


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_takes_the_least_payload_and_no_strange_field(name: str) -> None:
    assert judge(name).is_valid(a_payload(name))
    assert not judge(name).is_valid(a_payload(name, colour="blue"))


@settings(suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_payload_drawn_from_a_types_fields_is_taken_by_all_three(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TYPES)))
    payload = data.draw(payloads(TYPES[name]))
    check_payload(name, payload)
    TYPES[name].model_validate(payload)
    judge(name).validate(payload)
    assert title_of(name, payload)


@settings(suppress_health_check=list(HealthCheck))
@given(st.data())
def test_hub_model_and_schema_agree_on_a_damaged_payload(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TYPES)))
    payload = damaged(data, data.draw(payloads(TYPES[name])))
    kinds = _kinds(name, payload)
    assert (faults(name, payload) == "") is (not kinds)
    if not kinds & BEYOND_SCHEMAS:
        assert judge(name).is_valid(payload) is (not kinds)


def damaged(data: st.DataObject, payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with one thing in it taken out, added or replaced."""
    payload = copy.deepcopy(payload)
    places = list(_places(payload))
    if not places or data.draw(st.booleans()):
        payload[data.draw(st.sampled_from(["colour", "note", "from_", "effective", "coded"]))] = data.draw(DAMAGE)
        return payload
    holder, key = data.draw(st.sampled_from(places))
    if data.draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = data.draw(DAMAGE)
    return payload


DAMAGE = st.sampled_from(
    [
        None,
        "",
        "x",
        "2023-02-29",
        "1.50",
        0,
        1,
        -1,
        2**60,
        1.5,
        True,
        [],
        [1],
        {},
        {"code": "1"},
        {"sex": {"code": "1"}},
    ]
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        own = [(value, key) for key in value]
    elif isinstance(value, list):
        own = [(value, index) for index in range(len(value))]
    else:
        return []
    return own + [place for holder, key in own for place in _places(holder[key])]


def _kinds(name: str, payload: dict[str, Any]) -> set[str]:
    try:
        TYPES[name].model_validate(payload)
    except ValidationError as error:
        return {fault.kind for fault in faults_of(error)}
    return set()


def test_the_hub_alone_sees_what_a_schema_cannot_say() -> None:
    ends_too_soon = {"effective": {"start": "2024", "end": "2023"}}
    assert judge("person.died").is_valid(ends_too_soon)
    with pytest.raises(RejectedMessage, match="end is before start"):
        check_payload("person.died", ends_too_soon)
