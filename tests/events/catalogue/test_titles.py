"""Titles a person would understand."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalogue import TYPES, Payload, title_of, wording_of_titles
from events.catalogue.titles import LONGEST
from tests.events.catalogue.payloads import a_payload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("name", "more", "title"),
    [
        ("person.registered", {}, "Registered"),
        ("person.died", {}, "Died"),
        ("person.address-changed", {"action": "moved-in"}, "Moved in"),
        ("person.address-changed", {"action": "confirmed"}, "Address confirmed"),
        ("person.details-changed", {"changes": [{"field": "birth_date"}]}, "Details changed: birth date"),
        (
            "person.identifier-changed",
            {"identifier": {"value": "9", "type": {"display": "NHS number"}}, "action": "verified"},
            "NHS number verified",
        ),
        ("aboutme.statement-shared", {"topic": "what-matters-to-me"}, "What matters to me"),
        (
            "circle.relationship-changed",
            {"relation": {"code": "DAU", "display": "daughter"}, "roles": ["next-of-kin"]},
            "Person in the circle: daughter (next of kin)",
        ),
        ("circle.relationship-changed", {"action": "ended"}, "No longer in the circle: sister"),
        ("contact.occurred", {"channel": "phone", "outcome": "no-reply"}, "Phone call (no reply)"),
        ("contact.occurred", {"channel": "home-visit", "outcome": "made"}, "Home visit"),
        ("telling.question-answered", {"question_text": "Alone?", "status": "declined"}, "Asked: Alone? (declined)"),
        ("document.shared", {"document": {"title": "Letter"}}, "Document: Letter"),
        ("document.shared", {"kind": {"text": "Discharge summary"}}, "Document: Discharge summary"),
        ("assessment.completed", {"outcome": {"text": "eligible"}}, "Assessment completed: care act, eligible"),
        ("care.indicator-recorded", {"indicator": {"text": "SDQ"}, "value": {"integer": 12}}, "SDQ: 12"),
        ("care.indicator-recorded", {"indicator": {"text": "In care"}, "value": {"boolean": True}}, "In care: yes"),
        ("plan.recorded", {"kind": "ehcp", "stage": "reviewed"}, "Education, health and care plan reviewed"),
        ("budget.set", {"action": "agreed", "every": "week"}, "Direct payment agreed: £1.00 every week"),
        (
            "budget.set",
            {"amount": {"value": "-3.50", "currency": "GBP"}, "every": "once"},
            "Direct payment set: -£3.50",
        ),
        ("budget.set", {"amount": {"value": "10", "currency": "CHF"}}, "Direct payment set: 10 CHF"),
        ("service.changed", {"service": {"text": "Home care"}}, "Home care started (Example Homes)"),
        ("referral.made", {"service": {"display": "reablement"}}, "Referred to Example Homes for reablement"),
        ("referral.status-changed", {"status": "rejected", "reason": "age"}, "Referral rejected: age"),
        ("appointment.booked", {"service": {"name": "Falls clinic"}}, "Appointment booked: Falls clinic"),
        ("appointment.booked", {"status": "offered"}, "Appointment offered"),
        ("appointment.outcome-recorded", {"outcome": "did-not-attend"}, "Appointment: did not attend"),
        ("episode.started", {}, "Stay in hospital began"),
        (
            "episode.started",
            {"kind": "looked-after", "continues": True},
            "Being looked after began (continued from before)",
        ),
        ("episode.started", {"continues": False, "service": {"name": "Ward 7"}}, "Stay in hospital began: Ward 7"),
        ("episode.ended", {}, "Care ended"),
        ("episode.ended", {"kind": "inpatient", "reason": "discharged"}, "Stay in hospital ended: discharged"),
        ("episode.changed", {"to": {"display": "Ward 2"}}, "Care: moved, now Ward 2"),
        (
            "transition.updated",
            {"kind": "hospital-discharge", "to": {"name": "Home"}},
            "Hospital discharge: ready to Home",
        ),
        ("risk.alert-changed", {}, "Alert raised: fire risk"),
        ("safeguarding.decision-made", {"decision": "s42-enquiry"}, "Safeguarding decision: section 42 enquiry"),
        ("housing.accommodation-changed", {"tenure": "social-rent"}, "Social rented tenancy started"),
        ("housing.homelessness-duty-changed", {}, "Homelessness relief duty (section 189B): accepted"),
        (
            "education.enrolment-changed",
            {"action": "attendance-recorded", "attendance_percent": "93.5"},
            "Attendance 93.5%: Example Homes",
        ),
        ("health.allergy-recorded", {"kind": "intolerance", "substance": {"text": "Lactose"}}, "Intolerance: Lactose"),
        (
            "health.result-recorded",
            {
                "code": {"text": "HbA1c"},
                "value": {"quantity": {"value": "48", "unit": "mmol/mol"}},
                "interpretation": {"display": "high"},
            },
            "HbA1c: 48 mmol/mol (high)",
        ),
        ("benefits.award-changed", {"benefit": "pip"}, "Personal Independence Payment awarded"),
        ("consent.given", {"purposes": ["direct-care", "research"]}, "Consent given: direct care, research"),
        ("record.retracted", {"reason": "wrong-person"}, "Withdrawn: wrong person"),
        ("hub.records-linked", {"method": "deterministic"}, "Record linked to this person (by rule)"),
    ],
)
def test_a_title_says_what_happened_in_plain_words(name: str, more: dict[str, Any], title: str) -> None:
    assert title_of(name, a_payload(name, **more)) == title


@pytest.mark.parametrize("payload", [each for each in TYPES.values() if each.title_later], ids=lambda each: each.type)
def test_a_later_title_is_the_same_for_every_payload(payload: type[Payload]) -> None:
    assert payload.title_later
    assert not set(payload.title_later) & set("{}[]?|")


def test_other_words_are_another_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    before = wording_of_titles()
    assert before == wording_of_titles()
    monkeypatch.setattr(TYPES["person.died"], "title", "Has died")
    assert wording_of_titles() != before


@pytest.mark.parametrize("name", TYPES)
def test_a_title_stands_without_any_payload(name: str) -> None:
    title = title_of(name, {})
    assert title[0].isupper()
    assert title == title.strip(" :,")
    assert not set(title) & set("{}[]?|")
    assert "  " not in title


@given(name=st.sampled_from(sorted(TYPES)), payload=JSON)
def test_nothing_in_a_payload_makes_a_title_fail(name: str, payload: Any) -> None:
    for field in TYPES[name].json_names():
        title = title_of(name, {field: payload})
        assert title
        assert "\n" not in title


@pytest.mark.parametrize("name", TYPES)
def test_words_are_chosen_only_for_values_that_a_field_can_have(name: str) -> None:
    payload = TYPES[name]
    for field, words in payload.words.items():
        assert set(words) <= closed_values(payload, field), f"{name}.{field}"


def closed_values(payload: type[Payload], field: str) -> set[str]:
    annotation = payload.model_fields[field].annotation
    if annotation is bool or bool in get_args(annotation):
        return {"yes", "no"}
    return set(literals(annotation))


def literals(annotation: Any) -> list[str]:
    found = [each for each in get_args(annotation) if isinstance(each, str)]
    return found + [value for each in get_args(annotation) if not isinstance(each, str) for value in literals(each)]


def test_a_long_value_is_shortened_and_kept_on_one_line() -> None:
    title = title_of("telling.question-answered", {"question_text": "Where do you\nlive now? " * 50})
    assert title.startswith("Asked: Where do you live now? Where")
    assert title.endswith("…")
    assert len(title) <= LONGEST + len("Asked: ")


def test_a_long_list_is_shortened() -> None:
    changes = [{"field": f"field_{number}"} for number in range(9)]
    assert title_of("person.details-changed", {"changes": changes}) == "Details changed: field 0, field 1, field 2, …"


def test_no_title_names_a_third_person() -> None:
    other = {"name": {"text": "Osric", "family": "Osric", "given": ["Osric"]}, "telecoms": [{"value": "Osric"}]}
    for name in ("circle.relationship-changed", "access.contact-preference-stated", "circle.household-stated"):
        payload = {"other": other, "contact_via": other, "members": [{"other": other}]}
        assert "Osric" not in title_of(name, payload)


def test_an_unknown_type_is_titled_with_its_own_name() -> None:
    assert title_of("person.vanished", {"a": 1}) == "Person.vanished"


def test_a_template_that_names_no_field_of_its_type_is_a_mistake_of_ours() -> None:
    class Wrong(TYPES["person.died"]):  # type: ignore[misc]
        title = "Died at {plaice}"

    from events.catalogue.titles import _whole

    with pytest.raises(LookupError, match="plaice"):
        _whole(Wrong.title, Wrong)
