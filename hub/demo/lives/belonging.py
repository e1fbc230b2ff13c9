"""Open Door, where people come by themselves: company, recovery, benefits advice, and what they are good at."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from hub.demo import when
from hub.demo.people import Person
from hub.demo.shapes import Json, org, words
from hub.demo.town import CHARITY, Town

STRENGTHS = (
    ("skill", "Mends anything with a plug"),
    ("skill", "Bakes bread for forty people without a recipe"),
    ("experience", "Drove buses in this borough for twenty years"),
    ("interest", "Knows every bird on the canal"),
    ("interest", "Plays dominoes to win"),
    ("relationship", "The neighbours' children come to read aloud"),
    ("community-asset", "The choir at St Hilda's, Thursdays"),
    ("skill", "Speaks three languages and translates at the market"),
)
HOPES = (
    ("Speak at the recovery supper about how it went", "community"),
    ("A paid job of two days a week, near a bus stop", "work-and-learning"),
    ("See my sister in Leeds without somebody taking me", "relationships"),
    ("Know on Sunday what I may spend until Friday", "money"),
    ("A year without the emergency department", "health"),
)
TALKS = (
    ("drop-in", "Lunch club"),
    ("drop-in", "Garden day"),
    ("office", "Form filled in together"),
    ("other", "A walk along the canal"),
    ("phone", "How the week went"),
)


def live(town: Town) -> None:
    for person in town.pick("company", town.adults(20, 95), 0.16):
        _find_company(town, person, town.rng("company", person.key))
    for person in town.pick("recovery", town.adults(22, 66), 0.06):
        _recover(town, person, town.rng("recovery", person.key))


def _find_company(town: Town, person: Person, rng: Random) -> None:
    day = town.day(rng, person, keep=120)
    if day is None:
        return
    desk = town.open_door
    at = when.office_hours(rng, day)
    agreed: Json = {"consent_id": f"OD-{person.key}", "purposes": ["share-with-services-i-use"], "capacity": "own"}
    desk.tell(person, at, "consent.given", agreed, fact="consent", since=day, said_by="person")
    kind, text = rng.choice(STRENGTHS)
    strength: Json = {"kind": kind, "text": text, "offers_to_others": rng.random() < 0.5}
    desk.tell(person, at, "aboutme.strength-noted", strength, fact="strength/1", since=day, said_by="person")
    hope, domain = rng.choice(HOPES)
    goal: Json = {"goal_id": "1", "text": hope, "domain": domain, "status": "set"}
    desk.tell(person, at, "aboutme.goal-updated", goal, fact="goal/1", since=day, said_by="person")
    for week in range(rng.randrange(4, 14)):
        _talk(town, person, rng, day + timedelta(days=12 * week + rng.randrange(5)))
    if rng.random() < 0.5:
        reached = when.office_hours(rng, day + timedelta(days=110))
        done = {**goal, "status": rng.choice(("achieved", "in-progress", "changed"))}
        since = when.local_day(reached)
        desk.tell(person, reached, "aboutme.goal-updated", done, fact="goal/1", since=since, said_by="person")


def _talk(town: Town, person: Person, rng: Random, day: date) -> None:
    seen = when.office_hours(rng, day)
    channel, reason = rng.choice(TALKS)
    contact: Json = {"channel": channel, "outcome": "made", "reason": words(reason)}
    town.open_door.tell(person, seen, "contact.occurred", contact, is_moment=True)


def _recover(town: Town, person: Person, rng: Random) -> None:
    """A programme, a plan of the person's own, some weeks away, and coming back without having to explain."""
    day = town.day(rng, person, keep=210)
    if day is None:
        return
    desk = town.open_door
    at = when.office_hours(rng, day)
    service = org(f"{CHARITY} Recovery")
    started: Json = {"episode_id": f"R-{person.key}", "kind": "treatment-programme", "service": service}
    desk.tell(person, at, "episode.started", started, fact="recovery/start", since=day)
    plan: Json = {
        "plan_id": f"R-{person.key}",
        "kind": "recovery",
        "stage": "agreed",
        "goals": [rng.choice(HOPES)[0], "Ring before it gets bad, not after"],
        "person_agrees": True,
    }
    desk.tell(person, at + timedelta(days=10), "plan.recorded", plan, fact="recovery/plan", since=day)
    for week in range(rng.randrange(8, 20)):
        _talk(town, person, rng, day + timedelta(days=9 * week))
    alert: Json = {
        "alert_id": "1",
        "category": "to-self",
        "action": "raised",
        "text": "Hard weeks around the anniversary in spring",
        "what_helps": "Ring on Sunday evening; do not write",
        "level": "medium",
        "person_knows": True,
    }
    raised = when.office_hours(rng, day + timedelta(days=70))
    desk.tell(person, raised, "risk.alert-changed", alert, fact="alert/1", since=when.local_day(raised))
    back: Json = {"service": org(CHARITY), "had_to_repeat": False, "felt_heard": True, "rating": 5}
    since = day + timedelta(days=180)
    desk.tell(person, at + timedelta(days=180), "feedback.given", back, since=since, said_by="person")
    if rng.random() < 0.5:
        ended = when.office_hours(rng, day + timedelta(days=205))
        end = {"episode_id": started["episode_id"], "kind": "treatment-programme", "reason": "completed"}
        desk.tell(person, ended, "episode.ended", end, fact="recovery/end", since=when.local_day(ended))
