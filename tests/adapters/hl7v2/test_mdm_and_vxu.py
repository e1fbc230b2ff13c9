"""MDM T02: documents. VXU V04: vaccinations."""

from __future__ import annotations

import pytest

from tests.adapters.hl7v2.builders import facts, findings, message, said, segment, translate

TXA = {
    2: "DS^Discharge summary^RX9",
    4: "20250122170000",
    5: "C9^Other",
    9: "C1^Exemplar^Noor^^^Dr",
    12: "DOC5521^PAS",
    17: "AU",
}
RXA = {3: "20250926140500", 5: "1119349007^Influenza vaccination^SCT", 20: "CP"}


# ---- documents


def _mdm(*lines: str, **fields: str) -> bytes:
    txa = TXA | {int(name[1:]): value for name, value in fields.items()}
    return message("MDM^T02", segment("TXA", txa), *lines)


def test_a_document_is_told_with_its_text() -> None:
    raw = _mdm("OBX|1|TX|DS||Admitted after a fall.", r"OBX|2|FT|DS||Home\.br\with care")
    fact = facts(raw)["document/DOC5521"]
    assert (fact.type, fact.action, fact.sensitivity) == ("document.shared", "assert", None)
    assert fact.payload == {
        "document": {
            "identifier": {"value": "DOC5521", "assigner": "PAS"},
            "contentType": "text/plain",
            "creation": "2025-01-22T17:00:00+00:00",
            "status": {"code": "AU"},
            "text": "Admitted after a fall.\nHome\nwith care",
        },
        "kind": {"code": "DS", "display": "Discharge summary", "system": "RX9"},
        "author": {"name": "Dr Noor Exemplar", "identifier": {"value": "C1"}},
        "effective": {"start": "2025-01-22T17:00:00+00:00"},
    }


def test_a_kind_without_words_is_put_into_words() -> None:
    assert facts(_mdm(f2="OP"))["document/DOC5521"].payload["kind"] == {"code": "OP", "display": "operative report"}
    assert facts(_mdm(f2="ZZ"))["document/DOC5521"].payload["kind"] == {"code": "ZZ"}


def test_the_author_is_the_originator_else_who_did_it() -> None:
    assert facts(_mdm(f9=""))["document/DOC5521"].payload["author"]["name"] == "Other"
    assert facts(_mdm(f9="Noor Exemplar"))["document/DOC5521"].payload["author"] == {"name": "Noor Exemplar"}


def test_what_is_no_text_stays_in_the_receipt_with_a_finding() -> None:
    fact = facts(_mdm("OBX|1|ED|PDF||^application^pdf^Base64^AAAA"))["document/DOC5521"]
    assert "text" not in fact.payload["document"]
    assert said(fact) == {("value-not-carried", "OBX-5")}


@pytest.mark.parametrize(("sent", "label"), [("V", "restricted"), ("R", "restricted"), ("U", None), ("", None)])
def test_the_senders_confidentiality_is_heeded(sent: str, label: str | None) -> None:
    assert facts(_mdm(f18=sent))["document/DOC5521"].sensitivity == label


def test_a_document_without_a_number_is_named_by_its_time_and_kind() -> None:
    fact = facts(_mdm(f12=""))["document/at-2025-01-22T17:00:00+00:00/DS"]
    assert said(fact) == {("no-document-number", "TXA-12")}
    assert "document/sent-2025-01-14T09:45:12+00:00" in facts(_mdm(f12="", f4="", f2=""))


def test_without_txa_there_is_no_document() -> None:
    translation = translate(message("MDM^T02", "OBX|1|TX|DS||text"))
    assert [fact.name for fact in translation.facts] == ["identity"]
    assert findings(translation) == {("no-document", "TXA")}


# ---- vaccinations


def _vxu(*segments: str) -> bytes:
    return message("VXU^V04", *segments)


def test_a_vaccination_is_named_by_the_order_before_it() -> None:
    fact = facts(_vxu("ORC|RE||VAC1^GP", segment("RXA", RXA)))["vaccination/VAC1"]
    assert (fact.type, fact.action) == ("health.immunisation-recorded", "assert")
    assert fact.payload == {
        "immunisation_id": "VAC1",
        "vaccine": {
            "code": "1119349007",
            "display": "Influenza vaccination",
            "system": "http://snomed.info/sct",
        },
        "status": "completed",
        "effective": {"start": "2025-09-26T14:05:00+01:00"},
        "coded": {"status": {"system": "http://terminology.hl7.org/CodeSystem/v2-0322", "code": "CP"}},
    }


def test_without_an_order_it_is_named_by_time_and_vaccine() -> None:
    assert "vaccination/2025-09-26T14:05:00+01:00+1119349007" in facts(_vxu(segment("RXA", RXA)))
    assert "vaccination/sent-2025-01-14T09:45:12+00:00+1119349007" in facts(_vxu(segment("RXA", {5: RXA[5]})))


def test_an_order_speaks_of_the_one_vaccination_behind_it() -> None:
    second = segment("RXA", RXA | {5: "20^DTaP^CVX"})
    named = facts(_vxu("ORC|RE||VAC1", segment("RXA", RXA), second))
    assert set(named) == {"identity", "vaccination/VAC1", "vaccination/2025-09-26T14:05:00+01:00+20"}


@pytest.mark.parametrize(
    ("sent", "status"), [("CP", "completed"), ("RE", "not-done"), ("NA", "not-done"), ("PA", None), ("", None)]
)
def test_a_refused_vaccination_was_not_done(sent: str, status: str | None) -> None:
    fact = facts(_vxu("ORC|RE||VAC1", segment("RXA", RXA | {18: "00^Parental decision^NIP002", 20: sent})))
    assert fact["vaccination/VAC1"].payload.get("status") == status
    assert fact["vaccination/VAC1"].payload["reason"]["display"] == "Parental decision"


def test_a_deleted_vaccination_is_withdrawn() -> None:
    fact = facts(_vxu("ORC|RE||VAC1", segment("RXA", RXA | {21: "D"})))["vaccination/VAC1"]
    assert (fact.type, fact.action, fact.payload) == ("health.immunisation-recorded", "withdraw", {})


def test_a_vaccination_told_twice_under_one_name_hides_nothing() -> None:
    named = facts(_vxu(segment("RXA", RXA), segment("RXA", RXA | {20: "RE"})))
    second = named["vaccination/2025-09-26T14:05:00+01:00+1119349007/2"]
    assert second.payload["status"] == "not-done"
    assert said(second) == {("repeated-vaccination", "RXA(2)-5")}


def test_a_vaccination_with_nothing_is_a_finding() -> None:
    translation = translate(_vxu("RXA|0|1|20250926"))
    assert [fact.name for fact in translation.facts] == ["identity"]
    assert findings(translation) == {("no-vaccine", "RXA-5")}
