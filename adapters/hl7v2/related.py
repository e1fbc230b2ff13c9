"""NK1, AL1 and DG1: what a message lists beside the visit. Nothing is inferred from what a list leaves out."""

from __future__ import annotations

from adapters.hl7v2 import identifiers
from adapters.hl7v2.codes import (
    ALLERGY_KIND,
    ALLERGY_SEVERITY,
    DIAGNOSIS_TYPE,
    NO_KNOWN_ALLERGY,
    RELATION_WORDS,
    ROLE,
    SEX,
)
from adapters.hl7v2.fields import (
    Shape,
    address,
    coded,
    entity,
    first,
    in_words,
    listed,
    name,
    organisation,
    telecom,
    told,
)
from adapters.hl7v2.moments import day, moment, period
from adapters.hl7v2.reading import Patient, code_key, effective, name_part, text_key, with_coded
from adapters.hl7v2.tokens import Segment
from adapters.hl7v2.visits import visit_key


def lists(patient: Patient) -> None:
    """The relatives, allergies and diagnoses of a message."""
    for slot, nk1 in enumerate(patient.every("NK1"), start=1):
        _relative(patient, nk1, slot)
    for al1 in patient.every("AL1"):
        _allergy(patient, al1)
    diagnoses = patient.every("DG1")
    if diagnoses:
        visit = visit_key(patient)
        for dg1 in diagnoses:
            _diagnosis(patient, dg1, visit)


def _relative(patient: Patient, nk1: Segment, slot: int) -> None:
    notes = patient.notes
    since = notes.mark
    found = [each for each in (identifiers.read(repeat, notes) for repeat in nk1[33].repeats) if each]
    other = _other(patient, nk1, found)
    if not other:
        notes.add("empty-segment", nk1.where, "It names nobody.")
        return
    # A third person's name, national number or account never stands in a fact's name.
    own = next((each.value for each in found if each.is_own), "")
    key = name_part(own or nk1[1].text or str(slot))
    role, _ = listed(nk1[7], ROLE, "0131", notes)
    relation = in_words(coded(nk1[3]), RELATION_WORDS)
    implied = ROLE.get((relation or {}).get("code", "").upper())
    payload = told(
        other=other,
        relation=relation,
        roles=list(dict.fromkeys(each for each in (role, implied) if each)),
        action="stated",
        effective=period(nk1[8], nk1[9], notes),
    )
    patient.say(
        "circle.relationship-changed",
        f"next-of-kin/{key}",
        with_coded(payload, roles=coded(nk1[7])),
        since=since,
    )


def _other(patient: Patient, nk1: Segment, found: list[identifiers.Identifier]) -> Shape:
    notes = patient.notes
    addresses = [address(repeat, notes) for repeat in nk1[4].repeats]
    telecoms = [telecom(repeat, "home", notes) for repeat in nk1[5].repeats]
    telecoms += [telecom(repeat, "work", notes) for repeat in nk1[6].repeats]
    sex, _ = listed(nk1[15], SEX, "0001", notes)
    return told(
        name=name(first(nk1[2]), notes),
        birth_date=day(nk1[16], notes),
        sex=sex,
        identifiers=[identifiers.shape(each, "", notes) for each in found],
        telecoms=[each for each in telecoms if each],
        addresses=[each for each in addresses if each],
        organisation=organisation(first(nk1[13])),
    )


def _allergy(patient: Patient, al1: Segment) -> None:
    notes = patient.notes
    since = notes.mark
    substance, key = coded(al1[3]), code_key(al1[3])
    if substance is None or not key:
        notes.add("empty-segment", al1.where, "It names no substance.")
        return
    kind, own_kind = listed(al1[2], ALLERGY_KIND, "0127", notes)
    severity, own_severity = listed(al1[4], ALLERGY_SEVERITY, "0128", notes)
    reactions = [coded(repeat) for repeat in al1[5].repeats]
    payload = told(
        substance=substance,
        kind=kind,
        severity=severity,
        reactions=[each for each in reactions if each],
        status="no-known-allergies" if substance.get("code", "").upper() in NO_KNOWN_ALLERGY else None,
        effective=effective(day(al1[6], notes)),
    )
    patient.say(
        "health.allergy-recorded",
        f"allergy/{key}",
        with_coded(payload, kind=own_kind, severity=own_severity),
        since=since,
    )


def _diagnosis(patient: Patient, dg1: Segment, visit: str | None) -> None:
    notes = patient.notes
    since = notes.mark
    number = entity(dg1[20])
    code, key = _condition(patient, dg1)
    key = name_part(number) or key
    fact = f"visit/{visit}/diagnosis/{key}" if visit else f"diagnosis/{key}"
    if key and dg1[21].text.upper() == "D":
        patient.withdraw("health.condition-recorded", fact, {}, since=since)
        return
    if code is None:
        notes.add("empty-segment", dg1.where, "It names no diagnosis.")
        return
    certainty, own_certainty = listed(dg1[6], DIAGNOSIS_TYPE, "0052", notes)
    payload = told(
        condition_id=number,
        code=code,
        certainty=certainty,
        effective=effective(moment(dg1[5], patient.zone, notes)),
    )
    patient.say("health.condition-recorded", fact, with_coded(payload, certainty=own_certainty), since=since)


def _condition(patient: Patient, dg1: Segment) -> tuple[Shape | None, str]:
    """The diagnosis and what names it: DG1-3 with the words of DG1-4; some senders put all of it into DG1-4."""
    words = dg1[4].whole
    code = coded(dg1[3])
    if code is not None:
        is_bare = not {"display", "text"} & set(code)
        return code | told(display=words if is_bare else ""), code_key(dg1[3])
    if dg1[4][2] or dg1[4][3]:
        patient.notes.add("misplaced-components", dg1.where + "-4", "The code of DG1-3 stands in DG1-4.")
        return coded(dg1[4]), code_key(dg1[4])
    return ({"text": words}, text_key(words)) if words else (None, "")
