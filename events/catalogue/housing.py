"""housing.*: where and how somebody lives. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import Shape, wording
from events.catalogue.plan import Every
from events.catalogue.rules import at_least_one
from events.catalogue.shapes import Address, Coded, Money, Org
from events.catalogue.told import Told
from events.catalogue.values import Maybe, Text

Tenure = Literal[
    "social-rent",
    "private-rent",
    "owner",
    "shared-ownership",
    "supported",
    "temporary",
    "hostel",
    "care-home",
    "family-or-friends",
    "sofa-surfing",
    "rough-sleeping",
    "tied",
    "custody",
    "hospital",
    "other",
]


class PreviousHome(Shape):
    """Where somebody lived before."""

    rules = (at_least_one("tenure", "postcode", "reason", "homeless"),)
    tenure: Maybe[Tenure] = None
    postcode: Maybe[Text] = None
    reason: Maybe[Coded] = None
    homeless: Maybe[bool] = None


class AccommodationChanged(Told):
    """Somebody's home began, changed, came under threat or ended."""

    type = "housing.accommodation-changed"
    title = "{tenure?Home} {action?changed}"
    words = wording(
        tenure={
            "social-rent": "social rented tenancy",
            "private-rent": "private rented tenancy",
            "owner": "own home",
            "supported": "supported housing",
            "temporary": "temporary accommodation",
            "hostel": "hostel place",
            "care-home": "place in a care home",
            "family-or-friends": "home with family or friends",
            "tied": "home tied to work",
            "custody": "time in custody",
            "hospital": "time in hospital",
            "other": "home",
        },
        action={"notice-served": "under notice", "possession-sought": "under possession proceedings"},
    )
    key_event = True
    fhir = "Observation (housing status) + Location"
    published = True

    accommodation_id: Maybe[Text] = None
    tenure: Tenure
    action: Literal["started", "changed", "at-risk", "notice-served", "possession-sought", "ended"]
    tenancy_type: Maybe[Coded] = None
    rent: Maybe[Money] = None
    rent_every: Maybe[Every] = None
    previous: Maybe[PreviousHome] = None
    landlord: Maybe[Org] = None
    address: Maybe[Address] = None
    arrears: Maybe[Money] = None
    reason: Maybe[Coded] = None
    condition_concern: Maybe[Text] = None


class HomelessnessDutyChanged(Told):
    """A council took on, refused or ended a homelessness duty (Housing Act 1996, part 7)."""

    type = "housing.homelessness-duty-changed"
    title = "Homelessness {duty?duty}: {status?changed}"
    words = wording(
        duty={
            "prevention-s195": "prevention duty (section 195)",
            "relief-s189b": "relief duty (section 189B)",
            "interim-s188": "interim duty (section 188)",
            "main-s193": "main duty (section 193)",
            "none": "application",
        },
        status={"applied": "applied for"},
    )
    key_event = True
    fhir = "Observation + Task (H-CLIC codes)"

    case_id: Text
    duty: Literal["prevention-s195", "relief-s189b", "interim-s188", "main-s193", "none"]
    status: Literal["applied", "accepted", "not-accepted", "ended"]
    end_reason: Maybe[Coded] = None
    priority_need: Maybe[list[Coded]] = None
    support_needs: Maybe[list[Coded]] = None
    review_requested: Maybe[bool] = None
