"""VXU V04: vaccinations given, refused or deleted."""

from __future__ import annotations

from collections import Counter

from adapters.hl7v2.codes import VACCINE_STATUS
from adapters.hl7v2.fields import coded, entity, first, listed, told
from adapters.hl7v2.moments import moment
from adapters.hl7v2.reading import Patient, code_key, effective, name_part, with_coded
from adapters.hl7v2.tokens import Segment

IMMUNISATION = "health.immunisation-recorded"


def vaccinations(patient: Patient) -> None:
    """Each RXA, named by the order before it (ORC-3), else by its time and vaccine."""
    order: Segment | None = None
    named: Counter[str] = Counter()
    for segment in patient.segments:
        if segment.name == "ORC":
            order = segment
        elif segment.name == "RXA":
            _vaccination(patient, segment, order, named)
            order = None  # an ORC speaks of the one RXA that follows it


def _vaccination(patient: Patient, rxa: Segment, order: Segment | None, named: Counter[str]) -> None:
    notes = patient.notes
    since = notes.mark
    vaccine = coded(rxa[5])
    if vaccine is None:
        notes.add("no-vaccine", rxa.where + "-5", "It does not say which vaccine.")
        return
    when = moment(rxa[3], patient.zone, notes)
    number = entity(order[3]) if order else ""
    key = name_part(number) if number else f"{when or patient.moment_name(None)}+{code_key(rxa[5])}"
    named[key] += 1
    if named[key] > 1:
        # Told twice in one message under one name, the second would hide the first.
        notes.add("repeated-vaccination", rxa.where + "-5", "Number, or time and vaccine, come again in one message.")
        key = f"{key}/{named[key]}"
    fact = f"vaccination/{key}"
    if rxa[21].text.upper() == "D":
        patient.withdraw(IMMUNISATION, fact, {}, since=since)
        return
    status, own_status = listed(rxa[20], VACCINE_STATUS, "0322", notes)
    payload = told(
        immunisation_id=number,
        vaccine=vaccine,
        status=status,
        reason=coded(first(rxa[18])),
        effective=effective(when),
    )
    patient.say(IMMUNISATION, fact, with_coded(payload, status=own_status), since=since)
