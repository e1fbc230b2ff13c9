"""One HL7 v2 message to facts, by its trigger."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from adapters.hl7v2 import mdm, merges, oru, pid, related, siu, visits, vxu
from adapters.hl7v2.identifiers import choose, is_cut
from adapters.hl7v2.moments import moment
from adapters.hl7v2.reading import Patient, Reading
from adapters.hl7v2.tokens import Hl7, NotHl7Error, Segment
from adapters.sdk.adapter import Finding, Message, Setting, Translation

Step = Callable[[Patient], None]

_EVN_6, _EVN_2 = 6, 2
_ADMISSION: tuple[Step, ...] = (lambda patient: visits.start(patient, _EVN_6, _EVN_2), related.lists)
_DISCHARGE: tuple[Step, ...] = (lambda patient: visits.end(patient, _EVN_6), related.lists)

# What each trigger tells after who the person is. A trigger that is not here is not mapped.
_TRIGGERS: dict[str, tuple[Step, ...]] = {
    "ADT^A01": _ADMISSION,
    "ADT^A02": (visits.location, related.lists),
    "ADT^A03": _DISCHARGE,
    "ADT^A04": _ADMISSION,
    "ADT^A05": (visits.plan, related.lists),
    "ADT^A06": (visits.change_class, related.lists),
    "ADT^A07": (visits.change_class, related.lists),
    "ADT^A08": (visits.update, related.lists),
    "ADT^A11": (visits.cancel_start, related.lists),
    "ADT^A12": (visits.location, related.lists),
    "ADT^A13": (visits.cancel_end, related.lists),
    "ADT^A28": (related.lists,),  # PV1 of A28 and A31 tells no visit, even with a date of discharge
    "ADT^A29": (),
    "ADT^A31": (related.lists,),
    "ADT^A34": (merges.merge,),
    "ADT^A40": (merges.merge,),
    "SIU^S12": (siu.booked, related.lists),
    "SIU^S13": (siu.booked, related.lists),
    "SIU^S14": (siu.booked, related.lists),
    "SIU^S15": (siu.outcome, related.lists),
    "SIU^S17": (siu.deleted, related.lists),
    "SIU^S26": (siu.outcome, related.lists),
    "ORU^R01": (oru.results, related.lists),
    "MDM^T02": (mdm.document, related.lists),
    "VXU^V04": (vxu.vaccinations, related.lists),
}
_CODE = re.compile(r"[A-Z][A-Z0-9]{2}")
_TOLD_MAX_BYTES = 8 << 20  # lest a message of a mebibyte tell of thousands what is nearly as long as itself
_NEXT = "Correct it at the sender and send it again, or retry it here after the adapter has learned it."


def translate(message: Message, setting: Setting) -> Translation:
    """Facts of one message. Never fails: what cannot be understood says why and goes to quarantine."""
    try:
        hl7 = Hl7(message.raw)
    except NotHl7Error:
        return Translation(quarantined=Finding("not-hl7", "MSH", "It does not begin with MSH and its delimiters."))
    trigger = _trigger(hl7)
    if trigger is None:
        return Translation(quarantined=Finding("no-trigger", "MSH-9", f"It does not say what happened. {_NEXT}"))
    if trigger not in _TRIGGERS:
        return Translation(not_mapped=f"trigger {trigger}")
    reading = _begin(hl7, trigger, setting)
    patients = _patients(reading)
    if not patients:
        return Translation(findings=(notes := reading.notes.take()), quarantined=_why_nobody(notes))
    if len(patients) * _shared_bytes(reading) > _TOLD_MAX_BYTES:
        return Translation(
            quarantined=Finding("message-too-large", "PID", "So many people share what is long. Part it.")
        )
    for patient in patients:
        _who(patient)
        for step in _TRIGGERS[trigger]:
            step(patient)
    return Translation(facts=tuple(reading.facts), findings=reading.notes.take())


def _why_nobody(notes: tuple[Finding, ...]) -> Finding:
    truncated = [note for note in notes if note.code == "truncated-message"]
    if truncated:
        return replace(truncated[0], detail=f"{truncated[0].detail} {_NEXT}")
    too_long = [note for note in notes if note.code == "identifier-too-long"]
    if too_long:
        return replace(too_long[0], detail=f"{too_long[0].detail} PID-3 names no other. Correct it at the sender.")
    why = "No PID names a record of the sender's: PID-3 holds no number of its own for the person."
    return Finding("no-record-identifier", "PID-3", f"{why} {_NEXT}")


def _shared_bytes(reading: Reading) -> int:
    """How much may be told of every person again: what stands before them, and all of an appointment."""
    segments = reading.hl7.segments
    if not reading.trigger.startswith("SIU"):
        segments = segments[: next(index for index, segment in enumerate(segments) if segment.name == "PID")]
    return sum(len(segment.line) for segment in segments)


def _trigger(hl7: Hl7) -> str | None:
    """`ADT^A01` of MSH-9; old senders leave the event to EVN-1, and some types have none."""
    kind, event = hl7.segments[0][9][1].text.upper(), hl7.segments[0][9][2].text.upper()
    evn = hl7.first("EVN")
    if not event and evn is not None:
        event = evn[1].text.upper()
    if not _CODE.fullmatch(kind) or not (event == "" or _CODE.fullmatch(event)):
        return None
    return f"{kind}^{event}" if event else kind


def _begin(hl7: Hl7, trigger: str, setting: Setting) -> Reading:
    msh, evn = hl7.segments[0], hl7.first("EVN")
    order = moment(msh[7], setting.zone, hl7.notes)
    if order is not None and len(order) < len("YYYY-MM-DD"):
        order = None
        hl7.notes.add("bad-date", "MSH-7", "The time of a message is known to the day at least.")
    if order is None:
        hl7.notes.add("no-message-time", "MSH-7", "Without it the order of arrival counts.")
    recorded = moment(evn[2], setting.zone, hl7.notes) if evn else None
    return Reading(
        hl7=hl7,
        trigger=trigger,
        zone=setting.zone,
        facility=msh[4].at(1) or msh[4].at(2),
        order=order,
        recorded=recorded if recorded and "T" in recorded else None,
    )


def _patients(reading: Reading) -> list[Patient]:
    """The people of a message whose records can be told, each with the segments up to the next PID."""
    hl7, notes = reading.hl7, reading.notes
    bounds = [index for index, segment in enumerate(hl7.segments) if segment.name == "PID"] + [len(hl7.segments)]
    found = []
    for start, stop in pairwise(bounds):
        pid_segment: Segment = hl7.segments[start]
        record, identifiers = choose(pid_segment[3], reading.facility, notes)
        if record is None:
            notes.add("no-record-identifier", pid_segment.where + "-3", "Nothing is told of this person.")
        elif is_cut(hl7, pid_segment, 3):
            notes.add("truncated-message", pid_segment.where + "-3", "The message ends within the identifier.")
        else:
            found.append(Patient(reading, record, identifiers, pid_segment, hl7.segments[start:stop]))
    return found


def _who(patient: Patient) -> None:
    """Who the person is: all of it from ADT, the identity alone from the rest."""
    if patient.reading.trigger == "ADT^A29":
        pid.withdraw_demographics(patient)
        return
    if patient.reading.trigger.startswith("ADT"):
        pid.demographics(patient)
    else:
        pid.identity(patient)
    pid.death(patient)
