"""What happens to nearly everybody: registering with the surgery, seeing the doctor, vaccinations, moving, dying."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from hub.demo import when
from hub.demo.lives.ailments import (
    INFLUENZA,
    MMR,
    PANELS,
    PNEUMOCOCCAL,
    SIX_IN_ONE,
    VISITS,
    Concept,
    Visit,
)
from hub.demo.people import Person
from hub.demo.shapes import fhir_address, snomed, words
from hub.demo.town import Town

# Visits to the surgery in three years, by age; believable, not measured.
VISITS_BY_AGE = ((5, 6), (18, 3), (45, 4), (65, 6), (80, 8), (200, 10))


def live(town: Town) -> None:
    for person in town.people:
        rng = town.rng("everyday", person.key)
        _register(town, person)
        _see_the_doctor(town, person, rng)
        _be_vaccinated(town, person, rng)
        _move(town, person, rng)
        _leave_or_die(town, person, rng)


def _register(town: Town, person: Person) -> None:
    """The surgery's feed begins with all its patients; a baby is registered after a fortnight."""
    since = max(town.start, person.born + timedelta(days=14))
    town.surgery.register(person, when.instant(since, 7, 30))


def _see_the_doctor(town: Town, person: Person, rng: Random) -> None:
    age = person.age_on(town.end)
    expected = next(visits for limit, visits in VISITS_BY_AGE if age < limit)
    known: set[Concept] = set()
    days = sorted(day for _ in range(rng.randrange(expected // 2, expected + 3)) if (day := town.day(rng, person)))
    for day in days:
        fitting = [visit for visit in VISITS if visit.youngest <= person.age_on(day) <= visit.oldest]
        _consult(town, person, rng, rng.choice(fitting), day, known)


def _consult(town: Town, person: Person, rng: Random, visit: Visit, day: date, known: set[Concept]) -> None:
    at = when.office_hours(rng, day)
    surgery = town.surgery
    channel = rng.choices(("clinic", "phone", "video"), (6, 3, 1))[0]
    contact = {"channel": channel, "direction": "from-person", "outcome": "made", "reason": words(visit.reason)}
    surgery.tell(person, at, "contact.occurred", contact, fact=f"contact/{at:%Y%m%d%H%M%S}", is_moment=True)
    found = visit.found
    if found is not None and found not in known and rng.random() < 0.6:
        known.add(found)
        _diagnose(town, person, rng, visit, found, at.date())
    elif visit.given is not None and found is None and rng.random() < 0.5:
        _prescribe(town, person, rng, visit, at.date(), weeks=2)
    if person.age_on(day) > 40 and rng.random() < 0.2:
        _take_blood(town, person, rng, day)


def _diagnose(town: Town, person: Person, rng: Random, visit: Visit, found: Concept, day: date) -> None:
    at = when.office_hours(rng, day)
    condition = {"condition_id": found[0], "code": snomed(found), "status": "active", "certainty": "confirmed"}
    # Many people say "for some months now": the month is known, the day is not.
    since = f"{day - timedelta(days=40):%Y-%m}" if rng.random() < 0.3 else day
    fact = f"condition/{found[0]}"
    town.surgery.tell(person, at, "health.condition-recorded", condition, fact=fact, since=since)
    if visit.given is not None:
        _prescribe(town, person, rng, visit, day, weeks=rng.choice((12, 30, 60, 400)))


def _prescribe(town: Town, person: Person, rng: Random, visit: Visit, day: date, *, weeks: int) -> None:
    at = when.office_hours(rng, day) + timedelta(minutes=6)
    key = f"{day:%Y%m%d}-{VISITS.index(visit)}"
    medicine = {"medication_id": key, "medication": words(visit.given or ""), "action": "started"}
    if visit.dose is not None:
        medicine["dose"] = visit.dose
    kind = "health.medication-changed"
    town.surgery.tell(person, at, kind, medicine, fact=f"medication/{key}/start", since=day)
    stopped = day + timedelta(weeks=weeks)
    if stopped <= town.end and person.is_here(stopped):
        stop = {"medication_id": key, "medication": medicine["medication"], "action": "stopped"}
        told = when.office_hours(rng, stopped)
        town.surgery.tell(person, told, kind, stop, fact=f"medication/{key}/stop", since=stopped)


def _take_blood(town: Town, person: Person, rng: Random, day: date) -> None:
    """The surgery takes the sample, the hospital's laboratory reports it; now and then it corrects itself."""
    panel, measured = rng.choice(PANELS)
    values = [
        (code, name, f"{rng.uniform(low, high):.{decimals}f}", unit, span)
        for code, name, unit, span, low, high, decimals in measured
    ]
    taken = when.instant(when.working_day(day), 8, rng.randrange(5, 55))
    number = town.laboratory.report(person, taken, panel, values)
    if rng.random() < 0.08:
        code, name, value, unit, span = values[0]
        corrected = (code, name, f"{float(value) + 1:.{measured[0][6]}f}", unit, span)
        town.laboratory.correct(number, person, taken, panel, [corrected, *values[1:]])


def _be_vaccinated(town: Town, person: Person, rng: Random) -> None:
    for year in range(town.start.year, town.end.year + 1):
        day = date(year, 10, 1) + timedelta(days=rng.randrange(60))
        if town.start < day <= town.end and person.is_here(day) and person.age_on(day) >= 65 and rng.random() < 0.75:
            _vaccinate(town, person, rng, INFLUENZA, day)
    for weeks, vaccine in ((8, SIX_IN_ONE), (12, SIX_IN_ONE), (16, SIX_IN_ONE), (54, MMR)):
        day = person.born + timedelta(weeks=weeks, days=rng.randrange(12))
        if town.start < day <= town.end:
            _vaccinate(town, person, rng, vaccine, day)
    turned = person.birthday(65)
    if town.start < turned <= town.end:
        _vaccinate(town, person, rng, PNEUMOCOCCAL, turned + timedelta(days=rng.randrange(20, 90)))


def _vaccinate(town: Town, person: Person, rng: Random, vaccine: Concept, day: date) -> None:
    at = when.office_hours(rng, day)
    if rng.random() < 0.15:  # at the hospital's own vaccination clinic
        town.letters.vaccinate(person, at, vaccine, is_refused=rng.random() < 0.1)
        return
    key = f"{vaccine[0]}-{day:%Y%m%d}"
    given = {"immunisation_id": key, "vaccine": words(vaccine[1]), "status": "completed"}
    kind = "health.immunisation-recorded"
    town.surgery.tell(person, at, kind, given, fact=f"vaccination/{key}", since=day, role="practice nurse")


def _move(town: Town, person: Person, rng: Random) -> None:
    """The surgery hears of a move within weeks; the hospital at the next visit or by a change of details."""
    for moved, home in person.homes[1:]:
        told = when.office_hours(rng, moved + timedelta(days=rng.randrange(2, 25)))
        town.surgery.update(person, told)
        details = {"address": fhir_address(home), "action": "moved-in"}
        kind = "person.address-changed"
        town.surgery.tell(person, told, kind, details, fact=f"address/{moved:%Y%m%d}", since=moved)
        if rng.random() < 0.5:
            town.wards.details(person, told + timedelta(days=rng.randrange(1, 40), minutes=7))


def _leave_or_die(town: Town, person: Person, rng: Random) -> None:
    if person.left is not None:
        told = when.office_hours(rng, person.left)
        gone = {"address": {"text": "Moved out of the borough"}, "action": "moved-out"}
        town.surgery.tell(person, told, "person.address-changed", gone, fact="address/away", since=person.left)
    if person.died is not None:
        told = when.office_hours(rng, person.died + timedelta(days=1))
        death = {"date": person.died.isoformat(), "status": "formal", "place": "At home, with family"}
        town.surgery.tell(person, told, "person.died", death, fact="death", since=person.died)
        town.wards.report_death(person, told + timedelta(hours=3), person.died)
