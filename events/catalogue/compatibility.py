"""Whether a changed schema still takes every payload that the old one took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_LOWER_BOUNDS = ("minLength", "minimum", "minItems", "minProperties")
_UPPER_BOUNDS = ("maxLength", "maximum", "maxItems", "maxProperties")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Each way in which the new schema of a type and version is not the old one's equal or wider.

    Old and new are whole schemas, with `$defs`. What cannot be told, such as a changed pattern, counts as breaking.
    """
    faults = []
    if old.get("x-retention") != new.get("x-retention"):
        faults.append("x-retention: the retention class of a type never changes")
    if old.get("x-status") == "published" and new.get("x-status") != "published":
        faults.append("x-status: a published type stays published")
    return [*faults, *_Comparison(old, new).of(old, new, "")]


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old.get("$defs", {})
        self._new = new.get("$defs", {})
        self._open: set[tuple[str, str]] = set()  # pairs of shapes being compared: shapes may hold themselves

    def of(self, old: Any, new: Any, path: str) -> list[str]:
        """What is narrower in the new subschema."""
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair in self._open:
            return []
        opened = pair if "$ref" in old and "$ref" in new else None
        if opened:
            self._open.add(opened)
        found = list(self._narrowed(_resolve(old, self._old), _resolve(new, self._new), path))
        if opened:
            self._open.discard(opened)
        return found

    def _narrowed(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        where = path or "payload"
        yield from _narrower_values(old, new, where)
        old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
        prefix = f"{path}." if path else ""
        for name, field in old_fields.items():
            if name in new_fields:
                yield from self.of(field, new_fields[name], f"{prefix}{name}")
            elif new.get("additionalProperties") is False:
                yield f"{prefix}{name}: the field is gone"
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{prefix}{name}: the field is newly required"
        for keyword, suffix in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", " (names)")):
            yield from self._narrowed_part(old.get(keyword, True), new.get(keyword, True), where + suffix)
        yield from self._narrowed_choice(old, new, where)

    def _narrowed_part(self, old: Any, new: Any, path: str) -> Iterator[str]:
        if isinstance(old, dict) and isinstance(new, dict):
            yield from self.of(old, new, path)
        elif new is not True and old is not False and old != new:
            yield f"{path}: takes less than before"

    def _narrowed_choice(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        if "anyOf" in new:
            for way in old.get("anyOf", [old]):
                if not any(not self.of(way, branch, where) for branch in new["anyOf"]):
                    yield f"{where}: a choice of before is gone"
        for rule in new.get("allOf", ()):
            if not any(not self.of(before, rule, where) for before in (*old.get("allOf", ()), old)):
                yield f"{where}: a rule is new or stricter"


def _narrower_values(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if "type" in new and not _types(old) <= _types(new):
        yield f"{where}: the type is narrower"
    values = _values(new)
    if values is not None and not ((before := _values(old)) is not None and before <= values):
        yield f"{where}: the closed list lost values"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{where}: the pattern changed"
    for bound in _LOWER_BOUNDS:
        if bound in new and new[bound] > old.get(bound, float("-inf")):
            yield f"{where}: {bound} rose"
    for bound in _UPPER_BOUNDS:
        if bound in new and new[bound] < old.get(bound, float("inf")):
            yield f"{where}: {bound} fell"


def _types(schema: Schema) -> set[str]:
    types = schema.get("type", "anything")
    return {types} if isinstance(types, str) else set(types)


def _values(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _resolve(schema: Any, shapes: Mapping[str, Any]) -> Any:
    while "$ref" in schema:
        schema = shapes[schema["$ref"].removeprefix("#/$defs/")]
    return schema
