"""School years: joining, attending, changing school, extra help, and turning eighteen."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from hub.demo import names, when
from hub.demo.people import Person
from hub.demo.shapes import Json, actor, org, words
from hub.demo.town import COUNCIL, TRUST, Town

ADULT_CARE = f"{COUNCIL}, Adult Social Care"
NEEDS = (
    "Speech, language and communication",
    "Specific learning difficulty",
    "Autism",
    "Moderate learning difficulty",
    "Hearing impairment",
)
CHILD_VIEWS = (
    "I like it when people tell me what happens next.",
    "I work best with the door shut and my headphones on.",
    "Please do not change my seat without asking.",
    "I want to be in the football club, not in the extra room.",
)


def live(town: Town) -> None:
    pupils = [person for person in town.people if person.age_on(town.end) >= 5 and person.age_on(town.start) < 18]
    for person in pupils:
        _go_to_school(town, person, town.rng("school", person.key))
    for person in town.pick("sen", pupils, 0.2):
        _get_extra_help(town, person, town.rng("sen", person.key))
    turning = [person for person in pupils if town.start + timedelta(days=250) < person.birthday(18) < town.end]
    for person in town.pick("turning-eighteen", turning, 0.7) if turning else ():
        _turn_eighteen(town, person, town.rng("turning-eighteen", person.key))
    for person in town.pick("early-help", pupils, 0.14):
        _need_early_help(town, person, town.rng("early-help", person.key))


def _stages(person: Person) -> list[tuple[date, date, str]]:
    """Primary from the September of five, secondary at eleven, college at sixteen, to the July of eighteen."""
    first = person.born.year + 5 - (1 if (person.born.month, person.born.day) < (9, 1) else 0)
    primary, secondary = names.SCHOOLS[person.key % 2][0], names.SCHOOLS[2 + person.key % 2][0]
    return [
        (date(first, 9, 4), date(first + 7, 7, 22), primary),
        (date(first + 7, 9, 4), date(first + 12, 7, 22), secondary),
        (date(first + 12, 9, 8), date(first + 14, 7, 10), names.COLLEGE),
    ]


def _go_to_school(town: Town, person: Person, rng: Random) -> None:
    usual = rng.uniform(86, 98)
    for joins, leaves, school in _stages(person):
        if leaves < town.start or joins > town.end:
            continue
        setting, enrolment = org(school), f"{person.key}-{joins.year}"
        told = when.office_hours(rng, max(joins, town.start + timedelta(days=2)))
        joined: Json = {"enrolment_id": enrolment, "setting": setting, "action": "joined"}
        kind, fact = "education.enrolment-changed", f"enrolment/{enrolment}"
        town.education.tell(person, told, kind, joined, fact=f"{fact}/joined", since=joins)
        _attend(town, person, rng, (enrolment, school, usual), (max(joins, town.start), min(leaves, town.end)))
        if leaves <= town.end:
            left = {**joined, "action": "left"}
            town.education.tell(person, when.office_hours(rng, leaves), kind, left, fact=f"{fact}/left", since=leaves)


def _attend(town: Town, person: Person, rng: Random, at: tuple[str, str, float], between: tuple[date, date]) -> None:
    """Attendance of each whole term, and a suspension now and then."""
    enrolment, school, usual = at
    for term, first, last in when.terms(*between):
        possible = 2 * rng.randrange(58, 68)
        percent = min(100.0, usual + rng.uniform(-5, 2))
        attendance = {
            "enrolment_id": enrolment,
            "setting": org(school),
            "action": "attendance-recorded",
            "attendance_percent": f"{percent:.1f}",
            "possible": possible,
            "sessions": round(possible * percent / 100),
        }
        told = when.office_hours(rng, last + timedelta(days=6))
        kind = "education.enrolment-changed"
        town.education.tell(person, told, kind, attendance, fact=f"attendance/{term}", since=first, until=last)
        if person.age_on(first) >= 11 and rng.random() < 0.015:
            day = when.working_day(first + timedelta(days=rng.randrange(20, 60)))
            away = {"setting": org(school), "action": "suspended", "sessions": rng.choice((2, 4))}
            told = when.instant(day, 15, 20)
            town.education.tell(person, told, kind, away, fact=f"suspension/{day:%Y%m%d}", since=day)


def _get_extra_help(town: Town, person: Person, rng: Random) -> None:
    day = town.day(rng, person, keep=240)
    if day is None or person.age_on(day) < 5 or person.age_on(day) > 17:
        return
    need = words(rng.choice(NEEDS))
    at = when.office_hours(rng, day)
    desk, kind = town.education, "education.send-status-changed"
    desk.tell(person, at, kind, {"status": "sen-support", "primary_need": need}, fact="sen/support", since=day)
    plan = {
        "plan_id": f"sen-{person.key}",
        "kind": "sen-support",
        "stage": "agreed",
        "person_view": rng.choice(CHILD_VIEWS),
        "actions": [{"text": "Small group, twice a week", "status": "planned"}],
    }
    agreed = when.office_hours(rng, day + timedelta(days=20))
    desk.tell(person, agreed, "plan.recorded", plan, fact=f"plan/sen-{person.key}", since=when.local_day(agreed))
    if rng.random() < 0.5:
        steps = (("ehc-requested", 60), ("ehc-assessing", 100), ("ehc-drafted", 160), ("ehc-issued", 200))
        for week, (status, days) in enumerate(steps):
            on = day + timedelta(days=days + rng.randrange(14))
            told = when.office_hours(rng, on)
            data = {"status": status, "primary_need": need, "statutory_week": 6 * week, "authority": org(COUNCIL)}
            desk.tell(person, told, kind, data, fact=f"sen/{status}", since=on)


def _turn_eighteen(town: Town, person: Person, rng: Random) -> None:
    """Children's services plan, adults' services answer; for some nobody does until after the birthday."""
    eighteen = person.birthday(18)
    number = f"adult-{person.key}"
    base: Json = {
        "transition_id": number,
        "kind": "child-to-adult",
        "from": org(f"{COUNCIL}, Children's Services"),
        "to": org(rng.choice((ADULT_CARE, f"{TRUST}, Adult Services"))),
        "on": eighteen.isoformat(),
        "lead": actor("personal adviser", COUNCIL),
    }
    on_time = rng.random() < 0.6
    handed_over, accepted = (-10, 5) if on_time else (45, 90)
    steps = (("planned", -200), ("ready", -60), ("handed-over", handed_over), ("accepted", accepted))
    for status, days in steps:
        on = eighteen + timedelta(days=days)
        told = when.office_hours(rng, on)
        data = {**base, "status": status, "person_told": status != "planned"}
        fact = f"transition/{number}"
        town.young.tell(person, told, "transition.updated", data, fact=fact, since=when.local_day(told))
    if base["to"] == org(ADULT_CARE):
        asked = eighteen + timedelta(days=-150 if on_time else 20)
        town.council.note(person, "REQ", "TRANS", asked, outcome="ASSESS")
        town.council.span(person, "ASM", "CARE", asked + timedelta(days=20), asked + timedelta(days=60), outcome="ELIG")


def _need_early_help(town: Town, person: Person, rng: Random) -> None:
    """A family that asks for help early: a worker, some visits, a plan, an end; one in three becomes more."""
    day = town.day(rng, person, keep=200)
    if day is None or person.age_on(day) > 17:
        return
    episode = f"EH-{person.key}-{day:%y%m}"
    kind = rng.choice(("early-help", "early-help", "child-in-need"))
    at = when.office_hours(rng, day)
    desk = town.young
    referral = {"referral_id": episode, "to": org(f"{COUNCIL}, Children's Services"), "reason": "School is worried"}
    desk.tell(person, at, "referral.made", referral, fact=f"referral/{episode}", since=day, role="headteacher")
    begins = when.office_hours(rng, day + timedelta(days=8))
    started = {"episode_id": episode, "kind": kind, "referral_id": episode}
    desk.tell(person, begins, "episode.started", started, fact=f"episode/{episode}/start", since=when.local_day(begins))
    assessment: Json = {"assessment_id": episode, "kind": "child-and-family"}
    desk.tell(person, begins, "assessment.started", assessment, fact=f"assessment/{episode}/start", since=day)
    done = when.office_hours(rng, day + timedelta(days=45))
    result = {**assessment, "person_view": rng.choice(CHILD_VIEWS), "outcome": words("Support at home and at school")}
    kind_done = "assessment.completed"
    desk.tell(person, done, kind_done, result, fact=f"assessment/{episode}/end", since=when.local_day(done))
    for month in range(rng.randrange(3, 7)):
        seen = when.office_hours(rng, day + timedelta(days=20 + 24 * month))
        contact = {"channel": rng.choice(("home-visit", "school")), "outcome": "made", "seen_alone": rng.random() < 0.6}
        reason = words(rng.choice(("Talk with the child", "Talk with the parents", "Plan looked at together")))
        desk.tell(
            person, seen, "contact.occurred", {**contact, "reason": reason}, fact=f"visit/{seen:%Y%m%d}", is_moment=True
        )
    ends = when.office_hours(rng, day + timedelta(days=190))
    end = {"episode_id": episode, "kind": kind, "reason": "completed", "goals_met": True}
    desk.tell(person, ends, "episode.ended", end, fact=f"episode/{episode}/end", since=when.local_day(ends))
