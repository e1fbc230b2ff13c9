"""Riverside Hospital: its patient administration and its laboratory, both speaking HL7 v2.4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hub.demo import when
from hub.demo.delivery import Parcel, Post
from hub.demo.desks.faces import Faces
from hub.demo.hl7 import Field, Segment, Writer
from hub.demo.people import Person

AGENCY = "riverside-hospital"
AUTHORITY = "RVH"  # the assigning authority of hospital and visit numbers

# HL7 v2.4 calls several triggers' messages by one structure.
STRUCTURES = {
    **dict.fromkeys(("A01", "A04", "A08", "A13"), "ADT_A01"),
    "A02": "ADT_A02",
    "A03": "ADT_A03",
    **dict.fromkeys(("A05", "A28", "A31"), "ADT_A05"),
    "A06": "ADT_A06",
    **dict.fromkeys(("A11", "A12"), "ADT_A09"),
    "A40": "ADT_A39",
    "A60": "ADT_A60",
    **dict.fromkeys(("S12", "S13", "S14", "S15", "S17", "S26"), "SIU_S12"),
    "R01": "ORU_R01",
    "T02": "MDM_T02",
    "V04": "VXU_V04",
}


def with_offset(moment: datetime) -> str:
    """The patient system writes local time with its offset."""
    return moment.astimezone(when.LONDON).strftime("%Y%m%d%H%M%S%z")


def without_offset(moment: datetime) -> str:
    """The laboratory's system writes local time and nothing more."""
    return moment.astimezone(when.LONDON).strftime("%Y%m%d%H%M%S")


@dataclass
class Visit:
    """One stay or attendance, from its first message to its last."""

    number: str
    person: Person
    kind: str  # PV1-2: E emergency, I inpatient, O outpatient
    place: tuple[str, ...]
    started: datetime
    ended: datetime | None = None


@dataclass
class Booking:
    """One outpatient appointment."""

    number: str
    person: Person
    clinic: str
    start: datetime


@dataclass(frozen=True)
class Planned:
    """A message without its header, as it waits to be numbered."""

    at: datetime
    kind: str
    trigger: str
    body: tuple[Segment, ...]


class Hl7Desk:
    """One system of the hospital that sends HL7: keeps what it says until all is said, then numbers and posts it."""

    def __init__(self, system: str, writer: Writer, stamp: Callable[[datetime], str]) -> None:
        self.system = system
        self.stamp = stamp
        self._writer = writer
        self._planned: list[Planned] = []

    def say(self, at: datetime, kind: str, trigger: str, *body: Segment) -> None:
        self._planned.append(Planned(at, kind, trigger, body))

    def dispatch(self, post: Post) -> None:
        """Numbers the messages by time and puts each into the post, a few seconds after it was written."""
        for serial, planned in enumerate(sorted(self._planned, key=lambda planned: planned.at), 1):
            control = f"{self.system.upper()[:4]}{serial:07d}"
            due = planned.at + timedelta(seconds=4)
            name = f"{control}-{planned.kind}-{planned.trigger}.hl7"
            post.send(Parcel(due, AGENCY, self.system, "hl7v2", name, self._written(planned, control)))

    def _written(self, planned: Planned, control: str) -> Callable[[], bytes]:
        header: dict[int, Field] = {
            3: self.system.upper(),
            4: AUTHORITY,
            5: "TELLONCE",
            6: "LARKMERE",
            7: self.stamp(planned.at),
            9: (planned.kind, planned.trigger, STRUCTURES[planned.trigger]),
            10: control,
            11: "P",
            12: "2.4",
            18: "UNICODE UTF-8",
        }
        segments: list[Segment] = [("MSH", header)]
        if planned.kind in ("ADT", "MDM"):
            stamp = self.stamp(planned.at)
            segments.append(("EVN", {1: planned.trigger, 2: stamp, 6: stamp}))
        return lambda: self._writer.message([*segments, *planned.body])


class Patients:
    """The hospital's index of patients: numbers, and the PID that every message begins with."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces
        self._numbers: dict[int, str] = {}
        self._serial = 204_000
        self.first_seen: dict[int, tuple[datetime, Person]] = {}

    def number(self, person: Person) -> str:
        """The person's hospital number, given at the first visit."""
        if person.key not in self._numbers:
            self._numbers[person.key] = self.another_number()
        return self._numbers[person.key]

    def another_number(self) -> str:
        """A number nobody has: for a second record of somebody whom the front desk did not find."""
        self._serial += 37
        return f"H{self._serial:07d}"

    def seen(self, person: Person, at: datetime) -> None:
        """Notes the earliest moment at which the hospital had to do with somebody."""
        earliest, _ = self.first_seen.get(person.key, (at, person))
        self.first_seen[person.key] = (min(at, earliest), person)

    def short(self, person: Person, at: datetime) -> Segment:
        """Identifiers, name and birth date only, as booking and laboratory systems send them."""
        self.seen(person, at)
        face = self._faces.of(AGENCY, person, when.local_day(at))
        numbers: list[tuple[str, ...]] = [(self.number(person), "", "", AUTHORITY, "MR")]
        if face.nhs_number is not None:
            numbers.append((face.nhs_number, "", "", "NHS", "NH"))
        fields: dict[int, Field] = {1: "1", 3: numbers, 5: (face.family, face.given), 7: f"{face.born:%Y%m%d}"}
        return ("PID", fields)

    def full(self, person: Person, at: datetime, died: date | None = None) -> Segment:
        """All that the patient system knows of a person."""
        name, fields = self.short(person, at)
        home = person.home_on(when.local_day(at))
        told: dict[int, Field] = dict(fields)
        told[8] = "F" if person.sex == "female" else "M"
        told[11] = (home.line, "", home.city, "", home.postcode, "", "H")
        told[13] = (person.phone, "PRN", "CP")
        if died is not None:
            told[29], told[30] = f"{died:%Y%m%d}", "Y"
        return (name, told)

    def second(self, person: Person, number: str) -> Segment:
        """A record opened in a hurry: a new number, a name and a birth date, no NHS number."""
        numbers: list[tuple[str, ...]] = [(number, "", "", AUTHORITY, "MR")]
        return ("PID", {1: "1", 3: numbers, 5: (person.family, person.given), 7: f"{person.born:%Y%m%d}"})
