"""Admissions, attendances, transfers and discharges: the hospital's ADT messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from hub.demo.desks.hospital import AUTHORITY, Hl7Desk, Patients, Visit, without_offset
from hub.demo.hl7 import Field, Segment
from hub.demo.people import Person

Place = tuple[str, ...]
EMERGENCY: Place = ("ED", "", "", AUTHORITY)
Kin = tuple[str, str, str]  # family name, given name, relation


class Wards:
    """What the front desk and the wards enter, as messages."""

    def __init__(self, desk: Hl7Desk, patients: Patients) -> None:
        self._desk = desk
        self._patients = patients
        self._visits = 0

    def _open(self, person: Person, at: datetime, kind: str, place: Place) -> Visit:
        self._visits += 1
        return Visit(f"V{310_000 + self._visits * 13}", person, kind, place, at)

    def attend(self, person: Person, at: datetime, *more: Segment, kind: str = "E", place: Place = EMERGENCY) -> Visit:
        """A04: arrives at the emergency department, or at a clinic."""
        visit = self._open(person, at, kind, place)
        self._say("A04", visit, at, *more)
        return visit

    def admit(self, person: Person, at: datetime, ward: str, *more: Segment) -> Visit:
        """A01: comes in to stay."""
        visit = self._open(person, at, "I", (ward, "", str(1 + self._visits % 24), AUTHORITY))
        self._say("A01", visit, at, *more)
        return visit

    def plan(self, person: Person, at: datetime, ward: str, due: datetime) -> Visit:
        """A05: an admission is planned for a later day; the visit's number is kept."""
        visit = replace(self._open(person, due, "I", (ward, "", "", AUTHORITY)))
        self._send("A05", visit, at, {8: f"{self._desk.stamp(due)}"})
        return visit

    def arrive(self, visit: Visit, at: datetime, *more: Segment) -> None:
        """A01 for a planned visit."""
        visit.started = at
        self._say("A01", visit, at, *more)

    def admit_from_emergency(self, visit: Visit, at: datetime, ward: str, *more: Segment) -> None:
        """A06: from the emergency department to a bed."""
        visit.kind, visit.place = "I", (ward, "", str(1 + self._visits % 24), AUTHORITY)
        self._say("A06", visit, at, *more)

    def transfer(self, visit: Visit, at: datetime, ward: str) -> None:
        """A02: to another ward."""
        visit.place = (ward, "", str(1 + self._visits % 18), AUTHORITY)
        self._say("A02", visit, at)

    def cancel_transfer(self, visit: Visit, at: datetime, back_to: Place) -> None:
        """A12: the transfer did not happen; the place is the one returned to."""
        visit.place = back_to
        self._say("A12", visit, at)

    def discharge(self, visit: Visit, at: datetime, *more: Segment) -> None:
        """A03: leaves the hospital."""
        visit.ended = at
        self._say("A03", visit, at + timedelta(minutes=20), *more)

    def cancel_admission(self, visit: Visit, at: datetime) -> None:
        """A11: was never admitted after all."""
        self._say("A11", visit, at)

    def cancel_discharge(self, visit: Visit, at: datetime) -> None:
        """A13: stays after all."""
        visit.ended = None
        self._say("A13", visit, at)

    def correct(self, visit: Visit, at: datetime) -> None:
        """A08: patient and visit as they are now known."""
        self._say("A08", visit, at)

    def details(self, person: Person, at: datetime, trigger: str = "A31") -> None:
        """A28 for a new patient, A31 when their details changed."""
        self._desk.say(at, "ADT", trigger, self._patients.full(person, at), ("PV1", {1: "1", 2: "N"}))

    def merge(self, person: Person, at: datetime, second: str) -> None:
        """A40: the record opened in a hurry is this patient's."""
        old: list[tuple[str, ...]] = [(second, "", "", AUTHORITY, "MR")]
        self._desk.say(at, "ADT", "A40", self._patients.full(person, at), ("MRG", {1: old}))

    def attend_unrecognised(self, person: Person, at: datetime) -> str:
        """A04 and A03 under a new hospital number, since the front desk found nobody; returns that number."""
        number = self._patients.another_number()
        visit = self._open(person, at, "E", EMERGENCY)
        self._desk.say(at, "ADT", "A04", self._patients.second(person, number), _pv1(visit, self._desk))
        visit.ended = at + timedelta(hours=3)
        self._desk.say(visit.ended, "ADT", "A03", self._patients.second(person, number), _pv1(visit, self._desk))
        return number

    def nameless(self, person: Person, at: datetime) -> None:
        """An admission without any patient number, as a broken interface sends it."""
        visit = self._open(person, at, "E", EMERGENCY)
        self._desk.say(at, "ADT", "A04", ("PID", {1: "1", 5: ("Unknown", "Unknown")}), _pv1(visit, self._desk))

    def allergies_updated(self, person: Person, at: datetime, allergy: Segment) -> None:
        """A60, which no timeline reads yet."""
        update: Segment = ("IAM", {**allergy[1], 6: "A", 7: (f"AL{person.key}", AUTHORITY)})
        self._desk.say(at, "ADT", "A60", self._patients.full(person, at), update)

    def report_death(self, person: Person, at: datetime, died: date) -> None:
        """A31 with the day of death."""
        self._desk.say(at, "ADT", "A31", self._patients.full(person, at, died), ("PV1", {1: "1", 2: "N"}))

    def _say(self, trigger: str, visit: Visit, at: datetime, *more: Segment) -> None:
        self._send(trigger, visit, at, {}, *more)

    def _send(self, trigger: str, visit: Visit, at: datetime, planned: dict[int, Field], *more: Segment) -> None:
        body: list[Segment] = [self._patients.full(visit.person, at)]
        kin = [segment for segment in more if segment[0] == "NK1"]
        others = [segment for segment in more if segment[0] != "NK1"]
        body += [*kin, _pv1(visit, self._desk, with_start=not planned)]
        if planned:
            body.append(("PV2", planned))
        self._desk.say(at, "ADT", trigger, *body, *others)


def _pv1(visit: Visit, desk: Hl7Desk, *, with_start: bool = True) -> Segment:
    fields: dict[int, Field] = {1: "1", 2: visit.kind, 3: visit.place, 19: (visit.number, "", "", AUTHORITY, "VN")}
    if with_start:
        fields[44] = desk.stamp(visit.started)
    if visit.ended is not None:
        fields[45] = desk.stamp(visit.ended)
    return ("PV1", fields)


def next_of_kin(place: int, kin: Kin) -> Segment:
    """NK1: set number, name, relation in words."""
    family, given, relation = kin
    return ("NK1", {1: str(place), 2: (family, given), 3: ("", relation)})


def allergy(place: int, substance: tuple[str, str], reaction: str, since: str) -> Segment:
    """AL1: substance by SNOMED CT code, reaction in words, the year or day it is known from."""
    code, display = substance
    return ("AL1", {1: str(place), 2: "DA", 3: (code, display, "SCT"), 4: "MO", 5: reaction, 6: since})


def diagnosis(place: int, concept: tuple[str, str], on: datetime) -> Segment:
    """DG1: a working diagnosis by SNOMED CT code."""
    code, display = concept
    return ("DG1", {1: str(place), 3: (code, display, "SCT"), 5: without_offset(on), 6: "W"})
