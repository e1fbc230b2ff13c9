"""assessment.*, need.*, care.*: what was looked into and what was found. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Actor, Answer, Coded, Period
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Key, Maybe, Text


class AssessmentStarted(Told):
    """An assessment began."""

    type = "assessment.started"
    title = "Assessment started[: {kind}]"
    fhir = "Task + Encounter; QuestionnaireResponse in-progress"
    published = True

    assessment_id: Text
    kind: Key
    statute: Maybe[Text] = None
    requested_on: Maybe[FuzzyDate] = None
    due: Maybe[FuzzyDate] = None
    assessor: Maybe[Actor] = None
    advocate_offered: Maybe[bool] = None


class AssessmentCompleted(Told):
    """An assessment was finished, with its outcome and what the person thinks of it."""

    type = "assessment.completed"
    title = "Assessment completed[: {kind}][, {outcome}]"
    key_event = True
    sensitivity = "restricted"
    fhir = "QuestionnaireResponse completed / Composition"
    published = True

    assessment_id: Text
    kind: Key
    outcome: Maybe[Coded] = None
    eligible: Maybe[bool] = None
    summary: Maybe[Text] = None
    person_view: Maybe[Text] = None
    person_agrees: Maybe[bool] = None
    response_ref: Maybe[Text] = None
    next_step: Maybe[Text] = None


class NeedRecorded(Told):
    """A need that a service sees or the person states."""

    type = "need.recorded"
    title = "Need {status?recorded}[: {domain}]"
    words = wording(status={"no-longer-a-need": "ended"})
    sensitivity = "restricted"
    fhir = "Condition (category problem-list) or Observation; Care Act outcome domain"
    published = True

    need_id: Text
    domain: Key
    text: Text
    level: Maybe[Literal["none", "low", "moderate", "substantial", "critical"]] = None
    eligible: Maybe[bool] = None
    status: Maybe[Literal["identified", "being-met", "met", "unmet", "no-longer-a-need"]] = None


class IndicatorRecorded(Told):
    """What an agency codes about a person, often for a statutory return; not what the person was asked."""

    type = "care.indicator-recorded"
    title = "{indicator?Indicator}[: {value}]"
    sensitivity = "restricted"
    fhir = "Observation (category social-history or survey)"
    published = True

    indicator: Coded
    value: Answer
    instrument: Maybe[Text] = None
    period: Maybe[Period] = None
