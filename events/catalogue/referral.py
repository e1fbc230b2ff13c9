"""referral.*, appointment.*: requests between services and times to meet. Closed lists: unverified."""

from typing import Literal

from pydantic import Field

from events.catalogue.base import wording
from events.catalogue.rules import at_least_one, in_order, required_unless
from events.catalogue.shapes import Actor, Coded, Org
from events.catalogue.told import Told
from events.catalogue.values import Count, DayOrInstant, EventId, Maybe, Text


class ReferralMade(Told):
    """One service asked another to help."""

    type = "referral.made"
    title = "Referred[ to {to}][ for {service}]"
    key_event = True
    fhir = "UKCore-ServiceRequest + UKCore-Task"
    rules = (at_least_one("from", "to"),)

    referral_id: Text
    from_: Maybe[Org] = Field(default=None, alias="from")
    to: Maybe[Org] = None
    service: Maybe[Coded] = None
    reason: Maybe[Text] = None
    priority: Maybe[Literal["routine", "soon", "urgent", "emergency"]] = None
    self_referral: Maybe[bool] = None
    person_agreed: Maybe[bool] = None
    shared_events: Maybe[list[EventId]] = None


class ReferralStatusChanged(Told):
    """What became of a referral."""

    type = "referral.status-changed"
    title = "Referral {status?changed}[: {reason}][ to {redirected_to}]"
    words = wording(
        status={
            "more-information-needed": "needs more information",
            "waiting": "on a waiting list",
            "no-contact": "closed, no contact made",
        },
        reason={"no-contact": "no contact made"},
    )
    key_event = True
    fhir = "UKCore-Task.status, statusReason, businessStatus; ServiceRequest.status"

    referral_id: Text
    status: Literal[
        "received",
        "more-information-needed",
        "accepted",
        "waiting",
        "rejected",
        "redirected",
        "bounced",
        "withdrawn",
        "no-contact",
        "completed",
    ]
    reason: Maybe[
        Literal[
            "threshold-not-met",
            "wrong-service",
            "out-of-area",
            "age",
            "capacity",
            "incomplete",
            "already-open",
            "person-declined",
            "no-contact",
            "excluded-condition",
            "other",
        ]
    ] = None
    reason_text: Maybe[Text] = None
    decided_by: Maybe[Actor] = None
    redirected_to: Maybe[Org] = None
    wait_weeks: Maybe[Count] = None
    queue_position: Maybe[Count] = None
    told_person: Maybe[bool] = None


class AppointmentBooked(Told):
    """A time to meet was offered, booked or moved. A start known only by its day is a date."""

    type = "appointment.booked"
    title = "Appointment {status?booked}[: {service}]"
    fhir = "UKCore-Appointment / Slot"
    published = True
    rules = (required_unless("start", "status", "offered"), in_order("start", "end"))

    appointment_id: Text
    start: Maybe[DayOrInstant] = None
    end: Maybe[DayOrInstant] = None
    mode: Maybe[Literal["in-person", "home", "phone", "video"]] = None
    service: Maybe[Org] = None
    location: Maybe[Text] = None
    adjustments_arranged: Maybe[list[Coded]] = None
    replaces: Maybe[Text] = None
    status: Maybe[Literal["offered", "booked", "moved"]] = None


class AppointmentOutcomeRecorded(Told):
    """What became of an appointment."""

    type = "appointment.outcome-recorded"
    title = "Appointment: {outcome?outcome recorded}[ ({barrier})]"
    fhir = "UKCore-Appointment.status + UKCore OutcomeOfAttendance"
    published = True

    appointment_id: Text
    outcome: Literal[
        "attended",
        "arrived-late",
        "did-not-attend",
        "was-not-brought",
        "cancelled-by-person",
        "cancelled-by-service",
        "cancelled",
        "left-before-seen",
    ]
    barrier: Maybe[
        Literal[
            "transport",
            "cost",
            "not-told",
            "communication-need-not-met",
            "caring",
            "work",
            "ill",
            "anxiety",
            "forgot",
            "unsafe",
            "other",
        ]
    ] = None
    follow_up: Maybe[Literal["rebooked", "discharged", "outreach", "none"]] = None
