"""SIU: appointments booked, moved, cancelled, missed or deleted."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.hl7v2.codes import MINUTES
from adapters.hl7v2.fields import actor, coded, entity, first, place, told
from adapters.hl7v2.moments import minutes_after, moment
from adapters.hl7v2.reading import ENTERED_IN_ERROR, Patient, effective, name_part, with_coded
from adapters.hl7v2.tokens import Hl7, Part, Segment
from events.catalogue.rules import is_before

BOOKED, OUTCOME = "appointment.booked", "appointment.outcome-recorded"
_OUTCOMES = {"SIU^S15": "cancelled", "SIU^S26": "did-not-attend"}  # S15 does not say who cancelled


@dataclass(frozen=True, slots=True)
class _Appointment:
    key: str  # in facts' names
    number: str  # the sender's, or the key where it gives none
    start: str | None
    end: str | None


def booked(patient: Patient) -> None:
    """S12 booked it, S13 moved it, S14 changed it. HL7 does not say how people will meet."""
    since = patient.notes.mark
    appointment = _appointment(patient)
    if appointment is None:
        return
    if appointment.start is None:
        patient.notes.add("no-appointment-time", "AIS-4", "Without a time nothing is booked.")
        return
    hl7 = patient.reading.hl7
    service = _first_filled(hl7, "AIS", 3)
    location = _first_filled(hl7, "AIL", 3)
    payload = told(
        appointment_id=appointment.number,
        start=appointment.start,
        end=appointment.end,
        status="moved" if patient.reading.trigger == "SIU^S13" else "booked",
        service=_service_name(service),
        location=place(location) if location else None,
        note=_people(hl7),
        effective=effective(appointment.start, appointment.end),
    )
    own = with_coded(payload, service=coded(service) if service else None)
    patient.say(BOOKED, f"appointment/{appointment.key}/booked", own, since=since)


def outcome(patient: Patient) -> None:
    """S15 cancelled it, S26 found nobody there."""
    since = patient.notes.mark
    appointment = _appointment(patient)
    if appointment is None:
        return
    payload = told(
        appointment_id=appointment.number,
        outcome=_OUTCOMES[patient.reading.trigger],
        effective=effective(appointment.start, appointment.end),
    )
    patient.say(OUTCOME, f"appointment/{appointment.key}/outcome", payload, since=since)


def deleted(patient: Patient) -> None:
    """S17: the appointment had been entered in error."""
    since = patient.notes.mark
    appointment = _appointment(patient)
    if appointment is not None:
        patient.withdraw(BOOKED, f"appointment/{appointment.key}/booked", ENTERED_IN_ERROR, since=since)


def _appointment(patient: Patient) -> _Appointment | None:
    """The appointment a message speaks of: SCH-2, else SCH-1, else its time; None with a finding for none of these."""
    hl7, notes = patient.reading.hl7, patient.notes
    start, end = _times(hl7, patient.zone)
    if start and len(start) < len("YYYY-MM-DD"):
        notes.add("no-appointment-time", "AIS-4", "The time of an appointment is known to the day at least.")
        start = end = None
    sch = hl7.first("SCH")
    number = (entity(sch[2]) or entity(sch[1])) if sch else ""
    if number:
        return _Appointment(name_part(number), number, start, end)
    detail = "Its time names it." if start else "It has no time either: nothing names it."
    notes.add("no-appointment-number", "SCH-2", detail)
    return _Appointment(f"at-{start}", f"at-{start}", start, end) if start else None


def _times(hl7: Hl7, zone: str) -> tuple[str | None, str | None]:
    """Start and end from AIS-4, else TQ1-7, else SCH-11: SCH-11 is often the time of another year."""
    for ais in hl7.every("AIS"):
        start = moment(ais[4], zone, hl7.notes)
        if start:
            return start, _after(start, ais)
    for tq1 in hl7.every("TQ1"):
        start = moment(tq1[7], zone, hl7.notes)
        if start:
            return start, _not_before(start, tq1[8], zone, hl7)
    sch = hl7.first("SCH")
    if sch is None:
        return None, None
    timing = first(sch[11])
    start = moment(timing[4], zone, hl7.notes)
    return start, _not_before(start, timing[5], zone, hl7) if start else None


def _after(start: str, ais: Segment) -> str | None:
    """The end, where AIS-7 and AIS-8 give the duration in minutes or hours."""
    length, unit = ais[7].text, MINUTES.get(ais[8].text.upper())
    if not unit or "T" not in start or not length.isascii() or not length.isdigit() or len(length) > 4:
        return None
    return minutes_after(start, int(length) * unit)


def _not_before(start: str, part: Part, zone: str, hl7: Hl7) -> str | None:
    end = moment(part, zone, hl7.notes)
    if end and (is_before(end, start) or len(end) < len("YYYY-MM-DD")):
        hl7.notes.add("end-before-start", part.where, "It was left out.")
        return None
    return end


def _first_filled(hl7: Hl7, segment: str, field: int) -> Part | None:
    return next((each[field] for each in hl7.every(segment) if each[field]), None)


def _service_name(service: Part | None) -> dict[str, str] | None:
    code = coded(service) if service else None
    return {"name": code.get("display") or code.get("text") or code["code"]} if code else None


def _people(hl7: Hl7) -> str:
    """Who will be there, from AIP-3 and their part, AIP-4."""
    told_people = []
    for aip in hl7.every("AIP"):
        person = actor(first(aip[3])) or {}
        role = aip[4].at(2)
        if "name" in person:
            told_people.append(f"{person['name']} ({role})" if role else str(person["name"]))
    return f"With {', '.join(dict.fromkeys(told_people))}" if told_people else ""
