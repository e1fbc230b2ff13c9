"""Outpatient appointments, accidents and planned operations: what brings people to Riverside Hospital."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from hub.demo import when
from hub.demo.desks.wards import diagnosis
from hub.demo.lives.ailments import APPENDICITIS, BROKEN_WRIST, CHEST_INFECTION, CLINICS, Concept
from hub.demo.people import Person
from hub.demo.shapes import org
from hub.demo.town import HOSPITAL, SURGERY, Town

ACCIDENTS: tuple[tuple[str, Concept], ...] = (
    ("Acute Medical Unit", CHEST_INFECTION),
    ("Trauma Ward", BROKEN_WRIST),
    ("Surgical Ward", APPENDICITIS),
)
OPERATIONS = ("Cataract operation", "Knee replacement", "Hernia repair", "Hip replacement")


def live(town: Town) -> None:
    for person in town.pick("outpatients", town.people, 0.6):
        rng = town.rng("outpatients", person.key)
        for _ in range(rng.choice((1, 1, 2, 3) if person.age_on(town.end) > 55 else (1, 1, 2))):
            _be_referred(town, person, rng)
    for person in town.pick("accidents", town.people, 0.4):
        rng = town.rng("accidents", person.key)
        for _ in range(rng.choice((1, 1, 1, 2))):
            _have_an_accident(town, person, rng)
    for person in town.pick("operations", town.adults(45, 88), 0.16):
        _have_an_operation(town, person, town.rng("operations", person.key))
    for person in town.pick("merges", town.adults(20, 90), 0.025):
        _be_taken_for_somebody_new(town, person, town.rng("merges", person.key))


def _be_referred(town: Town, person: Person, rng: Random) -> None:
    """Referred by the surgery, booked by the hospital, and then: seen, moved, cancelled, missed or a mistake."""
    day = town.day(rng, person, keep=90)
    if day is None:
        return
    clinic = rng.choice(CLINICS)
    at = when.office_hours(rng, day)
    referral = {
        "referral_id": f"{at:%y%m%d%H%M}",
        "from": org(SURGERY),
        "to": org(HOSPITAL),
        "service": {"text": clinic},
        "priority": rng.choice(("routine", "routine", "soon", "urgent")),
    }
    fact = f"referral/{referral['referral_id']}"
    town.surgery.tell(person, at, "referral.made", referral, fact=fact, since=day)
    booked = when.office_hours(rng, day + timedelta(days=rng.randrange(3, 12)))
    seen = when.office_hours(rng, day + timedelta(days=rng.randrange(30, 85)))
    _attend_clinic(town, person, rng, clinic, (booked, seen))


def _attend_clinic(town: Town, person: Person, rng: Random, clinic: str, times: tuple[datetime, datetime]) -> None:
    booked, seen = times
    booking = town.clinics.book(person, booked, clinic, seen)
    fate = rng.random()
    if fate < 0.12:
        town.clinics.missed(booking)
        return
    if fate < 0.22:
        town.clinics.cancel(booking, seen - timedelta(days=rng.randrange(1, 6), hours=2))
        return
    if fate < 0.26:
        town.clinics.delete(booking, booked + timedelta(days=1))
        return
    if fate < 0.40:
        later = when.office_hours(rng, when.local_day(seen) + timedelta(days=rng.randrange(7, 28)))
        town.clinics.move(booking, seen - timedelta(days=4), later)
    elif fate < 0.46:
        town.clinics.modify(booking, booked + timedelta(days=3), f"{clinic}, Room {rng.randrange(2, 9)}")
    if rng.random() < 0.6:
        letter = [f"Seen in the {clinic}.", "Thank you for coming. The next step is agreed below.", "Review if needed."]
        written = when.office_hours(rng, when.local_day(booking.start) + timedelta(days=rng.randrange(1, 6)))
        town.letters.send(person, written, "Clinic letter", letter)


def _have_an_accident(town: Town, person: Person, rng: Random) -> None:
    """An attendance at the emergency department; one in four stays, one in twenty of those by mistake only."""
    day = town.day(rng, person, keep=12)
    if day is None:
        return
    is_staying = rng.random() < 0.25
    ward, concept = rng.choice(ACCIDENTS if is_staying else ACCIDENTS[:2])
    arrived = when.any_hour(rng, day)
    visit = town.wards.attend(person, arrived, diagnosis(1, concept, arrived))
    if not is_staying:
        town.wards.discharge(visit, arrived + timedelta(minutes=rng.randrange(70, 300)))
        return
    admitted = arrived + timedelta(minutes=rng.randrange(120, 260))
    town.wards.admit_from_emergency(visit, admitted, ward, diagnosis(1, concept, arrived))
    place = visit.place
    if rng.random() < 0.4:
        town.wards.transfer(visit, admitted + timedelta(hours=20), "Short Stay Ward")
        if rng.random() < 0.2:
            town.wards.cancel_transfer(visit, admitted + timedelta(hours=21), place)
    left = when.office_hours(rng, when.local_day(admitted) + timedelta(days=rng.randrange(1, 8)))
    town.wards.discharge(visit, left)
    if rng.random() < 0.1:
        town.wards.cancel_discharge(visit, left + timedelta(hours=2))
        left += timedelta(days=1)
        town.wards.discharge(visit, left)
    summary = [f"Treated for {concept[1].lower()} on {ward}.", "Please see the surgery in a fortnight."]
    town.letters.send(person, left, "Discharge summary", summary)


def _have_an_operation(town: Town, person: Person, rng: Random) -> None:
    """A planned operation: some days are put off, and an admission is cancelled with them."""
    day = town.day(rng, person, keep=60)
    if day is None:
        return
    planned = when.office_hours(rng, day)
    due = when.instant(when.working_day(day + timedelta(days=rng.randrange(25, 50))), 7, 30)
    visit = town.wards.plan(person, planned, "Surgical Ward", due)
    town.wards.arrive(visit, due)
    if rng.random() < 0.2:
        town.wards.cancel_admission(visit, due + timedelta(hours=3))
        return
    left = when.office_hours(rng, when.local_day(due) + timedelta(days=rng.randrange(1, 5)))
    town.wards.discharge(visit, left)
    town.wards.correct(visit, left + timedelta(days=1))
    summary = [f"{rng.choice(OPERATIONS)}: went well.", "Dressing to be checked by the practice nurse in ten days."]
    town.letters.send(person, left, "Discharge summary", summary)


def _be_taken_for_somebody_new(town: Town, person: Person, rng: Random) -> None:
    """Not found at the front desk: a second record, merged with the first days later."""
    day = town.day(rng, person, keep=30)
    if day is not None:
        at = when.any_hour(rng, day)
        second = town.wards.attend_unrecognised(person, at)
        town.wards.merge(person, at + timedelta(days=rng.randrange(2, 9)), second)
