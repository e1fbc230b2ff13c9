"""Payloads drawn from what a type says of its fields, for properties."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from events.catalogue.base import Shape
from events.catalogue.rules import exactly_one
from events.catalogue.values import DAY_OR_INSTANT, FIELD_PATH, FUZZY_DATE

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
ASCII = st.characters(min_codepoint=32, max_codepoint=126)
DATES = {
    FUZZY_DATE: ["1948", "1948-02", "1948-02-29", "2026-01-02T10:00:00Z", "2026-01-02T10:00:00.5+01:00"],
    DAY_OR_INSTANT: ["2026-01-02", "2026-01-02T10:00:00Z", "2026-01-02T10:00:00.123456789-05:30"],
}
PLAIN = st.recursive(
    TEXT | st.integers(-9, 9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)


@cache
def payloads(model: type[Shape]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects that fit the model, any of its optional fields there or not."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    drawn = {name: st.deferred(lambda field=field: _of_field(field)) for name, field in fields.items()}
    if exactly_one in model.rules:
        return st.sampled_from(sorted(drawn)).flatmap(lambda name: st.fixed_dictionaries({name: drawn[name]}))
    required = {name: drawn[name] for name, field in fields.items() if field.is_required()}
    optional = {name: drawn[name] for name in fields if name not in required}
    return st.fixed_dictionaries(required, optional=optional).filter(lambda payload: _is_obeyed(model, payload))


def _is_obeyed(model: type[Shape], payload: dict[str, Any]) -> bool:
    try:
        for rule in model.all_rules():
            rule.check(payload)
    except PydanticCustomError:
        return False
    return True


def _of_field(field: FieldInfo) -> st.SearchStrategy[Any]:
    return _of(field.annotation, field.metadata)


def _of(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        flat = [fact for each in more for fact in (each.metadata if isinstance(each, FieldInfo) else [each])]
        return _of(inner, [*flat, *metadata])
    if annotation is Any:
        return PLAIN
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if annotation is str:
        return _texts(metadata)
    if annotation is int:
        return st.integers(_bound(metadata, Ge, -9), _bound(metadata, Le, 9))
    if annotation is bool:
        return st.booleans()
    return _of_composed(annotation, metadata)


def _of_composed(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return payloads(annotation)
    parts = get_args(annotation)
    if get_origin(annotation) is list:
        few = _bound(metadata, MinLen, 0)
        return st.lists(_of(parts[0], []), min_size=few, max_size=min(_bound(metadata, MaxLen, few + 1), few + 1))
    if get_origin(annotation) is dict:
        # The keys of `coded` are names of fields, and every type of an agency has a note.
        names = st.just("note") if FIELD_PATH in str(parts[0]) else _of(parts[0], [])
        return st.dictionaries(names, _of(parts[1], []), max_size=1)
    # Only the upper end of a token range may be null, and payloads with another are filtered out.
    return st.one_of(*(st.none() if part is type(None) else _of(part, metadata) for part in _choices(parts, metadata)))


def _choices(parts: tuple[Any, ...], metadata: list[Any]) -> list[Any]:
    may_be_null = not any(type(each).__name__ == "_NeverNull" for each in metadata)
    return [part for part in parts if part is not type(None) or may_be_null]


def _texts(metadata: list[Any]) -> st.SearchStrategy[str]:
    for each in metadata:
        if isinstance(each, StringConstraints) and each.pattern:
            return _matching(str(each.pattern), each.max_length or 120)
    return TEXT


@cache
def _matching(pattern: str, longest: int) -> st.SearchStrategy[str]:
    if pattern in DATES:
        return st.sampled_from(DATES[pattern])
    return st.from_regex(pattern, fullmatch=True, alphabet=ASCII).filter(lambda text: len(text) <= longest)


def _bound(metadata: list[Any], kind: type[Any], otherwise: int) -> int:
    return next((int(getattr(each, each.__slots__[0])) for each in metadata if isinstance(each, kind)), otherwise)
