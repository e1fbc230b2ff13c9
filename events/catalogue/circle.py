"""circle.*: the people around a person. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Address, Coded, Member, Other
from events.catalogue.told import Told
from events.catalogue.values import Count, Maybe, Text

Role = Literal[
    "next-of-kin",
    "emergency-contact",
    "unpaid-carer",
    "cared-for",
    "parental-responsibility",
    "advocate",
    "attorney-health",
    "attorney-finance",
    "deputy",
    "appointee",
    "friend-or-neighbour",
    "nominated-person",
    "professional-lead",
]


class RelationshipChanged(Told):
    """Somebody is, or no longer is, in the person's circle. Titles never name them."""

    type = "circle.relationship-changed"
    title = "{action?Person in the circle}[: {relation|other.relation}][ ({roles})]"
    words = wording(
        action={
            "stated": "person in the circle",
            "changed": "person in the circle changed",
            "ended": "no longer in the circle",
        },
        roles={"attorney-health": "attorney for health", "attorney-finance": "attorney for finance"},
    )
    sensitivity = "restricted"
    fhir = "UKCore-RelatedPerson / CareTeam.participant"
    published = True

    other: Other
    relation: Maybe[Coded] = None
    roles: Maybe[list[Role]] = None
    action: Maybe[Literal["stated", "changed", "ended"]] = None
    lives_with: Maybe[bool] = None
    support_given: Maybe[Text] = None
    hours_per_week: Maybe[Count] = None
    may_share_with: Maybe[bool] = None


class HouseholdStated(Told):
    """Who lives together."""

    type = "circle.household-stated"
    title = "Household stated"
    sensitivity = "restricted"
    fhir = "Group (type person, household) + UKCore-RelatedPerson"

    address: Maybe[Address] = None
    members: Maybe[list[Member]] = None
    pets: Maybe[Text] = None
