"""Asking for help with low mood or worry: sent back, sent on, waiting, and at last a person who listens."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from hub.demo import when
from hub.demo.people import Person
from hub.demo.shapes import Json, org, words
from hub.demo.town import CHARITY, SURGERY, TRUST, Town

TALKING = f"{TRUST}, Talking Therapies"
TEAM = f"{TRUST}, Community Mental Health Team"
REASONS = (
    "Low mood for some months, sleeps badly, still goes to work",
    "Panic when leaving the house",
    "Grief that does not ease",
    "Worry that takes up most of the day",
)
VIEWS = (
    "I would rather talk than take more tablets.",
    "I need somebody who stays the same person.",
    "Mornings are impossible. Afternoons I can manage.",
    "I told it four times. The fourth time I left things out.",
)


def live(town: Town) -> None:
    for person in town.pick("minds", town.adults(17, 70), 0.2):
        rng = town.rng("minds", person.key)
        day = town.day(rng, person, keep=200)
        if day is not None:
            _ask_for_help(town, person, rng, day)


def _ask_for_help(town: Town, person: Person, rng: Random, day: date) -> None:
    first = f"TT-{person.key}-{day:%y%m}"
    _refer(town, person, rng, day, (first, TALKING))
    answered = day + timedelta(days=rng.randrange(6, 20))
    _answer(town, person, rng, answered, {"referral_id": first, "status": "received"})
    decided = answered + timedelta(days=rng.randrange(10, 30))
    if rng.random() < 0.45:
        _answer(town, person, rng, decided, {"referral_id": first, "status": "accepted", "told_person": True})
        _be_seen(town, person, rng, decided + timedelta(days=rng.randrange(20, 60)), TALKING)
        return
    bounced = {
        "referral_id": first,
        "status": "bounced",
        "reason": rng.choice(("wrong-service", "threshold-not-met", "incomplete")),
        "redirected_to": org(CHARITY),
        "told_person": rng.random() < 0.5,
    }
    _answer(town, person, rng, decided, bounced)
    _be_met_meanwhile(town, person, rng, decided + timedelta(days=rng.randrange(5, 25)))
    again = decided + timedelta(days=rng.randrange(20, 50))
    second = f"MH-{person.key}-{again:%y%m}"
    _refer(town, person, rng, again, (second, TEAM))
    weeks = rng.randrange(10, 19)
    waiting = {"referral_id": second, "status": "waiting", "wait_weeks": weeks, "told_person": True}
    _answer(town, person, rng, again + timedelta(days=9), waiting)
    _be_seen(town, person, rng, again + timedelta(weeks=weeks), TEAM)


def _refer(town: Town, person: Person, rng: Random, day: date, to: tuple[str, str]) -> None:
    number, service = to
    referral = {
        "referral_id": number,
        "from": org(SURGERY),
        "to": org(service),
        "reason": rng.choice(REASONS),
        "priority": "routine",
        "person_agreed": True,
    }
    at = when.office_hours(rng, day)
    town.surgery.tell(person, at, "referral.made", referral, fact=f"referral/{number}", since=day)


def _answer(town: Town, person: Person, rng: Random, day: date, status: Json) -> None:
    at = when.office_hours(rng, day)
    fact = f"referral/{status['referral_id']}/{status['status']}"
    town.minds.tell(person, at, "referral.status-changed", status, fact=fact, since=when.local_day(at))


def _be_met_meanwhile(town: Town, person: Person, rng: Random, day: date) -> None:
    """The charity asks no threshold; it offers a walk and a chair."""
    at = when.office_hours(rng, day)
    desk = town.open_door
    for week in range(rng.randrange(2, 8)):
        seen = when.office_hours(rng, day + timedelta(days=8 * week))
        channel, reason = rng.choice((("other", "A walk"), ("phone", "A talk"), ("drop-in", "Garden day")))
        contact = {"channel": channel, "outcome": "made", "reason": words(reason)}
        desk.tell(person, seen, "contact.occurred", contact, is_moment=True)
    view = {"topic": "how-to-support-me", "text": rng.choice(VIEWS)}
    kind = "aboutme.statement-shared"
    desk.tell(person, at, kind, view, fact="about-me/support", since=when.local_day(at), said_by="person")
    told = at + timedelta(days=14)
    repeated: Json = {"service": org(TALKING), "had_to_repeat": True, "times_repeated": rng.randrange(2, 6)}
    repeated["felt_heard"] = False
    desk.tell(person, told, "feedback.given", repeated, since=when.local_day(told), said_by="person")


def _be_seen(town: Town, person: Person, rng: Random, day: date, team: str) -> None:
    episode = f"{person.key}-{day:%y%m%d}"
    at = when.office_hours(rng, day)
    started = {"episode_id": episode, "kind": "mental-health-caseload", "service": org(team)}
    town.minds.tell(person, at, "episode.started", started, fact=f"episode/{episode}/start", since=when.local_day(at))
    for week in range(rng.randrange(4, 9)):
        _meet(town, person, rng, when.local_day(at) + timedelta(days=7 + 14 * week), (team, f"{episode}-{week}"))
    goals = {"plan_id": episode, "kind": "recovery", "stage": "agreed", "person_agrees": True}
    agreed = when.office_hours(rng, day + timedelta(days=24))
    plan = {**goals, "goals": ["Sleep through three nights a week", "Back to choir"], "person_view": rng.choice(VIEWS)}
    town.minds.tell(person, agreed, "plan.recorded", plan, fact=f"plan/{episode}", since=when.local_day(agreed))
    ended = when.office_hours(rng, day + timedelta(days=rng.randrange(120, 180)))
    end = {"episode_id": episode, "kind": "mental-health-caseload", "reason": "completed"}
    town.minds.tell(person, ended, "episode.ended", end, fact=f"episode/{episode}/end", since=when.local_day(ended))


def _meet(town: Town, person: Person, rng: Random, day: date, what: tuple[str, str]) -> None:
    """An appointment and what became of it."""
    team, number = what
    start = when.office_hours(rng, day)
    booked = start - timedelta(days=8)
    mode = rng.choice(("in-person", "video", "phone"))
    booking = {"appointment_id": number, "start": when.text(start), "mode": mode, "service": org(team)}
    fact = f"appointment/{number}"
    town.minds.tell(
        person, booked, "appointment.booked", {**booking, "status": "booked"}, fact=f"{fact}/booked", since=start
    )
    outcome: Json = {"appointment_id": number, "outcome": "attended"}
    if rng.random() < 0.18:
        barrier = rng.choice(("anxiety", "work", "caring", "forgot", "transport"))
        outcome.update(outcome="did-not-attend", barrier=barrier, follow_up="rebooked")
    told = start + timedelta(hours=1)
    town.minds.tell(person, told, "appointment.outcome-recorded", outcome, fact=f"{fact}/outcome", since=start)
