"""ORU R01: results."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.hl7v2.oru import decimal
from tests.adapters.hl7v2.builders import PATIENT, facts, findings, message, said, segment, translate

OBR = {2: "O551", 3: "L9907^LAB", 4: "FBC^Full blood count", 7: "20250115060500", 24: "HM"}
OBX = {2: "NM", 3: "718-7^Haemoglobin^LN", 4: "1", 5: "104", 6: "g/L^g/L^UCUM", 7: "115-165", 8: "L", 11: "F"}


def _oru(*rows: dict[int, str], obr: dict[int, str] | None = OBR) -> bytes:
    order = [segment("OBR", obr)] if obr is not None else []
    return message("ORU^R01", *order, *(segment("OBX", OBX | row) for row in rows))


def _value(**fields: str) -> Any:
    row = {int(name[1:]): value for name, value in fields.items()}
    return facts(_oru(row))["result/L9907/718-7/1"].payload.get("value")


def test_a_result_is_told_with_everything_a_reader_needs() -> None:
    fact = facts(_oru({14: "20250115061000"}))["result/L9907/718-7/1"]
    assert (fact.type, fact.action) == ("health.result-recorded", "assert")
    assert fact.payload == {
        "report_id": "L9907",
        "category": {"code": "HM"},
        "status": "final",
        "code": {"code": "718-7", "display": "Haemoglobin", "system": "http://loinc.org"},
        "value": {
            "quantity": {"value": "104", "unit": "g/L", "system": "http://unitsofmeasure.org", "code": "g/L"},
        },
        "interpretation": {"code": "L", "display": "low"},
        "reference_range": "115-165",
        "effective": {"start": "2025-01-15T06:10:00+00:00"},
        "coded": {"status": {"system": "http://terminology.hl7.org/CodeSystem/v2-0085", "code": "F"}},
    }
    assert said(fact) == set()


def test_it_was_observed_at_obx_14_else_obr_7() -> None:
    assert facts(_oru({}))["result/L9907/718-7/1"].payload["effective"] == {"start": "2025-01-15T06:05:00+00:00"}


def test_a_report_is_named_by_the_filler_else_the_placer() -> None:
    assert "result/O551/718-7/1" in facts(_oru({}, obr=OBR | {3: ""}))


def test_a_report_without_a_number_is_named_by_its_time_with_a_finding() -> None:
    for obr in (OBR | {2: "", 3: ""}, OBR | {2: "000", 3: ""}):
        fact = facts(_oru({}, obr=obr))["result/at-2025-01-15T06:05:00+00:00/718-7/1"]
        assert said(fact) == {("no-report-number", "OBR-3")}
        assert "report_id" not in fact.payload
    assert "result/sent-2025-01-14T09:45:12+00:00/718-7/1" in facts(_oru({}, obr=None))


@pytest.mark.parametrize(
    ("sent", "status", "finding"),
    [
        ("F", "final", False),
        ("P", "preliminary", False),
        ("R", "preliminary", False),
        ("C", "corrected", False),
        ("I", None, False),
        ("X", None, False),
        ("", None, False),
        ("9", None, True),
    ],
)
def test_the_status_of_a_result_is_not_guessed(sent: str, status: str | None, finding: bool) -> None:
    fact = facts(_oru({11: sent}))["result/L9907/718-7/1"]
    assert fact.payload.get("status") == status
    assert said(fact) == ({("unknown-code", "OBX-11")} if finding else set())


def test_a_correction_is_a_version_of_the_same_fact() -> None:
    first, corrected = (facts(_oru({5: value, 11: status})) for value, status in (("104", "F"), ("140", "C")))
    assert set(first) == set(corrected)
    assert corrected["result/L9907/718-7/1"].action == "assert"


@pytest.mark.parametrize(("status", "payload"), [("D", {}), ("W", {"reason": "entered-in-error"})])
def test_a_deleted_or_wrong_result_is_withdrawn(status: str, payload: dict[str, str]) -> None:
    fact = facts(_oru({11: status}))["result/L9907/718-7/1"]
    assert (fact.type, fact.action, fact.payload) == ("health.result-recorded", "withdraw", payload)


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [
        ("NM", "7.30", {"quantity": {"value": "7.30"}}),
        ("NM", "+.5", {"quantity": {"value": "0.5"}}),
        ("NM", "-007", {"quantity": {"value": "-7"}}),
        ("NM", "", None),
        ("SN", "^182", {"quantity": {"value": "182"}}),
        ("SN", "<^5", {"quantity": {"value": "5", "comparator": "<"}}),
        ("SN", "=^5", {"quantity": {"value": "5"}}),
        ("SN", "^1^:^128", {"text": "1:128"}),
        ("SN", "<>^5", {"text": "<>5"}),
        ("CWE", "260415000^Not detected^SCT", {"coded": {"code": "260415000", "display": "Not detected"}}),
        ("CE", "^growth", {"coded": {"text": "growth"}}),
        ("ST", r"A \T\ B^C&D", {"text": "A & B^C&D"}),
        ("TX", "line one~line two", {"text": "line one\nline two"}),
        ("FT", r"one\.br\two", {"text": "one\ntwo"}),
        ("", "free", {"text": "free"}),
        ("DT", "20200705", {"date": "2020-07-05"}),
        ("TM", "1030", {"text": "1030"}),
    ],
)
def test_a_value_is_told_by_its_type(kind: str, sent: str, value: dict[str, Any] | None) -> None:
    told = _value(f2=kind, f5=sent, f6="")
    if told and "coded" in told:
        told["coded"].pop("system", None)
    assert told == value


@pytest.mark.parametrize(
    ("kind", "sent", "code"),
    [("NM", "sample haemolysed", "not-a-number"), ("DT", "05/07/2020", "bad-date")],
)
def test_a_value_of_another_type_than_named_is_kept_as_text_with_a_finding(kind: str, sent: str, code: str) -> None:
    fact = facts(_oru({2: kind, 5: sent}))["result/L9907/718-7/1"]
    assert (fact.payload["value"], said(fact)) == ({"text": sent}, {(code, "OBX-5")})


@pytest.mark.parametrize("kind", ["ED", "RP", "HD", "XPN"])
def test_documents_and_pointers_stay_in_the_receipt_with_a_finding(kind: str) -> None:
    fact = facts(_oru({2: kind, 5: "^application^pdf^Base64^AAAA"}))["result/L9907/718-7/1"]
    assert ("value" in fact.payload, said(fact)) == (False, {("value-not-carried", "OBX-5")})


def test_several_values_of_one_observation_are_components() -> None:
    fact = facts(_oru({5: "60~120", 6: ""}))["result/L9907/718-7/1"]
    assert [each["value"]["quantity"]["value"] for each in fact.payload["components"]] == ["60", "120"]
    assert "value" not in fact.payload


def test_lines_of_one_text_are_one_result() -> None:
    rows = ({2: "TX", 3: "COM^Comment", 4: "1", 5: line} for line in ("first", "", "third"))
    named = facts(_oru(*rows))
    assert set(named) == {"identity", "result/L9907/COM/1"}
    assert named["result/L9907/COM/1"].payload["value"] == {"text": "first\n\nthird"}


def test_an_observation_told_twice_under_one_name_hides_nothing() -> None:
    named = facts(_oru({5: "104"}, {5: "99"}))
    assert named["result/L9907/718-7/1"].payload["value"]["quantity"]["value"] == "104"
    second = named["result/L9907/718-7/1/2"]
    assert second.payload["value"]["quantity"]["value"] == "99"
    assert said(second) == {("repeated-observation", "OBX(2)-4")}


def test_an_observation_of_nothing_is_a_finding() -> None:
    translation = translate(_oru({3: ""}, {}))
    assert [fact.name for fact in translation.facts] == ["identity", "result/L9907/718-7/1"]
    assert ("no-observation-code", "OBX(1)-3") in findings(translation)


def test_an_observation_is_named_by_its_second_code_where_the_first_is_empty() -> None:
    fact = facts(_oru({3: "^^^718-7^Haemoglobin^LN"}))["result/L9907/718-7/1"]
    assert fact.payload["code"] == {"code": "718-7", "display": "Haemoglobin", "system": "http://loinc.org"}


def test_codes_and_sub_ids_cannot_imitate_each_other() -> None:
    named = facts(_oru({3: "a/b", 4: "1"}, {3: "a", 4: "b/1"}))
    assert {"result/L9907/a%2Fb/1", "result/L9907/a/b%2F1"} <= set(named)


def test_results_of_several_people_in_one_message_are_kept_apart() -> None:
    second = segment("PID", {3: "5582^^^RX9^MR", 5: "Other^Ada"})
    raw = message("ORU^R01", segment("OBR", OBR), segment("OBX", OBX), second, segment("OBX", OBX))
    told = [(fact.name, fact.local_id) for fact in translate(raw).facts]
    assert told == [
        ("identity", "RX9|4471"),
        ("result/L9907/718-7/1", "RX9|4471"),
        ("identity", "RX9|5582"),
        ("result/sent-2025-01-14T09:45:12+00:00/718-7/1", "RX9|5582"),
    ]


def test_of_several_people_only_those_without_a_record_are_left_out() -> None:
    raw = message("ORU^R01", segment("PID", PATIENT), segment("OBX", OBX), pid={5: "Nobody^Ada"})
    translation = translate(raw)
    assert {fact.local_id for fact in translation.facts} == {"RX9|4471"}
    assert ("no-record-identifier", "PID(1)-3") in findings(translation)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("0", "0"),
        ("000", "0"),
        ("-0.50", "-0.50"),
        ("12.", "12"),
        (".", None),
        ("", None),
        ("-", None),
        ("1e5", None),
        ("1,000", None),
        ("9" * 19, None),
        ("٣", None),
        ("0." + "1" * 10, None),
    ],
)
def test_decimals_keep_the_zeros_behind_the_point(sent: str, told: str | None) -> None:
    assert decimal(sent) == told
