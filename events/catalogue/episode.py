"""episode.*, transition.*: bounded spells of care and the passages between them. Closed lists: unverified."""

from typing import Literal

from pydantic import Field

from events.catalogue.base import wording
from events.catalogue.shapes import Action, Actor, Coded, Org, Placement
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Maybe, Text

Kind = Literal[
    "inpatient",
    "ed-attendance",
    "community-caseload",
    "mental-health-caseload",
    "social-work-case",
    "child-in-need",
    "child-protection",
    "looked-after",
    "send-case",
    "housing-support",
    "homelessness-case",
    "treatment-programme",
    "coordination",
    "custody",
    "outpatient",
    "missing",
    "absent",
    "adoption-placement",
    "care-leaver",
    "early-help",
    "other",
]
_KINDS = {
    "inpatient": "stay in hospital",
    "ed-attendance": "visit to the emergency department",
    "community-caseload": "community health care",
    "mental-health-caseload": "mental health care",
    "child-in-need": "child in need support",
    "child-protection": "child protection",
    "looked-after": "being looked after",
    "send-case": "SEND case",
    "coordination": "care coordination",
    "custody": "time in custody",
    "outpatient": "outpatient care",
    "missing": "time missing",
    "absent": "time absent",
    "care-leaver": "care leaver support",
    "other": "care",
}


class EpisodeStarted(Told):
    """A spell of care began; `continues` says that it goes on from one before."""

    type = "episode.started"
    title = "{kind?Care} began[ ({continues})][: {service}]"
    words = wording(kind=_KINDS, continues={"yes": "continued from before", "no": ""})
    key_event = True
    sensitivity = "restricted"
    fhir = "UKCore-EpisodeOfCare / UKCore-Encounter (IMP)"
    published = True

    episode_id: Text
    kind: Kind
    continues: Maybe[bool] = None
    placement: Maybe[Placement] = None
    service: Maybe[Org] = None
    lead: Maybe[Actor] = None
    legal_status: Maybe[Coded] = None
    reason: Maybe[Coded] = None
    referral_id: Maybe[Text] = None


class EpisodeEnded(Told):
    """A spell of care ended. `kind` repeats the start's, so that the ending can be read alone."""

    type = "episode.ended"
    title = "{kind?Care} ended[ ({continues})][: {reason}]"
    words = wording(
        kind=_KINDS,
        continues={"yes": "continued in another episode", "no": ""},
        reason={"age-limit": "age limit reached", "duty-ended": "the duty ended", "other": ""},
    )
    key_event = True
    sensitivity = "restricted"
    fhir = "UKCore-EpisodeOfCare finished / Encounter finished + DischargeMethod"
    published = True

    episode_id: Text
    kind: Maybe[Kind] = None
    continues: Maybe[bool] = None
    reason: Maybe[
        Literal[
            "completed",
            "discharged",
            "transferred",
            "moved-away",
            "disengaged",
            "declined",
            "age-limit",
            "died",
            "duty-ended",
            "other",
        ]
    ] = None
    destination: Maybe[Text] = None
    outstanding: Maybe[list[Action]] = None
    summary: Maybe[Text] = None
    goals_met: Maybe[bool] = None


class EpisodeChanged(Told):
    """Something about a spell of care changed while it went on, or it was planned."""

    type = "episode.changed"
    title = "{kind?Care}: {change?changed}[, now {to}]"
    words = wording(
        kind=_KINDS,
        change={
            "location": "moved",
            "placement": "placement changed",
            "legal-status": "legal status changed",
            "lead": "lead worker changed",
            "class": "kind of care changed",
            "category": "category changed",
            "status": "status changed",
            "leave": "on leave",
        },
    )
    sensitivity = "restricted"
    fhir = "EpisodeOfCare.statusHistory, Encounter.locationHistory, classHistory"
    published = True

    episode_id: Text
    kind: Maybe[Kind] = None
    change: Literal["planned", "location", "placement", "legal-status", "lead", "class", "category", "status", "leave"]
    to: Maybe[Coded] = None
    from_: Maybe[Coded] = Field(default=None, alias="from")
    provider: Maybe[Org] = None
    placement: Maybe[Placement] = None
    lead: Maybe[Actor] = None
    reason: Maybe[Coded] = None


class TransitionUpdated(Told):
    """The person passes from one service, place or age to another: planned, ready, done or failed."""

    type = "transition.updated"
    title = "{kind?Transition}: {status?updated}[ to {to}]"
    words = wording(
        kind={
            "child-to-adult": "move from children's to adults' services",
            "leaving-service": "leaving a service",
            "area-move": "move to another area",
            "custody-release": "release from custody",
        }
    )
    key_event = True
    sensitivity = "restricted"
    fhir = "CarePlan + Task (handover); eDischarge Composition"

    transition_id: Text
    kind: Literal[
        "hospital-discharge",
        "child-to-adult",
        "leaving-care",
        "leaving-service",
        "area-move",
        "custody-release",
        "school-move",
        "step-up",
        "step-down",
    ]
    status: Literal["planned", "ready", "handed-over", "accepted", "completed", "failed"]
    from_: Maybe[Org] = Field(default=None, alias="from")
    to: Maybe[Org] = None
    on: Maybe[FuzzyDate] = None
    lead: Maybe[Actor] = None
    gaps: Maybe[list[Action]] = None
    person_told: Maybe[bool] = None
