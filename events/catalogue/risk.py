"""risk.*, safeguarding.*: what may harm somebody and what is done about it. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Actor, Coded
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Maybe, Text


class AlertChanged(Told):
    """A risk to or from somebody was flagged, reviewed or ended."""

    type = "risk.alert-changed"
    title = "Alert {action?changed}[: {category}]"
    words = wording(
        category={
            "to-self": "risk to self",
            "from-others": "risk from others",
            "to-others": "risk to others",
            "fire": "fire risk",
            "medical": "medical risk",
            "environment": "risk in the home or surroundings",
            "other": "",
        }
    )
    key_event = True
    sensitivity = "restricted"
    fhir = "UKCore-Flag / RiskAssessment"

    alert_id: Text
    category: Literal[
        "to-self",
        "from-others",
        "to-others",
        "staff-safety",
        "self-neglect",
        "environment",
        "exploitation",
        "domestic-abuse",
        "medical",
        "fire",
        "other",
    ]
    action: Literal["raised", "changed", "reviewed", "ended"]
    text: Text
    level: Maybe[Literal["low", "medium", "high"]] = None
    what_helps: Maybe[Text] = None
    review_due: Maybe[FuzzyDate] = None
    person_knows: Maybe[bool] = None


class ConcernRaised(Told):
    """Somebody raised a safeguarding concern."""

    type = "safeguarding.concern-raised"
    title = "Safeguarding concern raised[ ({route})]"
    words = wording(
        route={
            "adult-s42": "adult, section 42",
            "child-mash": "child, multi-agency hub",
            "child-s47": "child, section 47",
            "marac": "MARAC",
            "prevent": "Prevent",
            "lado": "LADO",
            "channel-other": "",
        }
    )
    key_event = True
    sensitivity = "special-category"
    fhir = "Task + Flag with security label R/V"

    concern_id: Text
    route: Literal["adult-s42", "child-mash", "child-s47", "marac", "prevent", "lado", "channel-other"]
    categories: Maybe[list[Coded]] = None
    alleged_source_relation: Maybe[Coded] = None
    immediate_safety: Maybe[Text] = None
    consent: Maybe[Literal["given", "refused-overridden", "not-sought-risk", "lacks-capacity", "not-needed"]] = None
    outcomes_wanted: Maybe[Text] = None


class DecisionMade(Told):
    """What was decided about a safeguarding concern."""

    type = "safeguarding.decision-made"
    title = "Safeguarding decision[: {decision}]"
    words = wording(decision={"s42-enquiry": "section 42 enquiry", "s47-enquiry": "section 47 enquiry"})
    key_event = True
    sensitivity = "special-category"
    fhir = "Task outcome + Flag"

    concern_id: Text
    decision: Literal[
        "no-further-action",
        "signposted",
        "early-help",
        "assessment",
        "s42-enquiry",
        "s47-enquiry",
        "strategy-meeting",
        "conference",
        "plan-started",
        "plan-ended",
        "closed",
    ]
    reason: Maybe[Text] = None
    outcomes_met: Maybe[Literal["fully", "partly", "not", "not-asked"]] = None
    decided_by: Maybe[Actor] = None
