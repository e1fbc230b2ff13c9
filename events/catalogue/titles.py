"""One line in plain words for an event: "Referred to Home Support for reablement".

A type's template is text with fields in braces. `{to.name}` is a path into the payload, `{kind|document.title}` takes
the first that is there, `{kind?Care}` says "Care" where there is none, and `[ to {to}]` leaves the whole bracket out
unless all its fields are there. A field missing elsewhere is left out; nothing in a payload makes a title fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin
from zlib import crc32

from pydantic import StringConstraints

from events.catalogue.base import Payload
from events.catalogue.registry import TYPES
from events.catalogue.values import KEY

LONGEST = 80  # characters of one value
_LIST_LONGEST = 3
_PART = re.compile(r"\[([^\]]*)\]|\{([^}]*)\}|([^\[{]+)")
# What stands for an object, the best first.
_SHOWN = ("display", "text", "code", "name", "title", "field")
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}

_JOINTS = str.maketrans("-_./:", "     ")

Words = Mapping[str, str]
Part = Callable[[Mapping[str, Any]], str | None]  # None: a field is missing
_templates: dict[tuple[str, bool], Part] = {}


def title_of(type_name: str, payload: Mapping[str, Any], *, later: bool = False) -> str:
    """The title of an event; `later` for a later version of the same fact. The type's own name if it is unknown."""
    part = _templates.get((type_name, later)) or _template(type_name, later)
    title = part(payload) or type_name
    return title[0].upper() + title[1:]


def wording_of_titles() -> int:
    """A number of 32 bits that changes with the words of any title: who stores titles makes them anew then."""
    told = [
        (name, cls.title, cls.title_later, [(field, dict(words)) for field, words in cls.words.items()])
        for name, cls in TYPES.items()
    ]
    return crc32(repr(told).encode())


def _template(type_name: str, later: bool) -> Part:
    cls = TYPES.get(type_name)
    if cls is None:
        return lambda payload: type_name
    text = (cls.title_later if later else None) or cls.title
    return _templates.setdefault((type_name, later), _whole(text, cls))


def _whole(template: str, cls: type[Payload]) -> Part:
    parts = _parts(template, cls)
    if all(isinstance(part, str) for part in parts):
        fixed = template
        return lambda payload: fixed

    def whole(payload: Mapping[str, Any]) -> str:
        return "".join([part if isinstance(part, str) else part(payload) or "" for part in parts]).strip(" :,")

    return whole


def _parts(template: str, cls: type[Payload]) -> list[str | Part]:
    parts: list[str | Part] = []
    for bracket, field, fixed in _PART.findall(template):
        if bracket:
            parts.append(_optional(_parts(bracket, cls)))
        elif field:
            parts.append(_field(field, cls))
        else:
            parts.append(fixed)
    return parts


def _optional(parts: list[str | Part]) -> Part:
    def optional(payload: Mapping[str, Any]) -> str | None:
        told: list[str] = []
        for part in parts:
            text = part if isinstance(part, str) else part(payload)
            if not text:
                return None
            told.append(text)
        return "".join(told)

    return optional


def _field(field: str, cls: type[Payload]) -> Part:
    names, _, default = field.partition("?")
    paths = [tuple(name.split(".")) for name in names.split("|")]
    readers = [(path[0], path[1:], _words_of(cls, path)) for path in paths]

    def read(payload: Mapping[str, Any]) -> str | None:
        for first, rest, words in readers:
            value = payload.get(first)
            for step in rest:
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                return _text(value, words)
        return default or None

    return read


def _words_of(cls: type[Payload], path: tuple[str, ...]) -> Words | None:
    """How each value of a closed list, key or boolean is said; None for everything else."""
    field = next((each for name, each in cls.model_fields.items() if (each.alias or name) == path[0]), None)
    if field is None:
        raise LookupError(f"{cls.type}: its title names a field that it does not have: {path[0]}")
    chosen = cls.words.get(path[0])
    if chosen or any(_is_listed(each) for each in (field.annotation, *field.metadata)):
        return _PlainWords(chosen or {})
    return None


def _is_listed(annotation: Any) -> bool:
    """Whether values come from a closed list or are keys, alone or in a list."""
    if isinstance(annotation, StringConstraints):
        return annotation.pattern == KEY
    return get_origin(annotation) is Literal or any(_is_listed(each) for each in get_args(annotation))


class _PlainWords(dict[str, str]):
    """The words chosen for some values; any other in its own words."""

    def __missing__(self, value: str) -> str:
        return " ".join(value[: LONGEST * 4].translate(_JOINTS).split())


_FIELD_NAMES = _PlainWords()


def _text(value: Any, words: Words | None) -> str:
    """A payload's value in words, shortened; empty where there is nothing to say."""
    if isinstance(value, str):
        said = words[value] if words is not None else " ".join(value[: LONGEST * 4].split())
    elif isinstance(value, dict):
        said = _object_text(value)
    elif isinstance(value, list):
        said = ", ".join(filter(None, [_text(each, words) for each in value[:_LIST_LONGEST]]))
        said += ", …" if said and len(value) > _LIST_LONGEST else ""
    elif isinstance(value, bool):
        return _text("yes" if value else "no", words)
    else:
        said = "" if value is None else str(value)
    return said if len(said) <= LONGEST else said[: LONGEST - 1].rstrip() + "…"


def _object_text(value: dict[str, Any]) -> str:
    if "currency" in value:
        return _money_text(_text(value.get("value"), None), _text(value["currency"], None))
    if "value" in value:
        parts = (value.get("comparator"), value["value"], value.get("unit") or value.get("code"))
        return " ".join(filter(None, (_text(part, None) for part in parts)))
    for name in _SHOWN:
        if name in value:
            return _text(value[name], _FIELD_NAMES if name == "field" else None)
    return " to ".join(filter(None, (_text(each, None) for each in value.values())))


def _money_text(amount: str, currency: str) -> str:
    symbol = _SYMBOLS.get(currency)
    if symbol is None:
        return f"{amount} {currency}"
    return f"-{symbol}{amount[1:]}" if amount.startswith("-") else f"{symbol}{amount}"
