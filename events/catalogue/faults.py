"""A validator's complaints in plain words: which field, and what is wrong with it. Never what stood there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import ErrorDetails, ValidationError

from events.catalogue.values import PATTERN_WORDS

# A key of a stranger's object is repeated only if it reads like a field's name: it may hold anything.
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field here",
    "string_type": "must be text",
    "string_too_short": "is empty: leave the field out",
    "string_too_long": "is too long",
    "string_unicode": "is not text in UTF-8",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "list_type": "must be a list",
    "too_short": "has too few entries",
    "too_long": "has too many entries",
    "dict_type": "must be an object",
}


class Fault(NamedTuple):
    """What is wrong with one field."""

    path: str
    kind: str
    words: str


def faults_of(error: ValidationError) -> list[Fault]:
    """Every fault the validator found, in the payload's own terms."""
    return [_fault(each) for each in error.errors(include_url=False)]


def _fault(details: ErrorDetails) -> Fault:
    kind, context = details["type"], details.get("ctx", {})
    if details["input"] is None:
        return Fault(_path(details["loc"]), "null", "is null: leave the field out")
    if isinstance(details["input"], float) and kind != "missing":
        return Fault(_path(details["loc"]), "float", "is a fraction: send decimals as text")
    return Fault(_path(details["loc"]), kind, _words(kind, context, details["msg"]))


def _words(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind == "literal_error":
        return f"must be one of {context['expected']}"
    if kind == "string_pattern_mismatch":
        return PATTERN_WORDS.get(str(context["pattern"]), "has the wrong form")
    if "-" in kind:  # the catalogue's own rules, whose messages name fields only
        return message
    return _WORDS.get(kind, f"is not allowed ({kind})")


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]":
            path += " (its name)"
        else:
            path += ("." if path else "") + (step if _FIELD_NAME.fullmatch(step) else "(a name that is no field's)")
    return path or "payload"
