"""education.*: school, college and special educational needs. Closed lists: unverified."""

from typing import Literal

from events.catalogue.base import Shape, wording
from events.catalogue.shapes import Coded, Org
from events.catalogue.told import Told
from events.catalogue.values import Count, Maybe, Percent, Text


class SessionsByCode(Shape):
    """How many sessions (half days) were marked with one attendance code."""

    code: Text
    sessions: Count


class EnrolmentChanged(Told):
    """Somebody joined or left a school or college, was kept out of it, or how often they were there."""

    type = "education.enrolment-changed"
    title = "{action?School}[ {attendance_percent}%][: {setting}]"
    words = wording(
        action={
            "joined": "joined school",
            "left": "left school",
            "moved": "moved school",
            "suspended": "suspended from school",
            "excluded": "excluded from school",
            "reduced-timetable": "on a reduced timetable",
            "home-educated": "educated at home",
            "attendance-concern": "concern about attendance",
            "attendance-recorded": "attendance",
        }
    )
    key_event = True
    fhir = "EpisodeOfCare-like / Observation (education); Organization URN"

    enrolment_id: Maybe[Text] = None
    setting: Org
    urn: Maybe[Text] = None
    action: Literal[
        "joined",
        "left",
        "moved",
        "suspended",
        "excluded",
        "reduced-timetable",
        "home-educated",
        "missing-education",
        "attendance-concern",
        "attendance-recorded",
    ]
    year_group: Maybe[Text] = None
    attendance_percent: Maybe[Percent] = None
    possible: Maybe[Count] = None
    by_code: Maybe[list[SessionsByCode]] = None
    sessions: Maybe[Count] = None
    reasons: Maybe[list[Coded]] = None


class SendStatusChanged(Told):
    """Where somebody stands with special educational needs support."""

    type = "education.send-status-changed"
    title = "Special educational needs[: {status}]"
    words = wording(
        status={
            "no-sen": "none",
            "sen-support": "SEN support",
            "ehc-requested": "EHC assessment requested",
            "ehc-refused": "EHC assessment or plan refused",
            "ehc-assessing": "EHC assessment under way",
            "ehc-drafted": "EHC plan drafted",
            "ehc-issued": "EHC plan issued",
            "ehc-reviewed": "EHC plan reviewed",
            "ehc-ceased": "EHC plan ceased",
        }
    )
    key_event = True
    sensitivity = "restricted"
    fhir = "CarePlan (EHCP) / Condition (need)"

    status: Literal[
        "no-sen",
        "sen-support",
        "ehc-requested",
        "ehc-refused",
        "ehc-assessing",
        "ehc-drafted",
        "ehc-issued",
        "ehc-reviewed",
        "ehc-ceased",
        "appeal",
    ]
    primary_need: Maybe[Coded] = None
    other_needs: Maybe[list[Coded]] = None
    statutory_week: Maybe[Count] = None
    placement: Maybe[Org] = None
    authority: Maybe[Org] = None
