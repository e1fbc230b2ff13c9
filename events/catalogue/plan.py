"""plan.*, budget.*, service.*: what was agreed, paid for and given. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Action, Actor, Coded, Money, Org
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Maybe, Text

Every = Literal["week", "two-weeks", "four-weeks", "month", "quarter", "year", "once"]


class PlanRecorded(Told):
    """A plan was drafted, agreed, reviewed, changed or ended."""

    type = "plan.recorded"
    title = "{kind?Plan} {stage?recorded}"
    words = wording(
        kind={
            "care-and-support": "care and support plan",
            "support-carer": "carer's support plan",
            "ehcp": "education, health and care plan",
            "sen-support": "SEN support plan",
            "personal-housing": "personal housing plan",
            "child-in-need": "child in need plan",
            "child-protection": "child protection plan",
            "looked-after": "looked after child's plan",
            "pathway": "pathway plan",
            "recovery": "recovery plan",
            "crisis": "crisis plan",
            "discharge": "discharge plan",
            "end-of-life": "end of life plan",
            "wellbeing": "wellbeing plan",
            "permanence": "permanence plan",
            "other": "plan",
        }
    )
    key_event = True
    fhir = "UKCore-CarePlan"

    plan_id: Text
    kind: Literal[
        "care-and-support",
        "support-carer",
        "ehcp",
        "sen-support",
        "personal-housing",
        "child-in-need",
        "child-protection",
        "looked-after",
        "pathway",
        "recovery",
        "crisis",
        "discharge",
        "end-of-life",
        "wellbeing",
        "permanence",
        "other",
    ]
    stage: Literal["drafted", "agreed", "reviewed", "changed", "ended"]
    goals: Maybe[list[Text]] = None
    actions: Maybe[list[Action]] = None
    person_agrees: Maybe[bool] = None
    person_view: Maybe[Text] = None
    lead: Maybe[Actor] = None
    review_due: Maybe[FuzzyDate] = None
    reason: Maybe[Text] = None


class BudgetSet(Told):
    """Money for a person's support was set, changed or ended."""

    type = "budget.set"
    title = "{kind?Budget} {action?set}[: {amount}][ every {every}]"
    words = wording(
        kind={"sen-personal-budget": "SEN personal budget", "carer-budget": "carer's budget"},
        every={"once": ""},
    )
    key_event = True
    sensitivity = "restricted"
    fhir = "Contract / CarePlan.activity.detail extension"

    budget_id: Text
    kind: Literal[
        "personal-budget",
        "personal-health-budget",
        "sen-personal-budget",
        "direct-payment",
        "carer-budget",
        "discretionary-housing-payment",
        "one-off-grant",
    ]
    amount: Money
    every: Maybe[Every] = None
    contribution: Maybe[Money] = None
    managed_by: Maybe[Literal["person", "nominee", "council", "individual-service-fund", "mixed"]] = None
    for_outcomes: Maybe[list[Text]] = None
    plan_id: Maybe[Text] = None
    action: Maybe[Literal["indicative", "agreed", "changed", "paused", "ended"]] = None


class ServiceChanged(Told):
    """A service for the person was offered, began, changed or ended."""

    type = "service.changed"
    title = "{service?Service} {action?changed}[ ({provider})]"
    key_event = True
    fhir = "ServiceRequest / EpisodeOfCare"
    published = True

    service_id: Text
    service: Coded
    provider: Org
    action: Literal["offered", "started", "changed", "paused", "ended", "declined"]
    quantity: Maybe[Text] = None
    reason: Maybe[Coded] = None
    plan_id: Maybe[Text] = None
