"""The catalogue as JSON Schemas (draft 2020-12), one a type and version.

What JSON Schema cannot say stands in no schema: an end before its start, a key of `coded` that is no field. All else
is judged alike by the schema and by the hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from events.catalogue.base import Payload
from events.catalogue.registry import TYPES
from events.catalogue.titles import title_of
from events.catalogue.values import DAY_OR_INSTANT, FUZZY_DATE
from events.envelope import schema_urn

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Long patterns get a name, so that a schema can be read.
_NAMED = {
    FUZZY_DATE: ("FuzzyDate", "A real date: YYYY, YYYY-MM, YYYY-MM-DD or an RFC 3339 instant with offset."),
    DAY_OR_INSTANT: ("DayOrInstant", "A real date, YYYY-MM-DD, or an RFC 3339 instant with offset."),
}


class _Generator(GenerateJsonSchema):
    """Leaves out what says nothing: titles made of field names, and null as the default of what may be absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        # The library's own form, patternProperties alone, would let every other key through.
        names = self.generate_inner(schema["keys_schema"])
        values = self.generate_inner(schema["values_schema"])
        return {"type": "object", "propertyNames": names, "additionalProperties": values}


@cache
def schema_of(payload: type[Payload]) -> dict[str, Any]:
    """The JSON Schema of a type's payload; the same object every time, so copy it before changing it."""
    generated = payload.model_json_schema(by_alias=True, schema_generator=_Generator)
    shapes = generated.pop("$defs", {})
    for shape in shapes.values():
        shape.pop("title", None)
    named: dict[str, Any] = {}
    body = _name_patterns({key: value for key, value in generated.items() if key != "title"}, named)
    shapes = _name_patterns(shapes, named)
    return {
        "$schema": DIALECT,
        "$id": schema_urn(payload.type, payload.version),
        "title": title_of(payload.type, {}),
        **body,
        "x-type": payload.type,
        "x-version": payload.version,
        "x-status": "published" if payload.published else "draft",
        "x-title": payload.title,
        "x-key-event": payload.key_event,
        "x-retention": payload.retention,
        "x-sensitivity": payload.sensitivity,
        "x-fhir": payload.fhir,
        "$defs": dict(sorted({**shapes, **named}.items())),
    }


def _name_patterns(schema: Any, named: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_name_patterns(each, named) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if (pattern := schema.get("pattern")) in _NAMED:
        name, description = _NAMED[pattern]
        named[name] = {"type": "string", "pattern": pattern, "description": description}
        return {"$ref": f"#/$defs/{name}"}
    return {key: _name_patterns(each, named) for key, each in schema.items()}


def schema_path(payload: type[Payload]) -> str:
    """Where a type's schema lies below the repository's root."""
    return f"schemas/events/{payload.type}/{payload.version}.json"


def event_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and schema of every type."""
    for payload in TYPES.values():
        yield schema_path(payload), schema_of(payload)
