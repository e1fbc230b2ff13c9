"""Outpatient appointments: the hospital's SIU messages."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.demo.desks.hospital import AUTHORITY, Booking, Hl7Desk, Patients
from hub.demo.hl7 import Field
from hub.demo.people import Person

MINUTES = 30


class Clinics:
    """What the booking office does with appointments."""

    def __init__(self, desk: Hl7Desk, patients: Patients) -> None:
        self._desk = desk
        self._patients = patients
        self._serial = 0

    def book(self, person: Person, at: datetime, clinic: str, start: datetime) -> Booking:
        """S12: a new appointment."""
        self._serial += 1
        booking = Booking(f"APT{70_000 + self._serial * 3}", person, clinic, start)
        self._say("S12", booking, at, "Booked")
        return booking

    def move(self, booking: Booking, at: datetime, start: datetime) -> None:
        """S13: another day."""
        booking.start = start
        self._say("S13", booking, at, "Booked")

    def modify(self, booking: Booking, at: datetime, clinic: str) -> None:
        """S14: another room or clinic."""
        booking.clinic = clinic
        self._say("S14", booking, at, "Booked")

    def cancel(self, booking: Booking, at: datetime) -> None:
        """S15; the message does not say who cancelled."""
        self._say("S15", booking, at, "Cancelled")

    def delete(self, booking: Booking, at: datetime) -> None:
        """S17: booked by mistake."""
        self._say("S17", booking, at, "Deleted")

    def missed(self, booking: Booking) -> None:
        """S26: did not come."""
        self._say("S26", booking, booking.start + timedelta(hours=2), "Noshow")

    def _say(self, trigger: str, booking: Booking, at: datetime, status: str) -> None:
        start, end = self._desk.stamp(booking.start), self._desk.stamp(booking.start + timedelta(minutes=MINUTES))
        schedule: dict[int, Field] = {
            1: booking.number,
            2: booking.number,
            6: ("ROUTINE", "Routine appointment"),
            7: ("", booking.clinic),
            11: ("", "", "", start, end),
            16: ("BOOK", "Booking Office"),
            20: ("BOOK", "Booking Office"),
            25: status,
        }
        service: dict[int, Field] = {1: "1", 3: ("", booking.clinic), 4: start, 7: str(MINUTES), 8: "min"}
        visit: dict[int, Field] = {1: "1", 2: "O", 3: ("OPD", "", "", AUTHORITY)}
        person = self._patients.short(booking.person, at)
        self._desk.say(
            at, "SIU", trigger, ("SCH", schedule), person, ("PV1", visit), ("RGS", {1: "1"}), ("AIS", service)
        )
