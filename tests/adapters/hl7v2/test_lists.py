"""NK1, AL1 and DG1: relatives, allergies and diagnoses, one fact each; nothing is inferred from what a list omits."""

from __future__ import annotations

import pytest

from tests.adapters.hl7v2.builders import PATIENT, VISIT, facts, findings, message, said, segment, translate, visit

# ---- relatives


def test_a_relative_is_told_with_relation_role_and_period() -> None:
    nk1 = {
        1: "1",
        2: "Testperson^Bertram^^^Mr",
        3: "HUSB^Husband^HL70063",
        4: "7 Sample Row^^Exampleton^^ZZ99 3VZ",
        5: "0113 496 0001^PRN^PH",
        6: "0113 496 0009",
        7: "N^Next of kin^HL70131",
        8: "20200101",
        9: "20251231",
        15: "M",
        16: "19500101",
    }
    fact = facts(message("ADT^A31", segment("NK1", nk1)))["next-of-kin/1"]
    assert (fact.type, fact.action) == ("circle.relationship-changed", "assert")
    assert fact.payload["other"] == {
        "name": {"family": "Testperson", "given": ["Bertram"], "prefix": ["Mr"]},
        "birth_date": "1950-01-01",
        "sex": "male",
        "telecoms": [
            {"system": "phone", "value": "0113 496 0001", "use": "home"},
            {"system": "phone", "value": "0113 496 0009", "use": "work"},
        ],
        "addresses": [{"line": ["7 Sample Row"], "city": "Exampleton", "postalCode": "ZZ99 3VZ"}],
    }
    assert fact.payload["relation"]["display"] == "Husband"
    assert (fact.payload["roles"], fact.payload["action"]) == (["next-of-kin"], "stated")
    assert fact.payload["effective"] == {"start": "2020-01-01", "end": "2025-12-31"}
    assert fact.payload["coded"]["roles"]["code"] == "N"


@pytest.mark.parametrize(
    ("relation", "told"),
    [
        ("Mother", {"code": "Mother"}),
        ("MTH", {"code": "MTH", "display": "mother"}),
        ("Sister in law", {"text": "Sister in law"}),
        ("^Mother", {"text": "Mother"}),
        ("", None),
    ],
)
def test_a_relation_may_be_free_text_or_empty(relation: str, told: dict[str, str] | None) -> None:
    fact = facts(message("ADT^A31", segment("NK1", {1: "1", 2: "Sample^Bo", 3: relation})))["next-of-kin/1"]
    assert fact.payload.get("relation") == told
    assert "roles" not in fact.payload
    assert "effective" not in fact.payload


@pytest.mark.parametrize(
    ("relation", "role", "roles"),
    [
        ("SO", "NOK", ["next-of-kin"]),
        ("EMC^Emergency", "", ["emergency-contact"]),
        ("CGV^Caregiver", "C", ["emergency-contact", "unpaid-carer"]),
        ("MTH", "Emergency Contact", ["emergency-contact"]),
        ("MTH", "E^Employer", None),
    ],
)
def test_roles_are_told_only_where_the_sender_does(relation: str, role: str, roles: list[str] | None) -> None:
    fact = facts(message("ADT^A31", segment("NK1", {1: "1", 2: "Sample^Bo", 3: relation, 7: role})))["next-of-kin/1"]
    assert fact.payload.get("roles") == roles
    assert said(fact) == set()


def test_an_unknown_role_is_a_finding_and_stands_as_sent() -> None:
    fact = facts(message("ADT^A31", segment("NK1", {1: "1", 2: "Sample^Bo", 7: "WIZ"})))["next-of-kin/1"]
    assert (fact.payload["coded"]["roles"], said(fact)) == ({"code": "WIZ"}, {("unknown-code", "NK1-7")})


@pytest.mark.parametrize(
    ("nk1", "name"),
    [
        ({1: "2", 33: "K77^^^RX9^MR"}, "next-of-kin/K77"),
        ({1: "2"}, "next-of-kin/2"),
        ({}, "next-of-kin/1"),
        ({1: "2", 33: "9990007063^^^NHS^NH"}, "next-of-kin/2"),
        ({1: "2", 33: "371669256^^^^SS~I-1^^^^BA"}, "next-of-kin/2"),
    ],
)
def test_no_name_and_no_national_number_of_a_third_person_stands_in_a_facts_name(
    nk1: dict[int, str], name: str
) -> None:
    assert name in facts(message("ADT^A31", segment("NK1", {2: "Sample^Bo", **nk1})))


def test_a_relative_who_is_nobody_is_a_finding() -> None:
    translation = translate(message("ADT^A31", "NK1|1|Sample^Bo", "NK1|2", "NK1|3||MTH"))
    assert [fact.name for fact in translation.facts] == ["demographics", "next-of-kin/1"]
    assert findings(translation) == {("empty-segment", "NK1(2)"), ("empty-segment", "NK1(3)")}


def test_an_employer_without_a_name_is_an_organisation() -> None:
    fact = facts(message("ADT^A31", segment("NK1", {1: "4", 7: "EM^EMPLOYER", 13: "ACME"})))["next-of-kin/4"]
    assert fact.payload["other"] == {"organisation": {"name": "ACME"}}


# ---- allergies


def test_an_allergy_is_named_by_its_code() -> None:
    al1 = {2: "DA", 3: "91936005^Penicillin^SCT", 4: "SV", 5: "Rash~Swollen lips", 6: "2011"}
    fact = facts(message("ADT^A31", segment("AL1", al1)))["allergy/91936005"]
    assert fact.type == "health.allergy-recorded"
    assert fact.payload["substance"] == {
        "code": "91936005",
        "display": "Penicillin",
        "system": "http://snomed.info/sct",
    }
    assert (fact.payload["kind"], fact.payload["severity"]) == ("allergy", "severe")
    assert fact.payload["reactions"] == [{"code": "Rash"}, {"text": "Swollen lips"}]
    assert fact.payload["effective"] == {"start": "2011"}
    assert {name: code["code"] for name, code in fact.payload["coded"].items()} == {"kind": "DA", "severity": "SV"}


def test_an_allergy_without_a_code_is_named_by_a_digest_of_its_words() -> None:
    spellings = ("^Brazil nuts", "^brazil  NUTS ", "Brazil nuts", "^^^^Brazil nuts")
    names = {
        next(name for name in facts(message("ADT^A31", f"AL1|1|FA|{text}")) if name.startswith("allergy/"))
        for text in spellings
    }
    assert len(names) == 1
    assert "razil" not in names.pop()


@pytest.mark.parametrize(
    ("code", "status"), [("716186003^No known allergy^SCT", "no-known-allergies"), ("1^Nuts", None)]
)
def test_no_known_allergy_is_a_code_of_its_own(code: str, status: str | None) -> None:
    named = facts(message("ADT^A31", f"AL1|1||{code}"))
    (fact,) = [each for name, each in named.items() if name.startswith("allergy/")]
    assert fact.payload.get("status") == status


def test_unknown_codes_of_an_allergy_are_findings_and_absent() -> None:
    fact = facts(message("ADT^A31", "AL1|1|ZZ|1^Nuts|TERRIBLE"))["allergy/1"]
    assert {"kind", "severity"} & set(fact.payload) == set()
    assert said(fact) == {("unknown-code", "AL1-2"), ("unknown-code", "AL1-4")}


def test_an_allergy_to_nothing_is_a_finding() -> None:
    translation = translate(message("ADT^A31", "AL1|1|DA"))
    assert findings(translation) == {("empty-segment", "AL1")}


# ---- diagnoses


def _dg1(**fields: str) -> str:
    given = {3: "S72.0^Fracture of neck of femur^I10", 5: "20250114", 6: "F"}
    return segment("DG1", given | {int(name[1:]): value for name, value in fields.items()})


def test_a_diagnosis_is_named_by_visit_and_number_else_code() -> None:
    numbered = facts(visit("ADT^A31", _dg1(f20="D77^PAS")))["visit/V1/diagnosis/D77"]
    assert numbered.payload["condition_id"] == "D77"
    coded = facts(visit("ADT^A31", _dg1()))["visit/V1/diagnosis/S72.0"]
    assert coded.type == "health.condition-recorded"
    assert coded.payload["code"]["display"] == "Fracture of neck of femur"
    assert (coded.payload["certainty"], coded.payload["effective"]) == ("confirmed", {"start": "2025-01-14"})


def test_the_words_of_dg1_4_describe_a_bare_code_or_stand_for_one() -> None:
    described = facts(visit("ADT^A31", _dg1(f3="S72.0", f4="Broken hip")))["visit/V1/diagnosis/S72.0"]
    assert described.payload["code"] == {"code": "S72.0", "display": "Broken hip"}
    named = facts(visit("ADT^A31", _dg1(f3="", f4="Broken hip & bruises")))
    (fact,) = [each for name, each in named.items() if "/diagnosis/text-" in name]
    assert fact.payload["code"] == {"text": "Broken hip & bruises"}


def test_a_code_in_dg1_4_is_put_right_with_a_finding() -> None:
    fact = facts(visit("ADT^A01", _dg1(f3="", f4="R63.4^Loss of weight^I10")))["visit/V1/diagnosis/R63.4"]
    assert fact.payload["code"]["display"] == "Loss of weight"
    assert said(fact) == {("misplaced-components", "DG1-4")}


@pytest.mark.parametrize(("sent", "certainty"), [("W", "provisional"), ("A", None), ("F", "confirmed")])
def test_the_certainty_of_a_diagnosis_is_not_guessed(sent: str, certainty: str | None) -> None:
    fact = facts(visit("ADT^A31", _dg1(f6=sent)))["visit/V1/diagnosis/S72.0"]
    assert (fact.payload.get("certainty"), said(fact)) == (certainty, set())


def test_a_deleted_diagnosis_is_withdrawn() -> None:
    fact = facts(visit("ADT^A08", _dg1(f20="D77", f21="D")))["visit/V1/diagnosis/D77"]
    assert (fact.type, fact.action, fact.payload) == ("health.condition-recorded", "withdraw", {})
    assert facts(visit("ADT^A08", _dg1(f20="D77", f21="U")))["visit/V1/diagnosis/D77"].action == "assert"


def test_a_diagnosis_without_a_visit_is_told_all_the_same() -> None:
    translation = translate(message("ADT^A31", _dg1()))
    assert [fact.name for fact in translation.facts] == ["demographics", "diagnosis/S72.0"]
    assert findings(translation) == {("no-visit-number", "PV1-19")}


def test_empty_diagnoses_are_findings() -> None:
    translation = translate(visit("ADT^A31", "DG1|1", _dg1(f3="", f20="D77")))
    assert [fact.name for fact in translation.facts] == ["demographics"]
    assert findings(translation) == {("empty-segment", "DG1(1)"), ("empty-segment", "DG1(2)")}


# ---- what a list omits


def test_what_a_later_message_leaves_out_is_not_withdrawn() -> None:
    listed = ("NK1|1|Sample^Bo", "AL1|1|DA|1^Nuts", _dg1())
    full, bare = facts(visit("ADT^A01", *listed)), facts(visit("ADT^A08"))
    assert {fact.action for fact in (*full.values(), *bare.values())} == {"assert"}
    assert set(full) - set(bare) == {"next-of-kin/1", "allergy/1", "visit/V1/diagnosis/S72.0"}


@pytest.mark.parametrize("kind", ["SIU^S12", "ORU^R01", "MDM^T02", "VXU^V04"])
def test_lists_are_told_from_other_messages_too(kind: str) -> None:
    raw = message(kind, segment("PV1", VISIT), "NK1|1|Sample^Bo", "AL1|1|DA|1^Nuts", _dg1(), pid=PATIENT)
    assert {"next-of-kin/1", "allergy/1", "visit/V1/diagnosis/S72.0"} <= set(facts(raw))
