"""Texts with columns in braces, and payloads made of them, compiled once for all rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Slots = list[Any]  # a row's values: first every column as it stands, then those that are read
Build = Callable[[Slots], Any]

# {{ and }} stand for braces.
_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*(?:\.(?:own|label))?)\}|[{}]")


def faults_of(text: str) -> list[str]:
    """What is wrong with the braces of a text."""
    lone = any(found[0] in ("{", "}") for found in _TOKEN.finditer(text))
    return [f"`{text}` has a brace that names no column; double it if a brace is meant"] if lone else []


def columns_of(value: Any) -> Iterator[str]:
    """Every column that a payload's value names, with its `.own` or `.label`."""
    if isinstance(value, str):
        yield from (found[1] for found in _TOKEN.finditer(value) if found[1])
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from columns_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from columns_of(each)


def whole_column(value: Any) -> str | None:
    """The column where the value is nothing but it: then it keeps its kind."""
    found = _TOKEN.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def text_builder(text: str, slot_of: Callable[[str], int]) -> Callable[[Slots], str | None]:
    """The text with its columns filled in; None where one of them is empty."""
    pattern, wanted = _compiled(text, slot_of)
    if not wanted:
        fixed = pattern % ()
        return lambda slots: fixed
    if len(wanted) == 1:
        only = wanted[0]
        return lambda slots: None if (value := slots[only]) is None else pattern % (_text(value),)

    def build(slots: Slots) -> str | None:
        values = [slots[slot] for slot in wanted]
        return None if None in values else pattern % tuple(map(_text, values))

    return build


def value_builder(value: Any, slot_of: Callable[[str], int]) -> tuple[Build | None, Any]:
    """How a payload's value is built, or (None, the value) where it is the same for every row."""
    if isinstance(value, str):
        return _leaf(value, slot_of)
    if isinstance(value, Mapping):
        return _object(value, slot_of)
    if isinstance(value, list | tuple):
        return _list(value, slot_of)
    return None, value


def object_builder(value: Mapping[str, Any], slot_of: Callable[[str], int]) -> Callable[[Slots], dict[str, Any]]:
    """A payload's object: fields whose columns are empty are left out, fixed ones stay."""
    fixed, plain, built = _parts(value, slot_of)

    def build(slots: Slots) -> dict[str, Any]:
        made = fixed.copy()
        for key, slot in plain:
            if (found := slots[slot]) is not None:
                made[key] = found
        for key, part in built:
            if (found := part(slots)) is not None:
                made[key] = found
        return made

    return build


def _leaf(text: str, slot_of: Callable[[str], int]) -> tuple[Build | None, Any]:
    column = whole_column(text)
    if column is not None:
        slot = slot_of(column)
        return (lambda slots: slots[slot]), None
    pattern, wanted = _compiled(text, slot_of)
    if not wanted:
        return None, pattern % ()

    def build(slots: Slots) -> str | None:
        values = [slots[each] for each in wanted]
        if all(each is None for each in values):
            return None
        return " ".join((pattern % tuple("" if each is None else _text(each) for each in values)).split())

    return build, None


def _object(value: Mapping[str, Any], slot_of: Callable[[str], int]) -> tuple[Build | None, Any]:
    """An inner object: left out whole where all of its columns are empty, whatever is fixed in it."""
    fixed, plain, built = _parts(value, slot_of)
    if not plain and not built:
        return None, fixed
    build_all = object_builder(value, slot_of)
    fewest = len(fixed)
    return (lambda slots: made if len(made := build_all(slots)) > fewest else None), None


def _list(value: Sequence[Any], slot_of: Callable[[str], int]) -> tuple[Build | None, Any]:
    parts = [value_builder(each, slot_of) for each in value]
    if all(build is None for build, _ in parts):
        return None, [fixed for _, fixed in parts]

    def build_list(slots: Slots) -> list[Any] | None:
        made = [fixed if build is None else build(slots) for build, fixed in parts]
        is_any = any(build is not None and each is not None for (build, _), each in zip(parts, made, strict=True))
        return [each for each in made if each is not None] if is_any else None

    return build_list, None


def _parts(
    value: Mapping[str, Any], slot_of: Callable[[str], int]
) -> tuple[dict[str, Any], list[tuple[str, int]], list[tuple[str, Build]]]:
    """Fields that are fixed, that are one column, and that have to be built."""
    fixed: dict[str, Any] = {}
    plain: list[tuple[str, int]] = []
    built: list[tuple[str, Build]] = []
    for key, each in value.items():
        column = whole_column(each)
        if column is not None:
            plain.append((key, slot_of(column)))
            continue
        build, same = value_builder(each, slot_of)
        if build is None:
            fixed[key] = same
        else:
            built.append((key, build))
    return fixed, plain, built


def _compiled(text: str, slot_of: Callable[[str], int]) -> tuple[str, tuple[int, ...]]:
    """The text as a %-pattern, and the slots that fill it."""
    wanted: list[int] = []

    def replaced(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        wanted.append(slot_of(found[1]))
        return "%s"

    # Percent signs are doubled first, so that only those put in here count.
    return _TOKEN.sub(replaced, text.replace("%", "%%")), tuple(wanted)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
