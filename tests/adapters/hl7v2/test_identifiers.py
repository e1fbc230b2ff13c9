"""Which record a message speaks of: by the type of an identifier, never by its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.identifiers import RecordId, record_of_payload
from events.ids import record_of, source_of
from tests.adapters.hl7v2.builders import PATIENT, facts, findings, message, said, translate

OWN, NHS = "4471^^^RX9^MR", "9990007063^^^NHS^NH"


def _record(identifiers: str, **changes: str) -> str:
    (fact,) = translate(message("ADT^A31", pid={**PATIENT, 3: identifiers}, **changes)).facts
    return fact.local_id


@pytest.mark.parametrize(
    ("identifiers", "record"),
    [
        (OWN, "RX9|4471"),
        (f"{NHS}~{OWN}", "RX9|4471"),
        ("88^^^RX9^AN~4471^^^RX9^MR", "RX9|4471"),
        ("12^^^RX9^PI~34^^^RX9^MRN~4471^^^RX9^MR", "RX9|4471"),
        ("12^^^RX9^PI~4471^^^RX9^MRN", "RX9|4471"),
        ("88^^^RX9^XX~99^^^RX9^YY", "RX9|88"),  # no type of ours: the first
        ("123456789^^^USSSA^SS~88^^^RX9", "RX9|88"),
        ("4471^^^RX9&1.2.3&ISO^MR", "RX9|4471"),
        ("4471^^^&1.2.3&ISO^MR", "1.2.3|4471"),
        ("4471^^^^MR", "RX9|4471"),  # without an authority the sending facility
        ("4471", "RX9|4471"),
        ('4471^^^""^MR', "RX9|4471"),
        (" 4471 ^^^ RX9 ^ mr ", "RX9|4471"),
    ],
)
def test_the_record_is_the_senders_own_number(identifiers: str, record: str) -> None:
    assert _record(identifiers) == record


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_repeats_makes_no_difference(order: tuple[int, ...]) -> None:
    repeats = (OWN, NHS, "77^^^RX9^AN")
    assert _record("~".join(repeats[index] for index in order)) == "RX9|4471"


def test_the_same_number_of_two_authorities_is_two_records() -> None:
    assert len({_record(f"PATID1234^^^{authority}^MR") for authority in ("one", "two", "three")}) == 3


def test_without_any_authority_there_is_a_finding() -> None:
    translation = translate(message("ADT^A31", pid={**PATIENT, 3: "4471"}, f4=""))
    assert translation.facts[0].local_id == "|4471"
    assert ("no-authority", "PID-3") in findings(translation)


@pytest.mark.parametrize(
    ("identifiers", "record"),
    [
        ("191919^^GENHOS^MR~371-66-9256^^^USSSA^SS", "GENHOS|191919"),
        ("0000000001^^^MR~e167^^^EHRID", "RX9|0000000001"),
        ("0000000001^^M11^MR", "RX9|0000000001"),
        ("4471^5^M11^ADT1^GOOD HEALTH HOSPITAL~123456789^^^^^USSSA^", "ADT1|4471"),
        ("123456789^^^&2.16.840.1.113883.4.1^ISO^SS~36^^^MPI^MR", "MPI|36"),
        ("9990007063^^NHS~4471^^^RX9^MR", "RX9|4471"),
    ],
)
def test_misplaced_components_are_put_right_with_a_finding(identifiers: str, record: str) -> None:
    translation = translate(message("ADT^A31", pid={**PATIENT, 3: identifiers}))
    assert translation.facts[0].local_id == record
    assert "misplaced-components" in {code for code, _ in findings(translation)}


@pytest.mark.parametrize(
    "identifiers",
    [
        "",
        "00000-0000000",
        "0",
        "000000^^^RX9^MR",
        "UNKNOWN",
        "N/A^^^RX9^MR",
        '""',
        NHS,
        "371-66-9256^^^USSSA^SS",
        f"{NHS}~000^^^RX9^MR",
        "~~",
        "^^^RX9^MR",
        "-^^^RX9^MR",
    ],
)
def test_without_a_number_of_the_senders_the_message_waits_in_quarantine(identifiers: str) -> None:
    translation = translate(message("ADT^A01", pid={**PATIENT, 3: identifiers}))
    assert translation.quarantined is not None
    assert translation.quarantined.code == "no-record-identifier"
    assert translation.quarantined.where == "PID-3"


def test_where_the_only_number_is_too_long_the_quarantine_says_so() -> None:
    translation = translate(message("ADT^A01", pid={**PATIENT, 3: "9" * 201}))
    assert translation.quarantined is not None
    assert (translation.quarantined.code, translation.quarantined.where) == ("identifier-too-long", "PID-3")
    assert "200 characters" in translation.quarantined.detail


def test_a_placeholder_beside_a_number_is_a_finding_and_told_to_nobody() -> None:
    translation = translate(message("ADT^A31", pid={**PATIENT, 3: f"00000-0000000~{OWN}"}))
    assert ("placeholder-identifier", "PID-3(1)") in findings(translation)
    assert [each["value"] for each in translation.facts[0].payload["identifiers"]] == ["4471"]


def test_without_a_pid_nobody_can_be_told() -> None:
    translation = translate(message("ADT^A01", pid=None))
    assert translation.quarantined is not None
    assert translation.quarantined.code == "no-record-identifier"


@pytest.mark.parametrize("rest", ["", "^", "^^^RX", "^^^RX9", "^^^RX9^M", "^^^RX9^MR~99900", "^^^RX9^AN"])
def test_a_message_that_breaks_off_in_its_identifiers_names_nobody(rest: str) -> None:
    raw = message("ADT^A31", pid={3: f"447{rest}"})[:-1]
    translation = translate(raw)
    assert translation.quarantined is not None
    assert translation.quarantined.code == "truncated-message"
    assert translate(raw + b"\r").facts


def test_a_message_without_a_last_line_end_is_whole_where_its_identifier_is() -> None:
    assert translate(message("ADT^A31", pid={3: OWN})[:-1]).facts[0].local_id == "RX9|4471"
    assert translate(message("ADT^A31", pid={3: "4471", 5: "Testperson"})[:-1]).facts[0].local_id == "RX9|4471"


# ---- no two records share an id

_TEXTS = st.text("ab|%7C2", min_size=1, max_size=6)


@given(one=st.tuples(_TEXTS, _TEXTS), other=st.tuples(_TEXTS, _TEXTS))
def test_no_two_records_share_an_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (RecordId(*one).local_id == RecordId(*other).local_id) == (one == other)


def test_a_bar_within_an_id_cannot_imitate_an_authority() -> None:
    assert _record(r"b\F\c^^^a^MR") == "a|b%7Cc"
    assert _record(r"c^^^a\F\b^MR") == "a%7Cb|c"
    assert _record("50%^^^a^MR") == "a|50%25"
    assert record_of(source_of("exampleton", "pas"), f"patient/{_record(OWN)}").local_id == "RX9|4471"


@given(authority=st.text(max_size=9), value=st.text(min_size=1, max_size=9))
def test_a_record_can_be_told_from_its_payload(authority: str, value: str) -> None:
    record = RecordId(authority, value)
    assert record_of_payload(record.payload()) == record


# ---- identifiers as they are told


def _told(identifiers: str, **more: str) -> list[dict[str, object]]:
    pid = {**PATIENT, 3: f"{OWN}~{identifiers}", **{int(name[1:]): value for name, value in more.items()}}
    fact = facts(message("ADT^A31", pid=pid))["demographics"]
    assert said(fact) == set()
    return [dict(each) for each in fact.payload["identifiers"][1:]]


@pytest.mark.parametrize(
    "sent",
    [
        "9990007063^^^NHS",
        "9990007063^^^NHS^NH",
        "9990007063^^^^NH",
        "9990007063^^^NHSNBR^NHSNMBR",
        "9990007063^^^X^NHS",
        "999 000 7063^^^NHS",
        "999-000-7063^^^&2.16.840.1.113883.2.1.4.1&ISO",
    ],
)
def test_an_nhs_number_is_told_with_its_system(sent: str) -> None:
    (told,) = _told(sent)
    assert (told["system"], told["value"]) == ("https://fhir.nhs.uk/Id/nhs-number", "9990007063")
    assert "status" not in told


@pytest.mark.parametrize(("sent", "status"), [("NSTS01", "01"), ("03", "03"), ("nsts08", "08")])
def test_how_sure_the_sender_is_of_an_nhs_number_stands_in_pid_32(sent: str, status: str) -> None:
    (told,) = _told(NHS, f32=sent)
    assert told["status"] == {
        "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus",
        "code": status,
    }


def test_other_codes_of_pid_32_say_nothing_of_the_nhs_number() -> None:
    assert "status" not in _told(NHS, f32="UD")[0]


def test_a_wrong_check_digit_is_a_finding_and_lowers_nothing_else() -> None:
    fact = facts(message("ADT^A31", pid={**PATIENT, 3: f"{OWN}~9990007064^^^NHS^NH"}))["demographics"]
    assert said(fact) == {("nhs-number-check-digit", "PID-3(2)")}
    told = fact.payload["identifiers"][1]
    assert (told["system"], told["value"]) == ("https://fhir.nhs.uk/Id/nhs-number", "9990007064")


def test_other_identifiers_are_told_with_type_authority_and_period() -> None:
    assert _told("77^^^AccMgr^AN^^20240101^20241231") == [
        {
            "value": "77",
            "assigner": "AccMgr",
            "type": {"code": "AN", "system": "http://terminology.hl7.org/CodeSystem/v2-0203"},
            "period": {"start": "2024-01-01", "end": "2024-12-31"},
        }
    ]


def test_the_sending_facility_gives_no_numbers_but_its_own() -> None:
    told = _told("D123^^^^DL~371669256^^^^SS~88")
    assert [each.get("assigner") for each in told] == [None, None, "RX9"]
