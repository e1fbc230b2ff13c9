"""One line in plain words for an event: "Referred to Home Support for reablement".

A type's template is text with fields in braces. `{to.name}` is a path into the payload, `{kind|document.title}` takes
the first that is there, `{kind?Care}` says "Care" where there is none, and `[ to {to}]` leaves the whole bracket out
unless its one field is there. A field missing elsewhere is left out; nothing in a payload makes a title fail.
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
_REMEMBERED = 1_000  # values of a field: keys are without number
_PART = re.compile(r"\[([^\]{]*)\{([^}]*)\}([^\]]*)\]|\{([^}]*)\}|([^\[{]+)")
# What stands for an object, the best first.
_SHOWN = ("display", "text", "code", "name", "title", "field")
_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$"}

_JOINTS = str.maketrans("-_./:", "     ")

Words = Mapping[str, str]
Part = Callable[[Mapping[str, Any]], str]
_templates: dict[str, Part] = {}


def title_of(type_name: str, payload: Mapping[str, Any]) -> str:
    """The title of an event, as the first version of its fact. The type's own name if it is unknown."""
    part = _templates.get(type_name) or _template(type_name)
    title = part(payload) or type_name
    return title[0].upper() + title[1:]


def wording_of_titles() -> int:
    """A number of 32 bits that changes with the words of any title: who stores titles makes them anew then."""
    told = [
        (name, cls.title, [(field, dict(words)) for field, words in cls.words.items()]) for name, cls in TYPES.items()
    ]
    return crc32(repr(told).encode())


def _template(type_name: str) -> Part:
    cls = TYPES.get(type_name)
    if cls is None:
        return lambda payload: type_name
    return _templates.setdefault(type_name, _whole(cls.title, cls))


def _whole(template: str, cls: type[Payload]) -> Part:
    parts: list[Part] = []
    shape = ""  # the fixed text, with %s for each part
    for before, optional, after, field, fixed in _PART.findall(template):
        if optional or field:
            parts.append(_part(optional or field, cls, before, after))
        shape += fixed.replace("%", "%%") or "%s"
    if not parts:
        return lambda payload: template
    return lambda payload: (shape % tuple([part(payload) for part in parts])).strip(" :,")


def _part(told: str, cls: type[Payload], before: str, after: str) -> Part:
    """What a field says, with the text of its bracket around it; empty where it says nothing."""
    names, _, default = told.partition("?")
    paths = [tuple(name.split(".")) for name in names.split("|")]
    readers = [(path, _words_of(cls, path)) for path in paths]
    if readers[1:] or paths[0][1:]:
        return lambda payload: next(
            (
                _around(value, words, before, after)
                for path, words in readers
                if (value := _at(payload, path)) is not None
            ),
            default,
        )
    [((name,), words)] = readers

    def part(payload: Mapping[str, Any]) -> str:
        value = payload.get(name)
        return default if value is None else _around(value, words, before, after)

    return part


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _around(value: Any, words: Words | None, before: str, after: str) -> str:
    said = _text(value, words)
    return f"{before}{said}{after}" if said else ""


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
    """The words chosen for some values; any other in its own words, which are remembered for many of them."""

    def __missing__(self, value: str) -> str:
        said = _shortened(" ".join(value[: LONGEST * 4].translate(_JOINTS).split()))
        if len(self) < _REMEMBERED:
            self[value] = said
        return said


_FIELD_NAMES = _PlainWords()


def _text(value: Any, words: Words | None) -> str:
    """A payload's value in words, shortened; empty where there is nothing to say."""
    if isinstance(value, str):
        return words[value] if words is not None else _shortened(" ".join(value[: LONGEST * 4].split()))
    if isinstance(value, dict):
        return _shortened(_object_text(value))
    if isinstance(value, list):
        said = ", ".join(filter(None, [_text(each, words) for each in value[:_LIST_LONGEST]]))
        return _shortened(said + (", …" if said and len(value) > _LIST_LONGEST else ""))
    if isinstance(value, bool):
        return _text("yes" if value else "no", words)
    return "" if value is None else _shortened(str(value))


def _shortened(said: str) -> str:
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
