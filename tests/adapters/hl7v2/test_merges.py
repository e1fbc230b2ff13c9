"""A34 and A40: two of the sender's records are one person."""

from __future__ import annotations

import pytest

from adapters.hl7v2.identifiers import record_of_payload
from tests.adapters.hl7v2.builders import PATIENT, findings, message, segment, translate

EVN = segment("EVN", {2: "20250203105900", 6: "20250203105500"})


@pytest.mark.parametrize("trigger", ["A34", "A40"])
def test_the_merged_records_fact_names_the_record_that_replaces_it(trigger: str) -> None:
    demographics, merged = translate(message(f"ADT^{trigger}", EVN, "MRG|9034^^^RX9^MR")).facts
    assert (demographics.name, demographics.local_id) == ("demographics", "RX9|4471")
    assert (merged.type, merged.name, merged.action) == ("person.identifier-changed", "merged", "assert")
    assert (merged.record_type, merged.local_id) == ("patient", "RX9|9034")
    assert merged.payload["action"] == "merged"
    assert merged.payload["effective"] == {"start": "2025-02-03T10:55:00+00:00"}


def test_both_records_can_be_told_from_the_payload_alone() -> None:
    raw = message("ADT^A40", EVN, r"MRG|90\F\34", pid={**PATIENT, 3: "4471^^^%A^MR"})
    survivor, merged = translate(raw).facts
    assert record_of_payload(merged.payload["identifier"]).local_id == merged.local_id == "RX9|90%7C34"
    assert record_of_payload(merged.payload["replaced_by"]).local_id == survivor.local_id == "%25A|4471"


def test_it_occurred_at_evn_6_else_evn_2() -> None:
    evn = segment("EVN", {2: "20250203105900"})
    merged = translate(message("ADT^A40", evn, "MRG|9034")).facts[1]
    assert merged.payload["effective"] == {"start": "2025-02-03T10:59:00+00:00"}
    assert "effective" not in translate(message("ADT^A40", "MRG|9034")).facts[1].payload


def test_the_merged_record_is_chosen_by_type_too() -> None:
    merged = translate(message("ADT^A40", "MRG|9990007063^^^NHS^NH~12^^^RX9^AN~9034^^^RX9^MR")).facts[1]
    assert merged.local_id == "RX9|9034"


@pytest.mark.parametrize(
    "mrg", ["MRG|||ACC1", "MRG", "MRG|000000", "MRG|9990007063^^^NHS^NH", "EVN|A40"], ids=lambda text: text[:12]
)
def test_without_an_identifier_in_mrg_1_nobody_is_merged(mrg: str) -> None:
    translation = translate(message("ADT^A40", mrg))
    assert [fact.name for fact in translation.facts] == ["demographics"]
    assert ("no-merged-identifier", "MRG-1") in findings(translation)


def test_a_record_is_not_merged_into_itself() -> None:
    translation = translate(message("ADT^A40", "MRG|4471^^^RX9^MR"))
    assert [fact.name for fact in translation.facts] == ["demographics"]
    assert findings(translation) == {("merged-into-itself", "MRG-1")}


def test_a_merge_cut_within_the_identifier_names_nobody() -> None:
    raw = message("ADT^A40", "MRG|903")[:-1]
    assert [fact.name for fact in translate(raw).facts] == ["demographics"]
    assert [fact.local_id for fact in translate(raw + b"\r").facts] == ["RX9|4471", "RX9|903"]


def test_several_pairs_in_one_message_are_kept_apart() -> None:
    second = segment("PID", {3: "5582^^^RX9^MR", 5: "Other^Ada"})
    raw = message("ADT^A40", "MRG|9034^^^RX9^MR", second, "MRG|9035^^^RX9^MR")
    told = [(fact.name, fact.local_id) for fact in translate(raw).facts]
    assert told == [
        ("demographics", "RX9|4471"),
        ("merged", "RX9|9034"),
        ("demographics", "RX9|5582"),
        ("merged", "RX9|9035"),
    ]
    assert [fact.payload["replaced_by"]["value"] for fact in translate(raw).facts if fact.name == "merged"] == [
        "4471",
        "5582",
    ]
