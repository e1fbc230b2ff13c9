"""benefits.*, consent.*: what somebody is entitled to, and what they allow. Closed lists: unverified."""

from typing import Annotated, Literal

from pydantic import Field

from events.catalogue.base import wording
from events.catalogue.plan import Every
from events.catalogue.shapes import Money, Org
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Key, Maybe, Text


class AwardChanged(Told):
    """A benefit was claimed, awarded, changed, refused or ended."""

    type = "benefits.award-changed"
    title = "{benefit?Benefit} {action?changed}[: {amount}][ every {every}]"
    words = wording(
        benefit={
            "uc": "Universal Credit",
            "pip": "Personal Independence Payment",
            "dla": "Disability Living Allowance",
            "esa": "Employment and Support Allowance",
            "jsa": "Jobseeker's Allowance",
            "carers-allowance": "Carer's Allowance",
            "adp": "Adult Disability Payment",
            "other": "benefit",
        },
        action={"reconsideration": "under reconsideration"},
        every={"once": ""},
    )
    sensitivity = "restricted"
    fhir = "Coverage / Observation (income)"

    benefit: Literal[
        "uc",
        "pip",
        "dla",
        "esa",
        "jsa",
        "carers-allowance",
        "attendance-allowance",
        "housing-benefit",
        "council-tax-support",
        "pension-credit",
        "child-benefit",
        "adp",
        "free-school-meals",
        "other",
    ]
    action: Literal[
        "claimed", "awarded", "changed", "refused", "suspended", "sanctioned", "ended", "appealed", "reconsideration"
    ]
    amount: Maybe[Money] = None
    every: Maybe[Every] = None
    components: Maybe[list[Text]] = None
    claim_id: Maybe[Text] = None


class ConsentGiven(Told):
    """The person, or somebody who may, agreed to their information being used."""

    type = "consent.given"
    title = "Consent given[: {purposes}]"
    key_event = True
    fhir = "UKCore-Consent (active)"

    consent_id: Text
    purposes: Annotated[list[Key], Field(min_length=1)]
    recipients: Maybe[list[Org]] = None
    families: Maybe[list[Key]] = None
    except_families: Maybe[list[Key]] = None
    capacity: Maybe[Literal["own", "parental", "attorney", "deputy", "best-interests", "gillick"]] = None
    expires: Maybe[FuzzyDate] = None
    wording_version: Maybe[Text] = None


class ConsentWithdrawn(Told):
    """A consent was taken back, in whole or in part."""

    type = "consent.withdrawn"
    title = "Consent withdrawn[: {scope}]"
    words = wording(
        scope={
            "all": "",
            "purposes": "for some purposes",
            "recipients": "for some services",
            "families": "for some kinds of information",
        }
    )
    key_event = True
    fhir = "UKCore-Consent (inactive)"

    consent_id: Text
    scope: Maybe[Literal["all", "purposes", "recipients", "families"]] = None
    purposes: Maybe[list[Key]] = None
    recipients: Maybe[list[Org]] = None
    families: Maybe[list[Key]] = None
    reason: Maybe[Text] = None
