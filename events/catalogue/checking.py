"""Payloads are checked once, at the edge, and stored as they came: nothing is converted or filled in.

A type's validator is made from its pydantic model, with every object as a plain dict instead of an instance: nobody
wants the instances, and leaving them out is three times as fast (docs/events.md, "Speed").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, ValidationError, core_schema

from events.catalogue.base import Shape
from events.catalogue.faults import Fault, faults_of
from events.catalogue.registry import TYPES
from events.catalogue.rules import INCOMPLETE, Check
from events.errors import RejectedMessage

_CONFIG = CoreConfig(strict=True, hide_input_in_errors=True)
_FAULTS_TOLD = 20
_validators: dict[str, Callable[[Any], Any]] = {}


def check_payload(type_name: str, payload: Mapping[str, Any], *, partial: bool = False) -> None:
    """Parsed JSON fits the type; with `partial`, what is required may be missing.

    Raises RejectedMessage `unknown-type`, or `bad-payload` with all faults, by field path and never with values.
    Text without U+0000 and lone surrogates is the codec's promise.
    """
    validate = _validators.get(type_name) or _validator(type_name)
    try:
        validate(payload)
    except ValidationError as error:
        faults = faults_of(error)
        if partial:
            faults = [fault for fault in faults if fault.kind not in INCOMPLETE]
        if faults:
            raise _bad_payload(type_name, faults) from None  # the library's error carries the values


def check_retraction(payload: Mapping[str, Any]) -> None:
    """The payload of a withdrawal or void: nothing, or the fields of record.retracted.

    Raises RejectedMessage `bad-payload`.
    """
    if payload != {}:
        check_payload("record.retracted", payload)


def _bad_payload(type_name: str, faults: list[Fault]) -> RejectedMessage:
    told = faults[:_FAULTS_TOLD]
    more = f"; and {len(faults) - len(told)} more" if len(faults) > len(told) else ""
    return RejectedMessage(
        "bad-payload",
        f"the payload does not fit {type_name}: " + "; ".join(f"{fault.path} {fault.words}" for fault in told) + more,
        where=", ".join(dict.fromkeys(fault.path for fault in told)),
        next_step=f"The fields are listed in schemas/events/{type_name}/{TYPES[type_name].version}.json.",
    )


def _validator(type_name: str) -> Callable[[Any], Any]:
    payload = TYPES.get(type_name)
    if payload is None:
        raise RejectedMessage(
            "unknown-type",
            "no event type of this name is in the catalogue",
            where="type",
            next_step="docs/events.md lists the types; the name is exact, area.past-tense in lower case.",
        )
    validate = SchemaValidator(_dict_schema(payload), _CONFIG).validate_python
    return _validators.setdefault(type_name, validate)


def _dict_schema(model: type[Shape]) -> CoreSchema:
    """Core schema that accepts exactly what the model accepts, as plain dicts."""
    model.model_rebuild()
    schema: CoreSchema = _as_dicts(model.__pydantic_core_schema__)
    return schema


def _as_dicts(schema: Any) -> Any:
    """The schema with its models as typed dicts under their rules; every other part as it is."""
    if isinstance(schema, list):
        return [_as_dicts(each) for each in schema]
    if not isinstance(schema, dict) or schema.get("type") == "literal":
        return schema
    if schema.get("type") == "function-after" and schema["schema"].get("type") == "model":
        return _model_as_dict(schema["schema"], schema.get("ref"))
    return {key: each if key == "metadata" else _as_dicts(each) for key, each in schema.items()}


def _model_as_dict(schema: Mapping[str, Any], ref: str | None) -> CoreSchema:
    fields = {
        str(field.get("validation_alias", name)): _as_dict_field(field["schema"])
        for name, field in schema["schema"]["fields"].items()
    }
    model: type[Shape] = schema["cls"]
    checks = tuple(rule.check for rule in model.all_rules())
    as_dict = core_schema.typed_dict_schema(
        fields,
        extra_behavior="forbid",
        config=_CONFIG,  # a typed dict heeds no config but its own: without it texts would pass as numbers
        ref=None if checks else ref,
    )
    return core_schema.no_info_after_validator_function(_obeying(checks), as_dict, ref=ref) if checks else as_dict


def _as_dict_field(schema: Mapping[str, Any]) -> core_schema.TypedDictField:
    is_optional = schema["type"] == "default"
    return core_schema.typed_dict_field(
        _as_dicts(schema["schema"] if is_optional else schema), required=not is_optional
    )


def _obeying(checks: tuple[Check, ...]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def obey(given: dict[str, Any]) -> dict[str, Any]:
        for check in checks:
            check(given)
        return given

    return obey
