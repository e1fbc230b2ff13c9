"""The objects payloads are made of."""

from __future__ import annotations

from typing import Any

import pytest

from events.catalogue.shapes import Address, Doc, Identifier, Name, Telecom
from tests.events.catalogue.payloads import A_CODE, a_payload, faults


def registered(**more: Any) -> str:
    return faults("person.registered", a_payload("person.registered", **more))


def result(value: Any) -> str:
    return faults("health.result-recorded", a_payload("health.result-recorded", value=value))


def test_fhir_datatypes_keep_fhirs_field_names() -> None:
    assert {"use", "type", "system", "value", "period", "assigner"} <= set(Identifier.model_fields)
    assert set(Name.model_fields) == {"use", "text", "family", "given", "prefix", "suffix", "period"}
    assert {"line", "city", "district", "state", "postalCode", "country"} <= set(Address.model_fields)
    assert set(Telecom.model_fields) == {"system", "value", "use", "rank", "period"}
    assert {"contentType", "language", "url", "size", "hash", "title", "creation"} <= set(Doc.model_fields)
    assert registered(addresses=[{"postal_code": "ZZ99 3VZ"}]) == "addresses[0].postal_code"


@pytest.mark.parametrize(
    "value",
    [
        {"text": "clear"},
        {"boolean": False},
        {"integer": -3},
        {"decimal": "0.50"},
        {"date": "2024-05"},
        {"coded": A_CODE},
        {"quantity": {"value": "5.4", "unit": "mmol/L", "comparator": "<"}},
        {"money": {"value": "1", "currency": "GBP"}},
        {"period": {"start": "2024"}},
    ],
)
def test_an_answer_is_of_one_kind(value: dict[str, Any]) -> None:
    assert result(value) == ""


@pytest.mark.parametrize("value", [{}, {"text": "1", "integer": 1}, {"number": 1}, {"decimal": 1}, "clear", 5])
def test_an_answer_of_no_kind_or_two_is_refused(value: Any) -> None:
    assert result(value).startswith("value")


@pytest.mark.parametrize("code", [{"code": "1"}, {"text": "one"}, {"code": "1", "system": "s", "display": "one"}])
def test_a_code_or_the_words_for_it_are_enough(code: dict[str, str]) -> None:
    assert registered(ethnicity=code) == ""


@pytest.mark.parametrize("code", [{}, {"display": "one"}, {"system": "s"}, {"system": "s", "display": "one"}])
def test_without_code_and_words_nothing_is_coded(code: dict[str, str]) -> None:
    assert registered(ethnicity=code) == "ethnicity"


@pytest.mark.parametrize(
    "more",
    [
        {"names": [{}]},
        {"names": [{"use": "official"}]},
        {"addresses": [{"use": "home"}]},
        {"gp_practice": {"type": A_CODE}},
        {"recorded_by": {}},
        {"documents": [{"contentType": "text/plain"}]},
    ],
)
def test_an_object_that_says_nothing_is_refused(more: dict[str, Any]) -> None:
    assert registered(**more).startswith(next(iter(more)))


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"identifiers": [{"value": "1", "use": "primary"}]}, "identifiers[0].use"),
        ({"names": [{"text": "A", "use": "legal"}]}, "names[0].use"),
        ({"addresses": [{"text": "A", "type": "hut"}]}, "addresses[0].type"),
        ({"telecoms": [{"value": "1", "system": "mobile"}]}, "telecoms[0].system"),
        ({"telecoms": [{"system": "phone"}]}, "telecoms[0].value"),
    ],
)
def test_the_lists_of_fhirs_datatypes_are_closed(more: dict[str, Any], path: str) -> None:
    assert registered(**more) == path


def test_the_senders_code_stands_beside_a_closed_list_under_its_name() -> None:
    assert registered(coded={"sex_registered": A_CODE}) == ""
    assert (
        faults(
            "housing.accommodation-changed",
            a_payload("housing.accommodation-changed", previous={"homeless": True}, coded={"previous.tenure": A_CODE}),
        )
        == ""
    )
    assert faults("referral.made", a_payload("referral.made", coded={"from": A_CODE})) == ""


@pytest.mark.parametrize("name", ["tenure", "sex", "coded_by", "from_"])
def test_a_code_under_a_name_that_is_no_field_is_refused(name: str) -> None:
    assert registered(coded={name: A_CODE}) == "payload"


@pytest.mark.parametrize("name", ["Sex", "", "sex registered", ".tenure"])
def test_a_code_under_what_is_no_name_is_refused(name: str) -> None:
    assert registered(coded={name: A_CODE}).startswith("coded.")


@pytest.mark.parametrize("plain", ["1948", 5, True, ["a", {"b": 1}], {"line": ["12 Example Row"]}])
def test_a_change_may_hold_any_plain_value_before_and_after(plain: Any) -> None:
    changes = [{"field": "addresses", "from": plain, "to": plain}]
    assert faults("person.details-changed", {"changes": changes}) == ""


@pytest.mark.parametrize("wrong", [1.5, [1, [2.5]], {"a": {"b": None}}, None])
def test_a_change_holds_no_fraction_and_no_null(wrong: Any) -> None:
    changes = [{"field": "addresses", "to": wrong}]
    assert faults("person.details-changed", {"changes": changes}) == "changes[0].to"


def test_who_said_it_and_how_they_know_may_stand_in_every_payload() -> None:
    more = {
        "effective": {"start": "2024"},
        "said_by": "parent-or-guardian",
        "recorded_by": {"role": "health visitor", "organisation": {"name": "Northfield Clinic"}},
        "method": "phone",
        "own_words": "She is walking now.",
        "language": "cy-GB",
        "with_person_present": True,
        "documents": [{"title": "Red book"}],
        "note": "Asked at the door.",
    }
    assert registered(**more) == ""
    assert registered(said_by="neighbour") == "said_by"
    assert registered(language="Welsh language") == "language"
    assert faults("hub.log-opened", a_payload("hub.log-opened", note="x")) == "note"
