"""record.*, feedback.*: notes about what is told, and why something no longer stands."""

from typing import Annotated, Literal

from pydantic import Field

from events.catalogue.shapes import FieldChange, Org, SaidBy
from events.catalogue.told import Told
from events.catalogue.values import Count, EventId, Maybe, Text


class RecordCorrected(Told):
    """A note beside a version: what was wrong in it. What stands changes only by a new assertion."""

    type = "record.corrected"
    title = "Correction noted[: {changes}]"
    fhir = "new resource version + Provenance (activity UPDATE)"
    published = True

    corrects: EventId
    changes: Annotated[list[FieldChange], Field(min_length=1)]
    reason: Text
    requested_by: Maybe[SaidBy] = None


class RecordRetracted(Told):
    """Why a fact ends or a version is void: the payload of a withdrawal or void."""

    type = "record.retracted"
    title = "Withdrawn[: {reason}]"
    fhir = "status entered-in-error + Provenance"
    published = True

    retracts: Maybe[EventId] = None
    reason: Literal["entered-in-error", "wrong-person", "duplicate", "unlawful", "person-request", "superseded"]
    detail: Maybe[Text] = None
    replaced_by: Maybe[EventId] = None


class RecordDisputed(Told):
    """A note beside a version: somebody says that it is wrong (UK GDPR, article 16)."""

    type = "record.disputed"
    title = "Disputed[: {outcome}]"
    key_event = True
    fhir = "Annotation / Provenance; UK GDPR article 16"

    disputes: EventId
    statement: Text
    outcome: Maybe[Literal["open", "corrected", "annotated", "upheld"]] = None


class FeedbackGiven(Told):
    """What the person thought of a service, and whether they had to tell their story again."""

    type = "feedback.given"
    title = "Feedback given[: {service}]"
    fhir = "QuestionnaireResponse / Communication"

    about: Maybe[EventId] = None
    service: Maybe[Org] = None
    rating: Maybe[Count] = None
    text: Maybe[Text] = None
    had_to_repeat: Maybe[bool] = None
    times_repeated: Maybe[Count] = None
    felt_heard: Maybe[bool] = None
    wants_reply: Maybe[bool] = None
