"""What each family of types holds and refuses beyond what all payloads do."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from events.catalogue import TYPES
from tests.events.catalogue.payloads import A_CODE, A_PERSON, A_RECORD, A_SUBJECT, AN_ORG, a_payload, faults


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("person.registered", {"identifiers": []}),
        ("person.registered", {"expected_birth_date": "2026-11", "sex_registered": "indeterminate"}),
        ("person.identifier-changed", {"action": "merged", "replaced_by": {"value": "H2"}}),
        ("person.died", {"date": "2025", "status": "informal", "informant": {"role": "carer"}}),
        ("access.communication-need-stated", {"language_code": "cy", "mode": "signed", "applies_to": "carer"}),
        ("access.contact-preference-stated", {"prefer": [{"value": "01"}], "contact_via": {"relation": A_CODE}}),
        ("aboutme.goal-updated", {"first_steps": [{"text": "Buy shoes", "due": "2026"}], "status": "let-go"}),
        ("circle.relationship-changed", {"roles": ["attorney-health", "next-of-kin"], "hours_per_week": 168}),
        ("circle.household-stated", {"members": [{"age": 4, "sex": "female"}], "pets": "A cat"}),
        ("contact.occurred", {"participants": [{"name": "P. Standin"}], "minutes": 0}),
        ("telling.question-answered", {"answers": [{"text": "Yes"}, {"boolean": True}], "valid_until": "2027"}),
        ("assessment.completed", {"eligible": False, "person_agrees": False}),
        ("plan.recorded", {"goals": ["Stay at home"], "actions": [{"text": "Rail", "status": "done"}]}),
        ("service.changed", {"provider": {"identifier": {"value": "P1"}}, "quantity": "10 hours a week"}),
        ("referral.made", {"from_": AN_ORG, "priority": "soon", "shared_events": ["0" * 64]}),
        ("appointment.booked", {"start": "2026-01-02", "end": "2026-01-02"}),
        ("episode.started", {"placement": {"kind": A_CODE, "urn": "SC1"}, "continues": True}),
        ("episode.changed", {"from_": A_CODE, "to": A_CODE, "kind": "outpatient"}),
        ("transition.updated", {"from_": AN_ORG, "on": "2026-03", "gaps": [{"text": "No key"}]}),
        ("housing.accommodation-changed", {"previous": {"tenure": "hostel", "homeless": False}, "rent_every": "month"}),
        ("education.enrolment-changed", {"by_code": [{"code": "/", "sessions": 190}], "attendance_percent": "95"}),
        ("health.result-recorded", {"components": [{"code": A_CODE, "value": {"decimal": "1.0"}}]}),
        ("health.condition-recorded", {"certainty": "refuted", "status": "remission"}),
        ("benefits.award-changed", {"amount": {"value": "1", "currency": "GBP"}, "every": "four-weeks"}),
        ("consent.given", {"recipients": [AN_ORG], "families": ["health"], "capacity": "gillick"}),
        ("feedback.given", {"rating": 5, "had_to_repeat": True, "times_repeated": 3}),
        ("hub.records-linked", {"levels": {"family": "exact", "given": 2}, "weights": {"family": "9.25"}}),
        ("hub.records-linked", {"runner_up": {"person": A_PERSON, "weight_bits": "3"}}),
        ("hub.return-closed", {"range": ["4", "9f"], "tokens": [A_SUBJECT], "incremental": True}),
        ("hub.return-closed", {"part": 3, "parts": 3}),
        ("hub.subject-erased", {"key_ids": ["0" * 48], "counts": {"events": 12}, "reference": "REQ-7"}),
    ],
)
def test_a_type_holds(name: str, more: dict[str, Any]) -> None:
    assert faults(name, a_payload(name, **more)) == ""


@pytest.mark.parametrize(
    ("name", "more", "where"),
    [
        ("person.registered", {"sex_registered": "F"}, "sex_registered"),
        ("person.registered", {"addresses": {"city": "Northfield"}}, "addresses"),
        ("person.details-changed", {"changes": []}, "changes"),
        ("person.details-changed", {"changes": [{"from": "a", "to": "b"}]}, "changes[0].field"),
        ("person.identifier-changed", {"action": "lost"}, "action"),
        ("person.identifier-changed", {"identifier": "9"}, "identifier"),
        ("person.died", {"status": "certain"}, "status"),
        ("access.adjustment-recorded", {"adjustment": "ramp"}, "adjustment"),
        ("access.contact-preference-stated", {"times": "mornings"}, "times"),
        ("aboutme.statement-shared", {"may_be_shown_to": ["Everyone!"]}, "may_be_shown_to[0]"),
        ("aboutme.goal-updated", {"first_steps": [{"due": "2026"}]}, "first_steps[0].text"),
        ("circle.relationship-changed", {"other": {}}, "other"),
        ("circle.relationship-changed", {"roles": ["friend"]}, "roles[0]"),
        ("circle.household-stated", {"members": [{"name": "Osric"}]}, "members[0].name"),
        ("contact.occurred", {"channel": "fax"}, "channel"),
        ("telling.question-answered", {"answers": [{}]}, "answers[0]"),
        ("telling.question-answered", {"encounter": "E1"}, "encounter"),
        ("assessment.started", {"due": "soon"}, "due"),
        ("need.recorded", {"level": "high"}, "level"),
        ("care.indicator-recorded", {"value": "3"}, "value"),
        ("care.indicator-recorded", {"period": {"start": "2025", "end": "2024"}}, "period"),
        ("plan.recorded", {"stage": "begun"}, "stage"),
        ("budget.set", {"amount": {"value": "1.00"}}, "amount.currency"),
        ("service.changed", {"provider": {}}, "provider"),
        ("referral.made", {"from_": "Surgery"}, "from"),
        ("referral.status-changed", {"wait_weeks": -1}, "wait_weeks"),
        ("appointment.booked", {"start": "2026-01"}, "start"),
        ("appointment.booked", {"end": "2026-01-01"}, "payload"),
        ("appointment.outcome-recorded", {"outcome": "no-show"}, "outcome"),
        ("episode.started", {"kind": "holiday"}, "kind"),
        ("episode.started", {"placement": {}}, "placement"),
        ("episode.ended", {"outstanding": [{"text": "Rail", "status": "maybe"}]}, "outstanding[0].status"),
        ("transition.updated", {"on": "31/02/2026"}, "on"),
        ("risk.alert-changed", {"level": "extreme"}, "level"),
        ("safeguarding.concern-raised", {"consent": "yes"}, "consent"),
        ("housing.accommodation-changed", {"previous": {"tenure": "castle"}}, "previous.tenure"),
        ("housing.homelessness-duty-changed", {"duty": "s999"}, "duty"),
        ("education.enrolment-changed", {"by_code": [{"code": "/"}]}, "by_code[0].sessions"),
        ("education.send-status-changed", {"statutory_week": "20"}, "statutory_week"),
        ("health.medication-changed", {"action": "prescribed"}, "action"),
        ("health.result-recorded", {"components": [{"value": {"integer": 1}}]}, "components[0].code"),
        ("document.shared", {"document": {}}, "document"),
        ("benefits.award-changed", {"benefit": "lottery"}, "benefit"),
        ("consent.given", {"purposes": []}, "purposes"),
        ("consent.withdrawn", {"scope": "some"}, "scope"),
        ("record.corrected", {"requested_by": "neighbour"}, "requested_by"),
        ("record.retracted", {"retracts": "E1"}, "retracts"),
        ("feedback.given", {"rating": "5"}, "rating"),
        ("hub.person-opened", {"person": "7K3M9QX2"}, "person"),
        ("hub.person-opened", {"person": "7K3M-9QXO"}, "person"),
        ("hub.person-opened", {"record": "tenant/T-1"}, "record"),
        ("hub.person-opened", {"subject": A_SUBJECT[:-1]}, "subject"),
        ("hub.records-linked", {"method": "guess"}, "method"),
        ("hub.records-linked", {"causes": ["E1"]}, "causes[0]"),
        ("hub.records-linked", {"weights": {"family": "much"}}, "weights.family"),
        ("hub.review-opened", {"pair": [A_RECORD]}, "pair"),
        ("hub.review-opened", {"pair": [A_RECORD] * 3}, "pair"),
        ("hub.not-same-person", {"records": [A_RECORD]}, "records"),
        ("hub.return-closed", {"part": 0}, "payload"),
        ("hub.return-closed", {"part": 2}, "payload"),
        ("hub.return-closed", {"range": ["9", "4"]}, "payload"),
        ("hub.return-closed", {"range": ["4", "4"]}, "payload"),
        ("hub.return-closed", {"range": ["", ""]}, "payload"),
        ("hub.return-closed", {"range": [None, None]}, "payload"),
        ("hub.return-closed", {"range": [""]}, "range"),
        ("hub.return-closed", {"range": ["", "~"]}, "range[1]"),
        ("hub.return-closed", {"tokens": ["token"]}, "tokens[0]"),
        ("hub.subject-erased", {"ground": "Because she asked."}, "ground"),
        ("hub.subject-erased", {"note": "free text"}, "note"),
        ("hub.restored", {"size": "12"}, "size"),
    ],
)
def test_a_type_refuses(name: str, more: dict[str, Any], where: str) -> None:
    assert faults(name, a_payload(name, **more)) == where


@pytest.mark.parametrize("name", TYPES)
def test_every_closed_list_takes_its_values_and_no_other(name: str) -> None:
    for field, info in TYPES[name].model_fields.items():
        values = [value for value in _flat(info.annotation) if isinstance(value, str)]
        for value in values:
            assert faults(name, a_payload(name) | _told(info.annotation, field, value)) == ""
        if values:
            wrong = faults(name, a_payload(name) | _told(info.annotation, field, "something-else"))
            assert wrong.startswith(field)


def _flat(annotation: Any) -> list[Any]:
    return [each for part in get_args(annotation) for each in ([part] if isinstance(part, str) else _flat(part))]


def _told(annotation: Any, field: str, value: str) -> dict[str, Any]:
    return {field: [value] if "list[" in str(annotation) else value}


def test_a_referral_names_who_sent_it_or_who_got_it() -> None:
    payload = a_payload("referral.made")
    del payload["to"]
    assert faults("referral.made", payload) == "payload"
    assert faults("referral.made", payload | {"from": AN_ORG}) == ""
    assert faults("referral.made", payload | {"from_": AN_ORG}) == "from_"


def test_an_appointment_has_a_start_unless_it_is_only_offered() -> None:
    assert faults("appointment.booked", {"appointment_id": "A1", "status": "offered"}) == ""
    assert faults("appointment.booked", {"appointment_id": "A1", "status": "booked"}) == "payload"
    assert faults("appointment.booked", {"appointment_id": "A1"}) == "payload"
