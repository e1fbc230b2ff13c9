"""PV1 and EVN: admissions, discharges, transfers, and their cancellations."""

from __future__ import annotations

from adapters.hl7v2.codes import PATIENT_CLASS, PATIENT_CLASS_WORDS, REGISTERED_CLASS
from adapters.hl7v2.fields import Shape, actor, coded, entity, first, in_words, listed, place, told
from adapters.hl7v2.moments import moment
from adapters.hl7v2.reading import ENTERED_IN_ERROR, Patient, effective, name_part, with_coded
from adapters.hl7v2.tokens import Segment
from events.catalogue.rules import is_before

STARTED, ENDED, CHANGED = "episode.started", "episode.ended", "episode.changed"


def visit_key(patient: Patient) -> str | None:
    """What names the visit in facts: PV1-19, else the moment of admission; None with a finding for neither."""
    pv1 = patient.first("PV1")
    number = entity(pv1[19]) if pv1 else ""
    if number:
        return name_part(number)
    admitted = moment(pv1[44], patient.zone, patient.notes) if pv1 else None
    detail = "PV1-44 names the visit." if admitted else "PV1-44 is empty too: nothing names the visit."
    patient.notes.add("no-visit-number", "PV1-19", detail)
    return f"at-{admitted}" if admitted else None


def _evn(patient: Patient, *numbers: int) -> str | None:
    """The first of these fields of EVN that is a moment."""
    evn = patient.reading.hl7.first("EVN")
    if evn is None:
        return None
    found = (moment(evn[number], patient.zone, patient.notes) for number in numbers)
    return next((each for each in found if each), None)


def _kind(patient: Patient, pv1: Segment) -> tuple[str | None, Shape | None]:
    """Kind of episode from the trigger where that decides, else from the class of the visit; and the class itself."""
    trigger, notes = patient.reading.trigger, patient.notes
    if trigger == "ADT^A01":
        return "inpatient", listed(pv1[2], PATIENT_CLASS, "0004", notes)[1]
    if trigger == "ADT^A04":
        kind, own = listed(pv1[2], REGISTERED_CLASS, "0004", notes)
        return kind or "outpatient", own
    return listed(pv1[2], PATIENT_CLASS, "0004", notes)


def start(patient: Patient, *fallback: int) -> None:
    """The visit began: PV1-44, else the given fields of EVN."""
    since = patient.notes.mark
    visit, pv1 = visit_key(patient), patient.first("PV1")
    if visit is None or pv1 is None:
        return
    began = moment(pv1[44], patient.zone, patient.notes) or _evn(patient, *fallback)
    kind, own_kind = _kind(patient, pv1)
    pv2 = patient.first("PV2")
    payload = told(
        episode_id=_episode_id(pv1, visit),
        kind=kind or "other",
        lead=actor(first(pv1[7])),
        reason=coded(pv2[3]) if pv2 else None,
        effective=effective(began),
    )
    own = with_coded(payload, kind=own_kind, service=coded(pv1[10]))
    patient.say(STARTED, f"visit/{visit}/start", own, since=since)


def end(patient: Patient, *fallback: int) -> None:
    """The visit ended: PV1-45, else the given fields of EVN. PV1-36 is not HL7's list: it stays the sender's code."""
    notes = patient.notes
    since = notes.mark
    visit, pv1 = visit_key(patient), patient.first("PV1")
    if visit is None or pv1 is None:
        return
    began, ended = moment(pv1[44], patient.zone, notes), moment(pv1[45], patient.zone, notes)
    ended = ended or _evn(patient, *fallback)
    if began and ended and is_before(ended, began):
        notes.add("end-before-start", "PV1-45", "The visit ends before it begins.")
    kind, own_kind = _kind(patient, pv1)
    payload = told(
        episode_id=_episode_id(pv1, visit),
        kind=kind,
        destination=pv1[37][1][2].text or pv1[37].text,
        effective=effective(ended),
    )
    patient.say(ENDED, f"visit/{visit}/end", with_coded(payload, kind=own_kind, reason=coded(pv1[36])), since=since)


def update(patient: Patient) -> None:
    """A08 asserts start and end again as far as their dates are filled; it never cancels."""
    pv1 = patient.first("PV1")
    if pv1 and pv1[44]:
        start(patient)
    if pv1 and pv1[45]:
        end(patient)


def location(patient: Patient) -> None:
    """The visit moved (A02), or moved back (A12: PV1-3 is where the person was before the transfer).

    An A12 that does not say where withdraws the transfer.
    """
    notes = patient.notes
    since = notes.mark
    visit, pv1 = visit_key(patient), patient.first("PV1")
    if visit is None or pv1 is None:
        return
    is_cancelled = patient.reading.trigger == "ADT^A12"
    now, before = place(pv1[3]), place(pv1[6])
    if not now:
        notes.add("no-location", "PV1-3", "It does not say where the person is.")
        if is_cancelled:
            patient.withdraw(CHANGED, f"visit/{visit}/location", ENTERED_IN_ERROR, since=since)
            return
    _changed(
        patient,
        pv1,
        visit,
        "location",
        told(to=told(text=now), effective=effective(_evn(patient, 6)))
        | told(**{"from": told(text="" if is_cancelled else before)}),
        since,
    )


def plan(patient: Patient) -> None:
    """A visit is planned (A05), for PV2-8."""
    since = patient.notes.mark
    visit, pv1, pv2 = visit_key(patient), patient.first("PV1"), patient.first("PV2")
    if visit is None or pv1 is None:
        return
    expected = moment(pv2[8], patient.zone, patient.notes) if pv2 else None
    reason = coded(pv2[3]) if pv2 else None
    _changed(patient, pv1, visit, "planned", told(reason=reason, effective=effective(expected)), since)


def change_class(patient: Patient) -> None:
    """The visit became an inpatient's (A06) or an outpatient's (A07). MRG-3 names an account, no other person."""
    since = patient.notes.mark
    visit, pv1 = visit_key(patient), patient.first("PV1")
    if visit is None or pv1 is None:
        return
    now = in_words(listed(pv1[2], PATIENT_CLASS, "0004", patient.notes)[1], PATIENT_CLASS_WORDS)
    details = told(to=now, effective=effective(_evn(patient, 6)))
    _changed(patient, pv1, visit, "class", details, since)


def _changed(patient: Patient, pv1: Segment, visit: str, change: str, details: Shape, since: int) -> None:
    kind, own_kind = listed(pv1[2], PATIENT_CLASS, "0004", patient.notes)
    payload = told(episode_id=_episode_id(pv1, visit), kind=kind, change=change) | details
    patient.say(CHANGED, f"visit/{visit}/{change}", with_coded(payload, kind=own_kind), since=since)


def cancel_start(patient: Patient) -> None:
    """A11: there was no admission."""
    _withdraw(patient, STARTED, "start")


def cancel_end(patient: Patient) -> None:
    """A13: there was no discharge."""
    _withdraw(patient, ENDED, "end")


def _withdraw(patient: Patient, type_name: str, which: str) -> None:
    since = patient.notes.mark
    visit = visit_key(patient)
    if visit is not None:
        patient.withdraw(type_name, f"visit/{visit}/{which}", ENTERED_IN_ERROR, since=since)


def _episode_id(pv1: Segment, visit: str) -> str:
    return entity(pv1[19]) or visit
