"""contact.*, telling.*, document.*: what passed between the person and services. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Actor, Answer, Coded, Doc
from events.catalogue.told import Told
from events.catalogue.values import Count, EventId, FuzzyDate, Key, Maybe, Text


class ContactOccurred(Told):
    """A service and the person met, spoke or wrote, or tried to."""

    type = "contact.occurred"
    title = "{channel?Contact}[: {reason}][ ({outcome})]"
    words = wording(
        channel={
            "office": "office visit",
            "clinic": "clinic visit",
            "phone": "phone call",
            "video": "video call",
            "sms": "text message",
            "drop-in": "drop-in visit",
            "street": "contact on the street",
            "school": "contact at school",
            "ward": "contact on the ward",
            "other": "contact",
            "unknown": "contact",
        },
        outcome={"made": ""},
    )
    fhir = "UKCore-Encounter + UKCore-Communication"

    channel: Literal[
        "home-visit",
        "office",
        "clinic",
        "phone",
        "video",
        "sms",
        "email",
        "letter",
        "drop-in",
        "street",
        "school",
        "ward",
        "other",
        "unknown",
    ]
    direction: Maybe[Literal["to-person", "from-person", "about-person"]] = None
    outcome: Maybe[Literal["made", "no-reply", "left-message", "refused", "not-home", "wrong-details"]] = None
    participants: Maybe[list[Actor]] = None
    reason: Maybe[Coded] = None
    summary: Maybe[Text] = None
    seen_alone: Maybe[bool] = None
    minutes: Maybe[Count] = None


class QuestionAnswered(Told):
    """The person was asked, and what they said."""

    type = "telling.question-answered"
    title = "Asked[: {question_text}][ ({status})]"
    words = wording(status={"answered": ""})
    fhir = "QuestionnaireResponse.item / Observation"

    question_key: Key
    question_text: Text
    instrument: Maybe[Text] = None
    instrument_version: Maybe[Text] = None
    link_id: Maybe[Text] = None
    status: Literal["answered", "declined", "not-known", "not-asked", "not-applicable"]
    answers: Maybe[list[Answer]] = None
    valid_until: Maybe[FuzzyDate] = None
    may_be_reused: Maybe[bool] = None
    encounter: Maybe[EventId] = None


class AnswerReused(Told):
    """A service used an answer given earlier instead of asking again."""

    type = "telling.answer-reused"
    title = "Earlier answer used again[: {result}]"
    fhir = "Provenance (entity.role=source) on QuestionnaireResponse"

    question_key: Key
    source_event: EventId
    instrument: Maybe[Text] = None
    link_id: Maybe[Text] = None
    result: Literal["confirmed", "updated", "rejected", "shown-only"]
    saved_minutes: Maybe[Count] = None


class DocumentShared(Told):
    """A document about the person was written or passed on."""

    type = "document.shared"
    title = "Document[: {kind|document.title}]"
    fhir = "UKCore-DocumentReference"
    published = True

    document: Doc
    kind: Maybe[Coded] = None
    author: Maybe[Actor] = None
