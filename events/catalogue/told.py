"""What every payload from an agency may say: when it was true, who said it, and how they know."""

from events.catalogue.base import Payload
from events.catalogue.rules import Rule, names_fields
from events.catalogue.shapes import Actor, Coded, Doc, Effective, SaidBy
from events.catalogue.values import FieldPath, Key, Language, Maybe, Text


class Told(Payload):
    """A payload of an agency."""

    effective: Maybe[Effective] = None
    said_by: Maybe[SaidBy] = None
    coded: Maybe[dict[FieldPath, Coded]] = None
    recorded_by: Maybe[Actor] = None
    method: Maybe[Key] = None
    own_words: Maybe[Text] = None
    language: Maybe[Language] = None
    with_person_present: Maybe[bool] = None
    documents: Maybe[list[Doc]] = None
    note: Maybe[Text] = None

    @classmethod
    def all_rules(cls) -> tuple[Rule, ...]:
        return (*cls.rules, names_fields("coded", cls.json_names()))
