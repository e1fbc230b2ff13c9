"""Tenancies: signed, paid, now and then in arrears, seldom lost; and the people who help in time."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from hub.demo import when
from hub.demo.desks.extracts import Tenancy
from hub.demo.people import Person
from hub.demo.shapes import Json, org, pounds, words
from hub.demo.town import COUNCIL, HOMES, Town

SHARE = 0.42  # of households that rent from Larkmere Homes


def live(town: Town) -> None:
    heads = [person for person in town.people if person is person.household[0] and person.age_on(town.start) >= 18]
    tenancies = [_rent(town, person, town.rng("rent", person.key)) for person in town.pick("rent", heads, SHARE)]
    for number, tenancy in enumerate(tenancies):
        rng = town.rng("arrears", tenancy.tenant.key)
        _owe_a_little(town, tenancy, rng)
        if number % 6 == 2 and tenancy.ended is None:
            _be_at_risk(town, tenancy, rng)


def _rent(town: Town, person: Person, rng: Random) -> Tenancy:
    """The tenancy of the home lived in at the start; with a move it ends, and another begins elsewhere."""
    since = person.homes[0][0]
    signed = max(since, town.start - timedelta(days=rng.randrange(200, 5000)))
    tenancy = town.homes.let(person, signed, rng.choice(("SEC", "SEC", "SEC", "FLX")))
    for moved, home in person.homes[1:]:
        tenancy.end(moved, "TRANSFER")
        tenancy = town.homes.let(person, moved, "SEC", home)
    if person.died is not None:
        tenancy.end(person.died + timedelta(days=28), "DEATH")
    elif person.left is not None:
        tenancy.end(person.left, "MOVED")
    return tenancy


def _owe_a_little(town: Town, tenancy: Tenancy, rng: Random) -> None:
    """Small arrears come and go in one tenancy of three."""
    if rng.random() < 0.33:
        day = when.day_between(rng, town.start, town.end - timedelta(days=150))
        tenancy.change(day, Arrears=f"{rng.randrange(60, 260)}.00")
        tenancy.change(day + timedelta(days=rng.randrange(35, 120)), Arrears="0.00")


def _be_at_risk(town: Town, tenancy: Tenancy, rng: Random) -> None:
    """Arrears grow to a notice; advice, a grant and a plan come in time for most."""
    person = tenancy.tenant
    day = when.day_between(rng, town.start + timedelta(days=60), town.end - timedelta(days=260))
    for month, (owed, stage) in enumerate((("310.00", ""), ("540.00", "LETTER"), ("790.00", "NSP"))):
        tenancy.change(day + timedelta(days=31 * month), Arrears=owed, ArrearsStage=stage)
    _ask_for_advice(town, person, rng, day + timedelta(days=75))
    if rng.random() < 0.75:
        tenancy.change(day + timedelta(days=150), Arrears="180.00", ArrearsStage="PLAN")
        tenancy.change(day + timedelta(days=240), Arrears="0.00", ArrearsStage="")
        return
    tenancy.change(day + timedelta(days=130), Arrears="1140.00", ArrearsStage="COURT")
    tenancy.end(day + timedelta(days=210), "EVICTED")
    moved = day + timedelta(days=210)
    desk = town.open_door
    told = when.office_hours(rng, moved)
    home: Json = {"tenure": "family-or-friends", "action": "started", "reason": words("Lost the tenancy")}
    desk.tell(person, told, "housing.accommodation-changed", home, fact="home/with-friends", since=moved)
    goal: Json = {"goal_id": "own-door", "text": "A front door of my own again", "domain": "home", "status": "set"}
    desk.tell(person, told, "aboutme.goal-updated", goal, fact="goal/own-door", since=moved, said_by="person")


def _ask_for_advice(town: Town, person: Person, rng: Random, day: date) -> None:
    """Open Door sits down with the letters, asks for what is due, and writes to the landlord."""
    desk = town.open_door
    at = when.office_hours(rng, day)
    talk = {"channel": "office", "outcome": "made", "reason": words("Letters about the rent"), "minutes": 60}
    desk.tell(person, at, "contact.occurred", talk, is_moment=True)
    benefit = rng.choice(("uc", "housing-benefit", "pip"))
    claim: Json = {"benefit": benefit, "action": "claimed", "claim_id": "rent-help"}
    desk.tell(person, at + timedelta(minutes=50), "benefits.award-changed", claim, fact="benefit/claim", since=day)
    decided = when.office_hours(rng, day + timedelta(days=rng.randrange(30, 70)))
    award = {**claim, "action": "awarded", "amount": pounds(f"{rng.randrange(180, 420)}.00"), "every": "month"}
    since = when.local_day(decided)
    desk.tell(person, decided, "benefits.award-changed", award, fact="benefit/award", since=since)
    grant: Json = {
        "budget_id": f"dhp-{person.key}",
        "kind": "discretionary-housing-payment",
        "amount": pounds("400.00"),
        "every": "once",
        "action": "agreed",
    }
    desk.tell(person, decided, "budget.set", grant, fact="budget/dhp", since=since, role=f"adviser, with {COUNCIL}")
    letter = {"channel": "letter", "outcome": "made", "reason": words(f"Plan agreed with {HOMES}")}
    desk.tell(person, decided + timedelta(days=1), "contact.occurred", letter, is_moment=True)
    thanks: Json = {"service": org("Open Door"), "rating": 5, "had_to_repeat": False, "felt_heard": True}
    told = decided + timedelta(days=20)
    desk.tell(person, told, "feedback.given", thanks, since=when.local_day(told), said_by="person")
