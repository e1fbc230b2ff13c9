"""The least payload of every type, and words to say what the catalogue does with one."""

from __future__ import annotations

import copy
from typing import Any

from events.catalogue import check_payload
from events.errors import RejectedMessage

AN_EVENT = "0123456789abcdef" * 4
A_SUBJECT = "0123456789abcdef" * 2
A_PERSON = "7K3M-9QX2"
A_RECORD = "housing:rents/tenant/T-1"
A_CODE = {"code": "1"}
AN_ORG = {"name": "Example Homes"}
AN_ACT: dict[str, Any] = {"subject": A_SUBJECT, "ground": "erasure-request"}

LEAST: dict[str, dict[str, Any]] = {
    "person.registered": {"identifiers": [{"value": "H1"}]},
    "person.details-changed": {"changes": [{"field": "addresses"}]},
    "person.identifier-changed": {"identifier": {"value": "H1"}, "action": "verified"},
    "person.address-changed": {"address": {"postalCode": "ZZ99 3VZ"}},
    "person.died": {},
    "access.communication-need-stated": {"kind": "interpreter", "need": {"text": "Welsh"}},
    "access.adjustment-recorded": {"adjustment": {"text": "Longer appointment"}},
    "access.contact-preference-stated": {},
    "aboutme.statement-shared": {"topic": "hopes", "text": "To dance again."},
    "aboutme.goal-updated": {"goal_id": "G1", "text": "Walk to the shop"},
    "aboutme.strength-noted": {"kind": "skill", "text": "Bakes bread"},
    "circle.relationship-changed": {"other": {"relation": {"text": "sister"}}},
    "circle.household-stated": {},
    "contact.occurred": {"channel": "phone"},
    "telling.question-answered": {"question_key": "lives-alone", "question_text": "Alone?", "status": "answered"},
    "telling.answer-reused": {"question_key": "lives-alone", "source_event": AN_EVENT, "result": "confirmed"},
    "assessment.started": {"assessment_id": "A1", "kind": "care-act"},
    "assessment.completed": {"assessment_id": "A1", "kind": "care-act"},
    "need.recorded": {"need_id": "N1", "domain": "care-act.nutrition", "text": "Cannot cook"},
    "care.indicator-recorded": {"indicator": A_CODE, "value": {"integer": 3}},
    "plan.recorded": {"plan_id": "P1", "kind": "recovery", "stage": "agreed"},
    "budget.set": {"budget_id": "B1", "kind": "direct-payment", "amount": {"value": "1.00", "currency": "GBP"}},
    "service.changed": {"service_id": "S1", "service": A_CODE, "provider": AN_ORG, "action": "started"},
    "referral.made": {"referral_id": "R1", "to": AN_ORG},
    "referral.status-changed": {"referral_id": "R1", "status": "accepted"},
    "appointment.booked": {"appointment_id": "A1", "start": "2026-01-02T10:00:00Z"},
    "appointment.outcome-recorded": {"appointment_id": "A1", "outcome": "attended"},
    "episode.started": {"episode_id": "E1", "kind": "inpatient"},
    "episode.ended": {"episode_id": "E1"},
    "episode.changed": {"episode_id": "E1", "change": "location"},
    "transition.updated": {"transition_id": "T1", "kind": "step-down", "status": "ready"},
    "risk.alert-changed": {"alert_id": "A1", "category": "fire", "action": "raised", "text": "Smokes in bed"},
    "safeguarding.concern-raised": {"concern_id": "C1", "route": "marac"},
    "safeguarding.decision-made": {"concern_id": "C1", "decision": "closed"},
    "housing.accommodation-changed": {"tenure": "hostel", "action": "started"},
    "housing.homelessness-duty-changed": {"case_id": "C1", "duty": "relief-s189b", "status": "accepted"},
    "education.enrolment-changed": {"setting": AN_ORG, "action": "joined"},
    "education.send-status-changed": {"status": "sen-support"},
    "health.condition-recorded": {"code": A_CODE},
    "health.allergy-recorded": {"substance": A_CODE},
    "health.medication-changed": {"medication": A_CODE, "action": "started"},
    "health.immunisation-recorded": {"vaccine": A_CODE},
    "health.procedure-recorded": {"code": A_CODE},
    "health.result-recorded": {"code": A_CODE},
    "document.shared": {"document": {"title": "Letter"}},
    "benefits.award-changed": {"benefit": "uc", "action": "awarded"},
    "consent.given": {"consent_id": "C1", "purposes": ["direct-care"]},
    "consent.withdrawn": {"consent_id": "C1"},
    "record.corrected": {"corrects": AN_EVENT, "changes": [{"field": "names"}], "reason": "typed wrongly"},
    "record.retracted": {"reason": "entered-in-error"},
    "record.disputed": {"disputes": AN_EVENT, "statement": "I was never there."},
    "feedback.given": {},
    "hub.person-opened": {"person": A_PERSON, "record": A_RECORD, "subject": A_SUBJECT},
    "hub.records-linked": {
        "record": A_RECORD,
        "subject": A_SUBJECT,
        "person": A_PERSON,
        "causes": [],
        "method": "manual",
        "model": "manual",
    },
    "hub.records-unlinked": {
        "record": A_RECORD,
        "subject": A_SUBJECT,
        "person": "4D0R-T8VW",
        "left": A_PERSON,
        "reason": "two people",
        "decided_by": "steward-1",
    },
    "hub.persons-merged": {
        "survivor": A_PERSON,
        "absorbed": "4D0R-T8VW",
        "reason": "same-number",
        "decided_by": "steward-1",
    },
    "hub.persons-unmerged": {
        "survivor": A_PERSON,
        "absorbed": "4D0R-T8VW",
        "reason": "different-people",
        "decided_by": "steward-1",
    },
    "hub.review-opened": {"pair": [A_RECORD, "hospital:pas/patient/1"]},
    "hub.review-resolved": {"pair": [A_RECORD, "hospital:pas/patient/1"]},
    "hub.not-same-person": {
        "records": [A_RECORD, "hospital:pas/patient/1"],
        "reason": "twins",
        "decided_by": "steward-1",
    },
    "hub.return-closed": {
        "scope": "rents",
        "order": "1",
        "part": 1,
        "parts": 1,
        "partition": "0",
        "range": ["", None],
        "tokens": [],
        "expected": 0,
    },
    "hub.subject-restricted": AN_ACT,
    "hub.subject-unrestricted": AN_ACT,
    "hub.subject-erased": AN_ACT,
    "hub.subject-readmitted": AN_ACT,
    "hub.hold-placed": AN_ACT,
    "hub.hold-lifted": AN_ACT,
    "hub.class-shredded": {**AN_ACT, "retention_class": "health"},
    "hub.body-removed": {**AN_ACT, "positions": ["e1:0:17"]},
    "hub.erasure-completed": AN_ACT,
    "hub.log-opened": {"epoch": "e1"},
    "hub.restored": {"epoch": "e2"},
    "hub.linker-opened": {"epoch": "e1"},
    "hub.ticked": {"epoch": "e1"},
    "hub.partition-closed": {"epoch": "e1"},
}


def a_payload(type_name: str, **more: Any) -> dict[str, Any]:
    """The least payload of a type, and more; `from_` stands for `from`."""
    return copy.deepcopy(LEAST[type_name]) | {name.rstrip("_"): value for name, value in more.items()}


def faults(type_name: str, payload: Any, *, partial: bool = False) -> str:
    """Where the catalogue sees faults in a payload; empty if it takes it."""
    try:
        check_payload(type_name, payload, partial=partial)
    except RejectedMessage as refused:
        return refused.where if refused.code == "bad-payload" else refused.code
    return ""
