"""What every event type says of itself and what every payload may say of who said it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from events.catalogue.rules import Rule, rule_schema

Retention = Literal["core", "care", "health", "safeguarding", "housing", "education", "benefits", "consent"]
Sensitivity = Literal["internal", "confidential", "restricted", "special-category"]

# The class decides which key seals an event, so it follows from the type's family and never changes.
_RETENTION: Mapping[str, Retention] = {
    "person": "core",
    "circle": "core",
    "access": "core",
    "aboutme": "core",
    "record": "core",
    "feedback": "core",
    "health": "health",
    "risk": "safeguarding",
    "safeguarding": "safeguarding",
    "housing": "housing",
    "education": "education",
    "benefits": "benefits",
    "consent": "consent",
    "hub": "core",  # a link must not die before the record that it holds
}


def retention_of(type_name: str) -> Retention:
    """Retention class of a type, from its family; families not named are care."""
    return _RETENTION.get(type_name.partition(".")[0], "care")


Wording = Mapping[str, Mapping[str, str]]  # field -> value -> how a title says it; "" leaves it out


def wording(**fields: Mapping[str, str]) -> Wording:
    """How titles say the values of closed lists that do not read well as they are."""
    return MappingProxyType(fields)


class Shape(BaseModel):
    """A closed JSON object: fields not declared are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    rules: ClassVar[tuple[Rule, ...]] = ()  # what holds between fields

    @classmethod
    def all_rules(cls) -> tuple[Rule, ...]:
        """The rules of the class and those that follow from its fields."""
        return cls.rules

    @model_validator(mode="after")
    def _obey_rules(self) -> Shape:
        fields = type(self).model_fields
        given = {fields[name].alias or name: getattr(self, name) for name in self.model_fields_set}
        for rule in self.all_rules():
            rule.check(given)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        schema.update(rule_schema(" ".join((cls.__doc__ or "").split()), cls.all_rules()))
        return schema


class Payload(Shape):
    """The typed content of an event type."""

    # Built at first use: a command that needs no validator starts sooner.
    model_config = ConfigDict(defer_build=True)

    type: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str]  # see titles.py for the notation
    title_later: ClassVar[str | None] = None  # of a later version of the same fact; it names no field
    words: ClassVar[Wording] = wording()
    key_event: ClassVar[bool] = False
    retention: ClassVar[Retention]
    sensitivity: ClassVar[Sensitivity] = "confidential"
    fhir: ClassVar[str]
    published: ClassVar[bool] = False

    @classmethod
    def json_names(cls) -> tuple[str, ...]:
        """The payload's fields as they stand in JSON."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            cls.retention = retention_of(cls.type)
