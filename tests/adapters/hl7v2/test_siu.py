"""SIU: appointments."""

from __future__ import annotations

import pytest

from tests.adapters.hl7v2.builders import PATIENT, facts, findings, message, said, segment, translate

SCH = {1: "P1", 2: "AP1^PAS", 11: "^^^202002110900^202002110930"}
AIS = {3: "FRAC^Fracture clinic^RX9", 4: "20250211090000", 7: "30", 8: "min^Minutes^ISO"}
TQ1 = {7: "20250212100000", 8: "20250212104500"}


def _siu(trigger: str, *segments: str, sch: dict[int, str] = SCH, pid: dict[int, str] = PATIENT) -> bytes:
    return message(f"SIU^{trigger}", segment("SCH", sch), *segments, pid=pid)


def _booked(*segments: str, sch: dict[int, str] = SCH, trigger: str = "S12") -> dict[str, object]:
    return dict(facts(_siu(trigger, *segments, sch=sch))["appointment/AP1/booked"].payload)


def test_a_booking_takes_place_when_ais_4_says() -> None:
    location, person = "AIL|1||OPD3^R2^^RX9", "AIP|1||C7^Sampleton^Jo^^^Ms|PHYS^Physiotherapist"
    fact = facts(_siu("S12", segment("TQ1", TQ1), segment("AIS", AIS), location, person))["appointment/AP1/booked"]
    assert (fact.type, fact.action, fact.time) == ("appointment.booked", "assert", "2025-02-11T09:00:00+00:00")
    assert fact.payload == {
        "appointment_id": "AP1",
        "start": "2025-02-11T09:00:00+00:00",
        "end": "2025-02-11T09:30:00+00:00",
        "status": "booked",
        "service": {"name": "Fracture clinic"},
        "location": "R2, OPD3, RX9",
        "note": "With Ms Jo Sampleton (Physiotherapist)",
        "effective": {"start": "2025-02-11T09:00:00+00:00", "end": "2025-02-11T09:30:00+00:00"},
        "coded": {"service": {"code": "FRAC", "display": "Fracture clinic", "system": "RX9"}},
    }
    assert said(fact) == set()


def test_its_time_stands_in_ais_4_else_tq1_7_else_sch_11() -> None:
    assert _booked(segment("AIS", AIS), segment("TQ1", TQ1))["start"] == "2025-02-11T09:00:00+00:00"
    without = segment("AIS", {3: "FRAC"})
    assert _booked(without, segment("TQ1", TQ1))["start"] == "2025-02-12T10:00:00+00:00"
    assert _booked(without, segment("TQ1", TQ1))["end"] == "2025-02-12T10:45:00+00:00"
    assert _booked(without)["start"] == "2020-02-11T09:00:00+00:00"
    assert _booked(without)["end"] == "2020-02-11T09:30:00+00:00"


def test_a_bad_time_gives_way_to_the_next_with_a_finding() -> None:
    fact = facts(_siu("S12", segment("AIS", AIS | {4: "soon"}), segment("TQ1", TQ1)))["appointment/AP1/booked"]
    assert fact.payload["start"] == "2025-02-12T10:00:00+00:00"
    assert said(fact) == {("bad-date", "AIS-4")}


@pytest.mark.parametrize(
    ("length", "unit", "end"),
    [
        ("50", "min", "2025-02-11T09:50:00+00:00"),
        ("2", "hr", "2025-02-11T11:00:00+00:00"),
        ("60", "s", None),
        ("", "min", None),
        ("long", "min", None),
        ("99999", "min", None),
    ],
)
def test_its_end_follows_from_a_duration_in_known_units(length: str, unit: str, end: str | None) -> None:
    assert _booked(segment("AIS", AIS | {7: length, 8: unit})).get("end") == end


def test_an_end_before_the_start_is_left_out_with_a_finding() -> None:
    fact = facts(_siu("S12", segment("TQ1", TQ1 | {8: "20250211"})))["appointment/AP1/booked"]
    assert ("end" in fact.payload, said(fact)) == (False, {("end-before-start", "TQ1-8")})


@pytest.mark.parametrize(("trigger", "status"), [("S12", "booked"), ("S13", "moved"), ("S14", "booked")])
def test_booked_moved_and_changed_are_one_fact(trigger: str, status: str) -> None:
    payload = _booked(segment("AIS", AIS), trigger=trigger)
    assert payload["status"] == status
    assert "mode" not in payload


@pytest.mark.parametrize(("trigger", "outcome"), [("S15", "cancelled"), ("S26", "did-not-attend")])
def test_an_outcome_is_a_fact_beside_the_booking(trigger: str, outcome: str) -> None:
    named = facts(_siu(trigger, segment("AIS", AIS)))
    assert set(named) == {"identity", "appointment/AP1/outcome"}
    fact = named["appointment/AP1/outcome"]
    assert (fact.type, fact.action) == ("appointment.outcome-recorded", "assert")
    assert fact.payload["outcome"] == outcome
    assert fact.payload["effective"]["start"] == "2025-02-11T09:00:00+00:00"


def test_an_outcome_needs_no_time() -> None:
    fact = facts(_siu("S26", sch={2: "AP1"}))["appointment/AP1/outcome"]
    assert "effective" not in fact.payload


def test_a_deleted_appointment_is_withdrawn() -> None:
    fact = facts(_siu("S17", segment("AIS", AIS)))["appointment/AP1/booked"]
    assert (fact.type, fact.action, fact.payload) == (
        "appointment.booked",
        "withdraw",
        {"reason": "entered-in-error"},
    )


def test_the_fillers_number_comes_before_the_placers() -> None:
    assert "appointment/P1/booked" in facts(_siu("S12", segment("AIS", AIS), sch={1: "P1", 2: "000"}))


def test_an_appointment_without_a_number_is_named_by_its_time() -> None:
    for trigger, which in (("S12", "booked"), ("S26", "outcome"), ("S17", "booked")):
        named = facts(_siu(trigger, segment("AIS", AIS), sch={}))
        fact = named[f"appointment/at-2025-02-11T09:00:00+00:00/{which}"]
        assert said(fact) == {("no-appointment-number", "SCH-2")}


def test_an_appointment_that_nothing_names_tells_only_the_identity() -> None:
    for trigger in ("S12", "S15", "S17"):
        translation = translate(_siu(trigger, sch={}))
        assert [fact.name for fact in translation.facts] == ["identity"]
        assert ("no-appointment-number", "SCH-2") in findings(translation)


@pytest.mark.parametrize("start", ["", "2025", "202502"])
def test_without_a_day_nothing_is_booked(start: str) -> None:
    translation = translate(_siu("S12", segment("AIS", {4: start}), sch={2: "AP1"}))
    assert [fact.name for fact in translation.facts] == ["identity"]
    assert ("no-appointment-time", "AIS-4") in findings(translation)


def test_an_appointment_known_by_its_day_has_no_end_from_a_duration() -> None:
    assert _booked(segment("AIS", AIS | {4: "20250211"}))["effective"] == {"start": "2025-02-11"}


def test_who_the_person_is_comes_without_address_or_sex() -> None:
    pid = {**PATIENT, 3: "4471^^^RX9^MR~9990007063^^^NHS^NH", 11: "7 Row^^Exampleton", 13: "0113 496 0001"}
    named = facts(_siu("S12", segment("AIS", AIS), pid=pid))
    assert "demographics" not in named
    assert set(named["identity"].payload) == {"identifiers", "names", "birth_date"}
    assert named["identity"].type == "person.registered"


def test_a_group_appointment_is_booked_for_everybody_named() -> None:
    second = segment("PID", {3: "5582^^^RX9^MR", 5: "Other^Ada"})
    told = [(fact.name, fact.local_id) for fact in translate(_siu("S12", second, segment("AIS", AIS))).facts]
    assert told == [
        ("identity", "RX9|4471"),
        ("appointment/AP1/booked", "RX9|4471"),
        ("identity", "RX9|5582"),
        ("appointment/AP1/booked", "RX9|5582"),
    ]
