"""PID and PD1: who the person is, and whether they died."""

from __future__ import annotations

from adapters.hl7v2 import identifiers
from adapters.hl7v2.codes import SEX
from adapters.hl7v2.fields import Shape, address, coded, first, listed, name, organisation, telecom, told
from adapters.hl7v2.moments import day, moment
from adapters.hl7v2.reading import Patient, effective, with_coded

DEMOGRAPHICS = "demographics"
IDENTITY = "identity"


def demographics(patient: Patient) -> None:
    """Everything PID and PD1 say, as one fact: what a later message leaves out is gone."""
    pid, notes = patient.pid, patient.notes
    since = notes.mark
    sex, own_sex = listed(pid[8], SEX, "0001", notes)
    addresses = [address(repeat, notes) for repeat in pid[11].repeats]
    telecoms = [telecom(repeat, "home", notes) for repeat in pid[13].repeats]
    telecoms += [telecom(repeat, "work", notes) for repeat in pid[14].repeats]
    pd1 = patient.first("PD1")
    payload = _identity(patient) | told(
        sex_registered=sex,
        addresses=[each for each in addresses if each],
        telecoms=[each for each in telecoms if each],
        ethnicity=coded(first(pid[22])),
        religion=coded(pid[17]),
        nationality=coded(first(pid[28])),
        gp_practice=organisation(first(pd1[3])) if pd1 else None,
    )
    # PD1-12 is the sender's own word that this person's record is to be protected.
    is_protected = pd1 is not None and pd1[12].text.upper() == "Y"
    patient.say(
        "person.registered",
        DEMOGRAPHICS,
        with_coded(payload, sex_registered=own_sex),
        since=since,
        sensitivity="restricted" if is_protected else None,
    )


def identity(patient: Patient) -> None:
    """Identifiers, names and birth date only: the short PID of an order deletes no address."""
    since = patient.notes.mark
    patient.say("person.registered", IDENTITY, _identity(patient), since=since)


def _identity(patient: Patient) -> Shape:
    pid, notes = patient.pid, patient.notes
    facility, nhs_status = patient.reading.facility, pid[32].text
    names = [name(repeat, notes) for field in (pid[5], pid[9]) for repeat in field.repeats]
    return {
        "identifiers": [identifiers.shape(each, facility, notes, nhs_status) for each in patient.identifiers]
    } | told(names=[each for each in names if each], birth_date=day(pid[7], notes))


def withdraw_demographics(patient: Patient) -> None:
    """A29 deletes what was registered; it does not say why."""
    patient.withdraw("person.registered", DEMOGRAPHICS, {}, since=patient.notes.mark)


def death(patient: Patient) -> None:
    """The death that PID-29 and PID-30 tell. `N` says nothing: it does not withdraw."""
    pid, notes = patient.pid, patient.notes
    since = notes.mark
    indicator, date = pid[30].text.upper(), moment(pid[29], patient.zone, notes)
    if indicator not in ("", "Y", "YES", "N", "NO"):
        notes.add("unknown-code", "PID-30", "Neither Y nor N.")
    if indicator in ("N", "NO") and date:
        notes.add("death-contradicted", "PID-30", "PID-29 has a date of death and PID-30 says that there is none.")
    elif date or indicator in ("Y", "YES"):
        payload = told(date=date, effective=effective(date))
        patient.say("person.died", "death", payload, since=since)
