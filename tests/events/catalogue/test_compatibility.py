"""A published schema may grow, never shrink."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from events.catalogue import TYPES
from events.catalogue.compatibility import breaking_changes
from events.catalogue.schemas import schema_of

Change = Callable[[dict[str, Any]], object]


def after(change: Change, name: str = "appointment.booked") -> list[str]:
    """What breaks when a type's schema is changed so."""
    old = schema_of(TYPES[name])
    new = copy.deepcopy(old)
    change(new)
    return breaking_changes(old, new)


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"][name]
    return found


@pytest.mark.parametrize("name", TYPES)
def test_an_unchanged_schema_breaks_nothing(name: str) -> None:
    assert after(lambda schema: None, name) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda schema: schema["properties"].update(colour={"type": "string"}),
        lambda schema: field(schema, "mode")["enum"].append("letter"),
        lambda schema: schema.update(description="Told better."),
        lambda schema: schema.update({"x-title": "Meeting", "x-key-event": True, "x-sensitivity": "internal"}),
        lambda schema: field(schema, "location").pop("minLength"),
        lambda schema: field(schema, "location").update(type=["string", "integer"]),
        lambda schema: schema["required"].clear(),
        lambda schema: schema["$defs"]["Org"]["properties"].update(colour={"type": "string"}),
        lambda schema: schema["$defs"]["Org"]["anyOf"].append({"required": ["type"]}),
        lambda schema: schema["$defs"]["Org"].pop("anyOf"),
        lambda schema: schema.update(additionalProperties=True),
        lambda schema: schema.pop("anyOf", None),
        lambda schema: field(schema, "coded").pop("propertyNames"),
    ],
)
def test_what_widens_a_schema_breaks_nothing(change: Change) -> None:
    assert after(change) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda schema: schema["properties"].pop("location"), "location: the field is gone"),
        (lambda schema: schema["required"].append("service"), "service: the field is newly required"),
        (lambda schema: field(schema, "mode")["enum"].remove("home"), "mode: the closed list lost values"),
        (lambda schema: field(schema, "location").update(enum=["here"]), "location: the closed list lost values"),
        (lambda schema: field(schema, "location").update(const="here"), "location: the closed list lost values"),
        (lambda schema: field(schema, "location").update(type="integer"), "location: the type is narrower"),
        (lambda schema: field(schema, "location").update(minLength=2), "location: minLength rose"),
        (lambda schema: field(schema, "location").update(maxLength=2), "location: maxLength fell"),
        (lambda schema: field(schema, "location").update(pattern="^a"), "location: the pattern changed"),
        (
            lambda schema: schema["$defs"]["Coded"]["properties"].pop("display"),
            "adjustments_arranged[].display: the field is gone",
        ),
        (lambda schema: schema["$defs"]["Org"]["required"].append("name"), "service.name: the field is newly required"),
        (lambda schema: schema["$defs"]["Org"]["anyOf"].pop(), "service: a choice of before is gone"),
        (
            lambda schema: schema["$defs"]["Telecom"].update(anyOf=[{"required": ["system"]}]),
            "telecoms[]: a choice of before is gone",
        ),
        (lambda schema: schema.update(allOf=[{"required": ["service"]}]), "payload: a rule is new or stricter"),
        (
            lambda schema: field(schema, "coded")["propertyNames"].update(pattern="^x"),
            "coded (names): the pattern changed",
        ),
        (lambda schema: field(schema, "coded").update(additionalProperties=False), "coded.*: takes less than before"),
        (
            lambda schema: schema.update({"x-retention": "core"}),
            "x-retention: the retention class of a type never changes",
        ),
        (lambda schema: schema.update({"x-status": "draft"}), "x-status: a published type stays published"),
    ],
)
def test_what_narrows_a_schema_is_told_by_its_field(change: Change, told: str) -> None:
    name = "person.registered" if told.startswith("telecoms") else "appointment.booked"

    def changed(schema: dict[str, Any]) -> None:
        for shape in schema["$defs"].values():
            shape.setdefault("required", [])
        change(schema)

    assert told in after(changed, name)


def test_shapes_that_hold_themselves_are_compared_once() -> None:
    tree = {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"properties": {"left": {"$ref": "#/$defs/Tree"}}}}}
    assert breaking_changes(tree, tree) == []


def test_a_schema_that_closes_is_narrower() -> None:
    assert breaking_changes({"type": "object"}, {"type": "object", "additionalProperties": False}) == [
        "payload.*: takes less than before"
    ]
