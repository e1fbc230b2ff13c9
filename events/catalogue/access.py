"""access.*: what somebody needs to be able to use a service. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import wording
from events.catalogue.shapes import Coded, Other, Telecom
from events.catalogue.told import Told
from events.catalogue.values import FuzzyDate, Language, Maybe, Text


class CommunicationNeedStated(Told):
    """How to speak with and write to somebody (Accessible Information Standard)."""

    type = "access.communication-need-stated"
    title = "Communication need: {need?stated}[ ({status})]"
    words = wording(status={"active": ""})
    key_event = True
    fhir = "UKCore-Patient.communication / InterpreterRequired + UKCore-Flag"

    kind: Literal[
        "contact-method",
        "information-format",
        "communication-support",
        "interpreter",
        "language",
        "signing",
        "easy-read",
        "assistive-technology",
    ]
    need: Coded
    applies_to: Maybe[Literal["person", "parent-or-guardian", "carer"]] = None
    language_code: Maybe[Language] = None
    mode: Maybe[Literal["spoken", "written", "signed"]] = None
    status: Maybe[Literal["active", "ended"]] = None
    review_due: Maybe[FuzzyDate] = None


class AdjustmentRecorded(Told):
    """A reasonable adjustment that is needed, arranged or met."""

    type = "access.adjustment-recorded"
    title = "Adjustment: {adjustment?recorded}[ ({status})]"
    key_event = True
    fhir = "UKCore-Flag / NHS Reasonable Adjustment Flag (Condition + Flag)"

    impairment: Maybe[Coded] = None
    adjustment: Coded
    detail: Maybe[Text] = None
    status: Maybe[Literal["needed", "arranged", "met", "not-met", "ended"]] = None


class ContactPreferenceStated(Told):
    """How, when and through whom the person may be reached, and how not."""

    type = "access.contact-preference-stated"
    title = "Said how they wish to be contacted"
    sensitivity = "restricted"
    fhir = "UKCore-Patient.telecom, ContactPoint extensions"

    prefer: Maybe[list[Telecom]] = None
    avoid: Maybe[list[Telecom]] = None
    times: Maybe[list[Text]] = None
    safe_contact_rule: Maybe[Text] = None
    contact_via: Maybe[Other] = None
