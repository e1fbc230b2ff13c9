"""The catalogue as a page to read: a table of all types, then the fields of each type and shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from events.catalogue.base import Payload
from events.catalogue.registry import TYPES
from events.catalogue.schemas import schema_of
from events.catalogue.told import Told
from events.catalogue.values import DECIMAL, PATTERN_WORDS, PERCENT

_SHARED = frozenset(Told.json_names())
_PLAIN = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}
_SHORT = {DECIMAL: "decimal as text", PERCENT: "decimal as text, 0 to 100"}


def reference() -> str:
    """Markdown, without a heading of its own."""
    schemas = {name: schema_of(payload) for name, payload in TYPES.items()}
    shapes: dict[str, Any] = {}
    for schema in schemas.values():
        shapes |= schema["$defs"]
    lines = ["## All types", "", *_table_of_types(), "", "## Shared by every type but hub.*", ""]
    registered = schemas["person.registered"]
    lines += _table_of_fields({**registered, "properties": _only(registered, shared=True)})
    for name, schema in schemas.items():
        fhir = ["", f"FHIR: {schema['x-fhir']}"] if schema["x-fhir"] != "—" else []
        lines += ["", f"## {name}", "", schema["description"], *fhir, ""]
        lines += _table_of_fields({**schema, "properties": _only(schema, shared=False)})
    lines += ["", "## Shapes"]
    for name, shape in sorted(shapes.items()):
        lines += ["", f"### {name}", "", shape["description"], ""]
        lines += _table_of_fields(shape) if "properties" in shape else []
    return "\n".join(lines).rstrip() + "\n"


def type_row(payload: type[Payload]) -> str:
    """A type's row in the table of types."""
    cells = (
        f"[{payload.type}](#{payload.type.replace('.', '')})",
        schema_title(payload),
        "yes" if payload.key_event else "",
        payload.retention,
        payload.sensitivity,
        f"{payload.version}",
        "published" if payload.published else "draft",
    )
    return f"| {' | '.join(cells)} |"


def schema_title(payload: type[Payload]) -> str:
    """The title's template as a table can hold it."""
    return f"`{payload.title}`".replace("|", "\\|")


def _table_of_types() -> Iterator[str]:
    yield "| type | title | key event | retention | sensitivity | version | status |"
    yield "|---|---|---|---|---|---|---|"
    for payload in TYPES.values():
        yield type_row(payload)


def _only(schema: Mapping[str, Any], *, shared: bool) -> dict[str, Any]:
    is_told = "effective" in schema["properties"]
    return {name: field for name, field in schema["properties"].items() if (is_told and name in _SHARED) is shared}


def _table_of_fields(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "| field | holds |"
    yield "|---|---|"
    for name, field in schema["properties"].items():
        star = "*" if name in schema.get("required", ()) else ""
        yield f"| {name}{star} | {_kind(field)} |"


def _kind(field: Mapping[str, Any]) -> str:
    """What a field holds, in a few words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return "one of " + ", ".join(field["enum"])
    if "anyOf" in field:
        return " or ".join(_kind(each) for each in field["anyOf"])
    if "pattern" in field:
        return _SHORT.get(field["pattern"]) or PATTERN_WORDS[field["pattern"]].removeprefix("must be ")
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}"
    if field.get("type") == "object":
        return f"object of {_kind(field['additionalProperties'])}, by name"
    return _PLAIN.get(str(field.get("type")), "any JSON without null and fractions")
