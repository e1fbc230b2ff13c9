"""Rules between the fields of one object, each with its JSON Schema where JSON Schema can say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import PydanticCustomError

# Kinds of fault that only say something is missing: forgiven where a payload is told in part.
INCOMPLETE = frozenset({"missing", "needs-one-of", "needs-one", "needs-unless"})


Check = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Raises PydanticCustomError where the given fields break it."""

    check: Check
    words: str  # "" where it goes without saying
    schema: Mapping[str, Any] | None = None  # None where JSON Schema cannot say it


def at_least_one(*names: str) -> Rule:
    """One of these fields, or several."""

    def check(given: Mapping[str, Any]) -> None:
        for name in names:
            if name in given:
                return
        raise PydanticCustomError("needs-one-of", "needs one of {names}", {"names": ", ".join(names)})

    return Rule(check, f"needs one of {', '.join(names)}", {"anyOf": [{"required": [name]} for name in names]})


def _only_one(given: Mapping[str, Any]) -> None:
    if not given:
        raise PydanticCustomError("needs-one", "needs exactly one of its fields")
    if len(given) > 1:
        raise PydanticCustomError("more-than-one", "may have only one of its fields")


exactly_one = Rule(_only_one, "needs exactly one of its fields", {"minProperties": 1, "maxProperties": 1})


def required_unless(name: str, other: str, value: str) -> Rule:
    """The field must be there unless another has this value."""

    def check(given: Mapping[str, Any]) -> None:
        if name not in given and given.get(other) != value:
            raise PydanticCustomError(
                "needs-unless",
                "needs {name} unless {other} is {value}",
                {"name": name, "other": other, "value": value},
            )

    unless = {"properties": {other: {"const": value}}, "required": [other]}
    return Rule(check, f"needs {name} unless {other} is {value}", {"anyOf": [{"required": [name]}, unless]})


def in_order(first: str, second: str) -> Rule:
    """The second fuzzy date is not before the first, as far as both are known."""

    def check(given: Mapping[str, Any]) -> None:
        if first in given and second in given and is_before(given[second], given[first]):
            raise PydanticCustomError("wrong-order", "{second} is before {first}", {"first": first, "second": second})

    return Rule(check, f"{second} is not before {first}")


def at_most(name: str, most: str) -> Rule:
    """The one number, from 1, is not above the other."""

    def check(given: Mapping[str, Any]) -> None:
        if not 1 <= given[name] <= given[most]:
            raise PydanticCustomError("out-of-range", "{name} is not within 1 and {most}", {"name": name, "most": most})

    return Rule(check, f"{name} is within 1 and {most}")


def names_fields(name: str, fields: Iterable[str]) -> Rule:
    """The keys of this object are names of the payload's fields, or paths that begin with one."""
    known = frozenset(fields)

    def check(given: Mapping[str, Any]) -> None:
        for key in given.get(name, ()):
            if key.partition(".")[0] not in known:
                raise PydanticCustomError("unknown-field", "{name} has a key that is no field's name", {"name": name})

    return Rule(check, "")


def is_before(one: str, other: str) -> bool:
    """Whether a fuzzy date lies before another, at the precision that both have.

    Two instants compare as instants, to the microsecond; all else by its local day, month or year.
    """
    if len(one) > 10 and len(other) > 10:
        return datetime.fromisoformat(one) < datetime.fromisoformat(other)
    shared = min(len(one), len(other), 10)
    return one[:shared] < other[:shared]


def rule_schema(description: str, rules: Sequence[Rule]) -> dict[str, Any]:
    """What a JSON Schema says of an object under these rules: in words, and in keywords as far as they go."""
    words = "; ".join(rule.words for rule in rules if rule.words)
    told = f"{description} Rules: {words}." if words else description
    schemas = [dict(rule.schema) for rule in rules if rule.schema]
    keywords = schemas[0] if len(schemas) == 1 else {"allOf": schemas} if schemas else {}
    return {"description": told, **keywords}
