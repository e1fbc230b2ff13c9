"""A fall, a stay in hospital, coming home with help, and the person who cares without being paid for it."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from hub.demo import when
from hub.demo.desks.wards import allergy, diagnosis, next_of_kin
from hub.demo.lives.ailments import FALL, HIP_FRACTURE, PENICILLIN
from hub.demo.people import Person
from hub.demo.shapes import Json, actor, org, other, words
from hub.demo.town import COUNCIL, HOSPITAL, TRUST, Town

HOPES = (
    "To get back to the allotment before the beans are over.",
    "To go upstairs to my own bed again.",
    "To make my own breakfast and eat it at the window.",
    "To be at my granddaughter's wedding, standing up.",
    "To walk the dog to the canal, even if it takes all morning.",
    "To stay in this house. I know every step of it in the dark.",
)
CARING = (
    "I do not mind doing it. I mind not knowing who to ring.",
    "One night's sleep a week would change everything.",
    "Please ask me too when you plan mum's discharge.",
    "I had to give up my evening shift. I would like it back.",
)


def live(town: Town) -> None:
    for person in town.pick("frailty", town.adults(74, 120), 0.75):
        rng = town.rng("frailty", person.key)
        day = town.day(rng, person, keep=140)
        if day is not None:
            _fall(town, person, rng, day)


def _fall(town: Town, person: Person, rng: Random, day: date) -> None:
    home = _stay(town, person, rng, day)
    _come_home(town, person, rng, home)
    _be_helped(town, person, rng, home)
    carers = [each for each in person.household if each is not person and each.age_on(home) >= 18]
    if carers:
        _care(town, carers[0], person, rng, home)


def _stay(town: Town, person: Person, rng: Random, day: date) -> date:
    """From the ambulance to the day of going home, which it returns."""
    at = when.any_hour(rng, day)
    concept = rng.choice((FALL, FALL, HIP_FRACTURE))
    visit = town.wards.attend(person, at, diagnosis(1, FALL, at))
    relation = rng.choice(("Daughter", "Son", "Wife or husband", "Friend", "Neighbour"))
    kin = next_of_kin(1, (person.family, rng.choice(("Robin", "Sam", "Alex", "Chris", "Jo")), relation))
    more = [kin, diagnosis(1, concept, at)]
    if rng.random() < 0.3:
        more.append(allergy(1, PENICILLIN, "Rash", f"{rng.randrange(1975, 2012)}"))
    admitted = at + timedelta(hours=4)
    town.wards.admit_from_emergency(visit, admitted, "Elderly Assessment", *more)
    town.wards.transfer(visit, admitted + timedelta(hours=30), "Willow Ward")
    left = when.office_hours(rng, day + timedelta(days=rng.randrange(6, 21)))
    _seen_on_the_ward(town, person, rng, when.local_day(left))
    town.wards.discharge(visit, left)
    if rng.random() < 0.15:  # a bed at home was not ready: stays two days longer
        town.wards.cancel_discharge(visit, left + timedelta(hours=1))
        left += timedelta(days=2)
        town.wards.discharge(visit, left)
    summary = [
        f"Admitted after a fall, treated on Willow Ward for {concept[1].lower()}.",
        "Goes home with help in the morning and evening for six weeks.",
        f"In their own words: {rng.choice(HOPES)}",
    ]
    town.letters.send(person, left, "Discharge summary", summary)
    return when.local_day(left)


def _seen_on_the_ward(town: Town, person: Person, rng: Random, leaves: date) -> None:
    """The council and the community therapists plan the way home from the ward."""
    asked = leaves - timedelta(days=4)
    town.council.note(person, "REQ", "HOSP", asked, outcome="ASSESS", note="Discharge planned with the ward")
    town.council.span(person, "ASM", "CARE", asked + timedelta(days=1), asked + timedelta(days=2), outcome="ELIG")
    seen = when.office_hours(rng, asked + timedelta(days=1))
    visit = {"channel": "ward", "outcome": "made", "reason": words("Stairs and bath looked at together"), "minutes": 40}
    role = "occupational therapist"
    town.community.tell(
        person, seen, "contact.occurred", visit, fact=f"contact/{seen:%Y%m%d%H%M}", is_moment=True, role=role
    )
    key_safe: Json = {"text": "Key safe to be fitted", "by": actor("handyperson", COUNCIL)}
    plan: Json = {
        "transition_id": f"{leaves:%Y%m%d}",
        "kind": "hospital-discharge",
        "status": "planned",
        "from": org(HOSPITAL),
        "to": org(TRUST),
        "on": leaves.isoformat(),
        "gaps": [{**key_safe, "status": "planned"}],
        "person_told": True,
    }
    fact = f"discharge/{leaves:%Y%m%d}"
    town.community.tell(person, seen + timedelta(hours=1), "transition.updated", plan, fact=fact, since=leaves)
    done = {**plan, "status": rng.choice(("completed", "completed", "accepted"))}
    done["gaps"] = [{**key_safe, "status": rng.choice(("done", "done", "not-done"))}]
    told = when.office_hours(rng, leaves + timedelta(days=2))
    town.community.tell(person, told, "transition.updated", done, fact=fact, since=leaves)


def _come_home(town: Town, person: Person, rng: Random, home: date) -> None:
    """A community nurse and a physiotherapist visit for some weeks; not every visit finds somebody in."""
    episode = f"{home:%Y%m%d}"
    started = {
        "episode_id": episode,
        "kind": "community-caseload",
        "service": org(f"{TRUST}, Getting Home Team"),
        "reason": words("Strength and balance after a fall"),
    }
    at = when.office_hours(rng, home + timedelta(days=1))
    fact = f"episode/{episode}/start"
    town.community.tell(person, at, "episode.started", started, fact=fact, since=when.local_day(at))
    for week in range(rng.randrange(3, 7)):
        seen = when.office_hours(rng, home + timedelta(days=3 + 7 * week + rng.randrange(3)))
        outcome = "made" if rng.random() < 0.88 else "not-home"
        visit = {"channel": "home-visit", "outcome": outcome, "reason": words("Exercises and dressing")}
        fact = f"contact/{seen:%Y%m%d%H%M}"
        town.community.tell(person, seen, "contact.occurred", visit, fact=fact, is_moment=True)
    ended = home + timedelta(days=rng.randrange(45, 60))
    end = {"episode_id": episode, "kind": "community-caseload", "reason": "completed", "goals_met": rng.random() < 0.7}
    told = when.office_hours(rng, ended)
    town.community.tell(person, told, "episode.ended", end, fact=f"episode/{episode}/end", since=ended)


def _be_helped(town: Town, person: Person, rng: Random, home: date) -> None:
    """Six weeks of reablement, a review, and for most then regular help at home."""
    six_weeks = home + timedelta(weeks=6)
    town.council.span(person, "SVC", "REAB", home, six_weeks, outcome="GOALS", provider="Larkmere Reablement")
    outcome = rng.choice(("CONT", "LESS", "NONE"))
    town.council.note(person, "REV", "SIXWK", six_weeks - timedelta(days=3), outcome=outcome)
    if rng.random() < 0.65:
        ends = None if rng.random() < 0.6 else six_weeks + timedelta(days=rng.randrange(60, 300))
        kind = rng.choice(("HOMECARE", "HOMECARE", "DAYOPP", "EQUIP", "DIRPAY"))
        town.council.span(person, "SVC", kind, six_weeks, ends, outcome="ENDED", provider="Kind Hands Home Care")
        for year in (1, 2):
            review = six_weeks + timedelta(days=365 * year + rng.randrange(40))
            if review < town.end and person.is_here(review):
                town.council.note(person, "REV", "ANNUAL", review, outcome=rng.choice(("CONT", "MORE", "LESS")))


def _care(town: Town, carer: Person, cared_for: Person, rng: Random, home: date) -> None:
    """Somebody at home who cares: seen by the surgery and the charity, assessed by the council for some."""
    met = home + timedelta(days=rng.randrange(10, 40))
    at = when.office_hours(rng, met)
    relation = {
        "other": other("Lives with and is cared for by this person"),
        "roles": ["cared-for"],
        "action": "stated",
        "lives_with": True,
        "hours_per_week": rng.choice((15, 20, 35, 50)),
        "support_given": rng.choice(("Meals, washing and medicines", "Company, shopping and nights", "All of the day")),
    }
    town.surgery.tell(
        carer, at, "circle.relationship-changed", relation, fact="circle/cares-for", since=met, said_by="person"
    )
    if rng.random() < 0.7:
        told = when.office_hours(rng, met + timedelta(days=9))
        own_words = {"topic": "what-matters-to-me", "text": rng.choice(CARING)}
        kind, fact = "aboutme.statement-shared", "about-me/what-matters"
        town.open_door.tell(carer, told, kind, own_words, fact=fact, since=met, said_by="person")
        for month in range(rng.randrange(2, 7)):
            group = when.instant(when.next_weekday(met + timedelta(days=20 + 30 * month), 2), 14, 0)
            joined = {"channel": "drop-in", "outcome": "made", "reason": words("Carers' group"), "minutes": 90}
            town.open_door.tell(carer, group, "contact.occurred", joined, is_moment=True)
    if rng.random() < 0.6:
        town.council.note(carer, "REQ", "CARER", met, outcome="ASSESS")
        town.council.span(carer, "ASM", "CARER", met + timedelta(days=12), met + timedelta(days=30), outcome="ELIG")
        town.council.span(carer, "SVC", "BREAK", met + timedelta(days=40), None, provider="Open Door")
