"""What every payload is held to, whatever its type."""

from __future__ import annotations

import copy
import traceback
from typing import Any

import pytest
from pydantic import ValidationError

from events.canonical import canonical
from events.catalogue import TYPES, check_payload, check_retraction
from events.errors import RejectedMessage
from tests.events.catalogue.payloads import LEAST, a_payload, faults

EVERY_TYPE = sorted(TYPES)
REQUIRED = [
    (name, field.alias or key)
    for name, payload in TYPES.items()
    for key, field in payload.model_fields.items()
    if field.is_required()
]


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_the_least_payload_of_a_type_is_taken_and_left_as_it_is(name: str) -> None:
    payload = a_payload(name)
    check_payload(name, payload)
    assert payload == LEAST[name]


@pytest.mark.parametrize(("name", "field"), REQUIRED)
def test_a_required_field_that_is_missing_is_named(name: str, field: str) -> None:
    payload = a_payload(name)
    del payload[field]
    assert faults(name, payload) == field
    assert faults(name, payload, partial=True) == ""


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_a_field_that_no_type_has_is_refused(name: str) -> None:
    assert faults(name, a_payload(name, colour="blue")) == "colour"
    assert faults(name, a_payload(name, colour="blue"), partial=True) == "colour"


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_null_is_refused_for_every_field(name: str) -> None:
    for field in TYPES[name].json_names():
        assert field in faults(name, a_payload(name) | {field: None})


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_a_fraction_is_refused_for_every_field(name: str) -> None:
    for field in TYPES[name].json_names():
        assert field in faults(name, a_payload(name) | {field: 1.5})


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_the_fast_check_and_the_model_agree(name: str) -> None:
    TYPES[name].model_validate(a_payload(name))
    with pytest.raises(ValidationError):
        TYPES[name].model_validate(a_payload(name, colour="blue"))


@pytest.mark.parametrize("payload", [[], "text", 7, None, True, [{}]])
def test_a_payload_that_is_no_object_is_refused(payload: Any) -> None:
    assert faults("person.died", payload) == "payload"


@pytest.mark.parametrize("name", ["person.vanished", "", "PERSON.DIED", "person", "hub.", "x" * 1000])
def test_an_unknown_type_is_refused(name: str) -> None:
    with pytest.raises(RejectedMessage) as refused:
        check_payload(name, {})
    assert refused.value.code == "unknown-type"
    assert "docs/events.md" in refused.value.next_step


def test_every_fault_is_told_at_once_by_its_path() -> None:
    payload = a_payload(
        "person.registered",
        identifiers=[{"value": ""}, {"system": "x"}],
        birth_date="2023-02-29",
        sex_registered="F",
        names=[{"family": 3, "given": "Ann"}],
    )
    with pytest.raises(RejectedMessage) as refused:
        check_payload("person.registered", payload)
    assert refused.value.where.split(", ") == [
        "identifiers[0].value",
        "identifiers[1].value",
        "names[0].family",
        "names[0].given",
        "birth_date",
        "sex_registered",
    ]
    what = refused.value.what
    assert "identifiers[1].value is missing" in what
    assert "birth_date must be a real date" in what
    assert "sex_registered must be one of 'male', 'female', 'indeterminate' or 'unknown'" in what
    assert "schemas/events/person.registered/1.json" in refused.value.next_step


def test_no_value_of_a_person_stands_in_an_error_or_its_traceback() -> None:
    secret = "Marigold Testwell"
    payload = a_payload(
        "person.registered",
        birth_date=secret,
        sex_registered=secret,
        names=[{"family": 1.5, secret: secret}],
        coded={secret: {"code": secret}},
        effective={"start": secret},
        note=[secret],
    )
    payload[secret] = secret
    with pytest.raises(RejectedMessage) as refused:
        check_payload("person.registered", payload)
    told = "".join(traceback.format_exception(refused.value))
    assert "Marigold" not in told
    assert "(a name that is no field's)" in refused.value.where


def test_a_payload_of_nothing_but_faults_gets_a_short_answer() -> None:
    payload = a_payload("person.registered", identifiers=[{"value": 1}] * 5000)
    with pytest.raises(RejectedMessage) as refused:
        check_payload("person.registered", payload)
    assert len(str(refused.value)) < 5000
    assert "and 4980 more" in refused.value.what


@pytest.mark.parametrize("wrong", ["1", 1.0, True, -1, 2**53])
def test_a_count_is_a_whole_number_and_nothing_is_made_one(wrong: Any) -> None:
    assert faults("contact.occurred", a_payload("contact.occurred", minutes=wrong)) == "minutes"


@pytest.mark.parametrize("wrong", ["true", 1, 0, "yes"])
def test_a_truth_is_true_or_false_and_nothing_is_made_one(wrong: Any) -> None:
    assert faults("contact.occurred", a_payload("contact.occurred", seen_alone=wrong)) == "seen_alone"


@pytest.mark.parametrize("wrong", ["", 5, ["a"], {"text": "a"}])
def test_a_text_says_something(wrong: Any) -> None:
    assert faults("contact.occurred", a_payload("contact.occurred", summary=wrong)) == "summary"


def test_a_tuple_is_no_list() -> None:
    assert faults("person.registered", {"identifiers": ({"value": "H1"},)}) == "identifiers"


def test_told_in_part_what_is_there_must_still_be_right() -> None:
    assert faults("appointment.booked", {}, partial=True) == ""
    assert faults("health.condition-recorded", {"code": {}}, partial=True) == ""
    assert faults("appointment.booked", {"mode": "by-pigeon"}, partial=True) == "mode"
    assert faults("appointment.booked", {"start": "2026-02-30"}, partial=True) == "start"


@pytest.mark.parametrize("payload", [{}, {"reason": "wrong-person"}, {"reason": "duplicate", "detail": "sent twice"}])
def test_a_withdrawal_says_nothing_or_why(payload: dict[str, Any]) -> None:
    check_retraction(payload)


@pytest.mark.parametrize(
    "payload", [{"detail": "no reason"}, {"reason": "because"}, {"identifiers": []}, {"reason": "wrong-person", "x": 1}]
)
def test_a_withdrawal_says_nothing_else(payload: dict[str, Any]) -> None:
    with pytest.raises(RejectedMessage, match="bad-payload"):
        check_retraction(payload)


def test_checking_twice_from_many_payloads_changes_none() -> None:
    payload = a_payload("referral.made", from_={"name": "Surgery"}, effective={"start": "2025"})
    before = canonical(copy.deepcopy(payload))
    for _ in range(3):
        check_payload("referral.made", payload)
    assert canonical(payload) == before
