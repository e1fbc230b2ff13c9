"""Results, letters and vaccinations: the hospital's ORU, MDM and VXU messages."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.demo.desks.hospital import AUTHORITY, Hl7Desk, Patients
from hub.demo.hl7 import Segment
from hub.demo.people import Person

# unverified: LOINC codes from memory, for a demonstration only.
Measure = tuple[str, str, str, str, str]  # code, name, value, unit, reference range


class Laboratory:
    """Reports of blood tests; the laboratory's system is one of its own."""

    def __init__(self, desk: Hl7Desk, patients: Patients) -> None:
        self._desk = desk
        self._patients = patients
        self._serial = 0

    def report(self, person: Person, taken: datetime, panel: tuple[str, str], measures: list[Measure]) -> str:
        """R01: a final report, some hours after the sample was taken; returns its number."""
        self._serial += 1
        number = f"L{500_000 + self._serial * 7}"
        self._say(number, person, taken, taken + timedelta(hours=7), panel, measures, "F")
        return number

    def correct(
        self, number: str, person: Person, taken: datetime, panel: tuple[str, str], measures: list[Measure]
    ) -> None:
        """R01 with status C: a value was wrong; sent two days later."""
        self._say(number, person, taken, taken + timedelta(days=2), panel, measures, "C")

    def _say(
        self,
        number: str,
        person: Person,
        taken: datetime,
        at: datetime,
        panel: tuple[str, str],
        measures: list[Measure],
        status: str,
    ) -> None:
        stamp = self._desk.stamp
        order: Segment = (
            "OBR",
            {1: "1", 3: number, 4: (*panel, "LN"), 7: stamp(taken), 22: stamp(at), 25: status},
        )
        values: list[Segment] = [
            (
                "OBX",
                {1: str(n), 2: "NM", 3: (code, name, "LN"), 5: value, 6: unit, 7: span, 11: status, 14: stamp(taken)},
            )
            for n, (code, name, value, unit, span) in enumerate(measures, 1)
        ]
        self._desk.say(at, "ORU", "R01", self._patients.short(person, taken), order, *values)


class Letters:
    """Discharge summaries and clinic letters, and vaccinations given in the hospital."""

    def __init__(self, desk: Hl7Desk, patients: Patients) -> None:
        self._desk = desk
        self._patients = patients
        self._serial = 0

    def send(self, person: Person, at: datetime, kind: str, lines: list[str]) -> None:
        """T02: a document with its text."""
        self._serial += 1
        number = f"DOC{9_000 + self._serial}"
        document: Segment = (
            "TXA",
            {1: "1", 2: kind, 3: "TX", 4: self._desk.stamp(at), 12: (number, AUTHORITY), 17: "AU", 19: "AV"},
        )
        texts: list[Segment] = [
            ("OBX", {1: str(n), 2: "TX", 3: ("", kind), 5: line, 11: "F"}) for n, line in enumerate(lines, 1)
        ]
        visit: Segment = ("PV1", {1: "1", 2: "O"})
        self._desk.say(
            at + timedelta(minutes=40), "MDM", "T02", self._patients.short(person, at), visit, document, *texts
        )

    def vaccinate(self, person: Person, at: datetime, vaccine: tuple[str, str], *, is_refused: bool = False) -> None:
        """V04: a vaccination given, or offered and refused."""
        self._serial += 1
        code, name = vaccine
        given: Segment = (
            "RXA",
            {
                1: "0",
                2: "1",
                3: self._desk.stamp(at),
                4: self._desk.stamp(at),
                5: (code, name, "CVX"),
                6: "0.5",
                7: "mL",
                20: "RE" if is_refused else "CP",
                21: "A",
            },
        )
        order: Segment = ("ORC", {1: "RE", 3: (f"VAC{4_000 + self._serial}", AUTHORITY)})
        self._desk.say(at + timedelta(minutes=10), "VXU", "V04", self._patients.short(person, at), order, given)
