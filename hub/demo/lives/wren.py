"""Wren, whose timeline the demo prints: grows up in care, needs a sign language interpreter, moves into a first home.

The school knew how to talk with Wren from the first day on. It takes the others two years, two missed appointments
and a notice from the landlord to learn it; in the third year Wren tells it once. Days are counted back from the last.
"""

from __future__ import annotations

from datetime import date, timedelta

from hub.demo import names, when
from hub.demo.desks.faces import FLAWS, misread
from hub.demo.desks.hospital import AUTHORITY
from hub.demo.desks.wards import diagnosis, next_of_kin
from hub.demo.lives.ailments import ASTHMA, BROKEN_WRIST, HEARING_LOSS, PENICILLIN
from hub.demo.lives.telling import Telling
from hub.demo.people import Address, Person
from hub.demo.shapes import Face, Json, actor, fhir_address, org, other, pounds, snomed, words
from hub.demo.town import CHARITY, COUNCIL, HOMES, HOSPITAL, TRUST, Town

TURNED_EIGHTEEN = 490  # days before the last one
HOME_KNOWN = 236  # days before the last one on which the landlord corrects the birth date
NHS_NUMBER = "9990001235"  # its digits after 999 lie below 001000, where none are drawn
KEY = 0  # everybody else's begin at 1
YOUNG_MINDS = f"{TRUST}, Young Minds"
ADULT_TEAM = f"{TRUST}, Community Mental Health Team"
TALKING = f"{TRUST}, Talking Therapies"
CHILDREN = f"{COUNCIL}, Children's Services"
FOSTER_HOME = Address("27 Orchard Way", "XX2 4HD")
FIRST_HOME = Address("Flat 5, 11 Quay Street", "XX1 7RW")


def wren(end: date) -> Person:
    """The person of the story, with a number of the test range that nobody else in the borough has."""
    eighteen = end - timedelta(days=TURNED_EIGHTEEN)
    born = date(eighteen.year - 18, eighteen.month, min(eighteen.day, 28))
    homes = [(born + timedelta(days=4000), FOSTER_HOME), (end - timedelta(days=425), FIRST_HOME)]
    return Person(KEY, "Wren", "Alderley", "female", born, NHS_NUMBER, f"{names.MOBILE_PREFIX}999", homes)


def tell_story(town: Town, person: Person) -> None:
    """Ten chapters, each told to the desks it concerns; only the landlord has the birth date wrong, for a time."""
    story = _Story(town, person)
    true = Face.true(person)
    for agency in FLAWS:
        if agency != "larkmere-homes":
            town.faces.learn(agency, person, true)
    town.faces.learn("larkmere-homes", person, Face(true.given, true.family, misread(true.born), true.nhs_number))
    town.faces.learn("larkmere-homes", person, true, since=story.day(HOME_KNOWN))
    for chapter in (
        story.at_school, story.in_care, story.unheard, story.waiting, story.a_fall, story.turning_eighteen,
        story.first_home, story.told_once, story.read_before_asked, story.now,
    ):  # fmt: skip
        chapter()


def records(town: Town, person: Person) -> list[str]:
    """Every record agencies hold of Wren, as `<agency>:<system>/<type>/<id>`."""
    number = f"patient/{AUTHORITY}|{town.patients.number(person)}"
    clouds = [f"{desk.name}/{record}" for desk in town.clouds.values() if (record := desk.record(person))]
    return [
        *clouds,
        f"riverside-hospital:pas/{number}",
        f"riverside-hospital:lab/{number}",
        f"larkmere-social-care:case-system/client/{town.council.client(person)}",
        f"larkmere-homes:tenancies/tenant/{town.homes.tenant(person)}",
    ]


class _Story(Telling):
    """Wren's three years, chapter by chapter."""

    def at_school(self) -> None:
        """The one place that knows how to talk with Wren."""
        school = org(names.SCHOOLS[3][0])
        joined: Json = {"enrolment_id": "1", "setting": school, "action": "joined", "year_group": "7"}
        kind = "education.enrolment-changed"
        self.tell("education", 1088, kind, joined, "enrolment/1/joined", since=f"{self.person.born.year + 11}-09")
        issued = f"{self.person.born.year + 9}"
        sen: Json = {"status": "ehc-issued", "primary_need": words("Hearing impairment"), "authority": org(COUNCIL)}
        self.tell("education", 1088, "education.send-status-changed", sen, "sen/ehc", since=issued)
        need: Json = {
            "kind": "signing",
            "need": words("British Sign Language interpreter for anything that matters"),
            "language_code": "bfi",
            "mode": "signed",
            "status": "active",
        }
        self.tell("education", 1086, "access.communication-need-stated", need, "need/bsl", said_by="person")
        text: Json = {
            "kind": "contact-method",
            "need": words("Text messages. Never ring: I do not hear the phone"),
            "status": "active",
        }
        self.tell("education", 1086, "access.communication-need-stated", text, "need/text", said_by="person")
        self.contact("education", 1010, "school", "Talk about the years after school", minutes=50)
        joins = self._college_begins()
        left: Json = {**joined, "action": "left", "year_group": "11"}
        self.tell("education", joins + 45, kind, left, "enrolment/1/left")
        college: Json = {"enrolment_id": "2", "setting": org(names.COLLEGE), "action": "joined"}
        self.tell("education", joins, kind, college, "enrolment/2/joined")
        attended: Json = {**college, "action": "attendance-recorded", "attendance_percent": "94.2"}
        self.tell("education", joins - 105, kind, attended, "attendance/first-term")

    def _college_begins(self) -> int:
        """Days before the last one of the first eighth of September that lies 800 days back or less."""
        year = self.day(800).year
        begins = next(day for n in (0, 1) if (day := date(year + n, 9, 8)) >= self.day(800))
        return (self.town.end - begins).days

    def in_care(self) -> None:
        episode: Json = {"episode_id": "LAC-1", "kind": "looked-after", "lead": actor("social worker", COUNCIL)}
        since = f"{self.person.born.year + 11}-02"
        self.tell("young", 1085, "episode.started", episode, "episode/LAC-1/start", since=since)
        family: Json = {
            "other": other("Foster carer", ("Marion", "Okell")),
            "roles": ["emergency-contact"],
            "action": "stated",
            "lives_with": True,
            "may_share_with": True,
        }
        self.tell("young", 1085, "circle.relationship-changed", family, "circle/1", said_by="person")
        plan: Json = {
            "plan_id": "1",
            "kind": "looked-after",
            "stage": "reviewed",
            "person_agrees": True,
            "person_view": "I want to stay with Marion until college is done.",
        }
        self.tell("young", 990, "plan.recorded", plan, "plan/1")
        self.tell("young", 810, "plan.recorded", {**plan, "stage": "changed"}, "plan/1")
        for ago in (1040, 960, 880, 800, 720, 610):
            self.contact("young", ago, "home-visit", "Visit by the social worker", seen_alone=True)

    def unheard(self) -> None:
        """Two hospital letters say to ring; Wren cannot, and is struck off the list."""
        for fact, concept, since in (("hearing", HEARING_LOSS, "2011"), ("asthma", ASTHMA, "2014-05")):
            condition: Json = {"condition_id": fact, "code": snomed(concept), "status": "active"}
            self.tell("surgery", 1090, "health.condition-recorded", condition, f"condition/{fact}", since=since)
        allergy: Json = {"allergy_id": "1", "substance": snomed(PENICILLIN), "kind": "allergy", "status": "active"}
        self.tell("surgery", 1090, "health.allergy-recorded", allergy, "allergy/1", since="2013")
        self.contact("surgery", 1030, "clinic", "Hearing aids whistle and hurt")
        self.refer(1030, "AUD-1", f"{HOSPITAL}, Audiology", "New hearing aids needed")
        clinics, person = self.town.clinics, self.person
        first = clinics.book(person, self.at(1018), "Audiology clinic", self.at(985, 9, 40))
        clinics.missed(first)
        second = clinics.book(person, self.at(975), "Audiology clinic", self.at(940, 11, 20))
        clinics.missed(second)
        lines = ["Did not attend twice and could not be reached by telephone.", "Discharged to the surgery."]
        self.town.letters.send(person, self.at(938, 16), "Clinic letter", lines)
        self.contact("open_door", 930, "drop-in", "Came with a letter nobody had explained", minutes=45)
        story: Json = {
            "service": org(f"{HOSPITAL}, Audiology"),
            "had_to_repeat": True,
            "times_repeated": 4,
            "felt_heard": False,
            "text": "They wrote that they had rung me. I am deaf.",
        }
        self.tell("open_door", 930, "feedback.given", story, "feedback/audiology", said_by="person")
        self.refer(915, "AUD-2", f"{HOSPITAL}, Audiology", "Deaf, signs. Please text, please book an interpreter")
        third = clinics.book(person, self.at(905), "Audiology clinic", self.at(868, 9, 40))
        clinics.move(third, self.at(880), self.at(861, 14, 0))
        self.town.letters.send(person, self.at(860, 12), "Clinic letter", ["Seen with the foster carer, who signed."])

    def waiting(self) -> None:
        """Sent back, sent on, waiting; and when the day comes nobody can sign."""
        self.contact("surgery", 850, "clinic", "Sleeps badly, tired of explaining")
        self.refer(850, "YM-1", YOUNG_MINDS, "Low mood, moving on from care soon")
        self.answer(
            "minds",
            838,
            "YM-1",
            "bounced",
            reason="threshold-not-met",
            redirected_to=org("School counsellor"),
            told_person=False,
        )
        self.contact("education", 815, "school", "School counsellor, with an interpreter", minutes=40)
        self.refer(795, "YM-2", YOUNG_MINDS, "Low mood; school asks too")
        self.answer("minds", 786, "YM-2", "waiting", wait_weeks=22, told_person=True)
        self.answer("minds", 640, "YM-2", "accepted", told_person=True)
        episode: Json = {"episode_id": "YM", "kind": "mental-health-caseload", "service": org(YOUNG_MINDS)}
        self.tell("minds", 636, "episode.started", episode, "episode/YM/start")
        self.meet("1", 632, YOUNG_MINDS, "did-not-attend", barrier="communication-need-not-met", follow_up="rebooked")
        self.meet("2", 611, YOUNG_MINDS, "attended")
        self.meet("3", 580, YOUNG_MINDS, "attended")
        self.meet("4", 545, YOUNG_MINDS, "attended")
        end: Json = {
            "episode_id": "YM",
            "kind": "mental-health-caseload",
            "reason": "age-limit",
            "outstanding": [{"text": "Adult team to take over", "status": "planned"}],
        }
        self.tell("minds", 480, "episode.ended", end, "episode/YM/end")

    def a_fall(self) -> None:
        """Off the bicycle, two nights on a ward, home with a plaster and a plan."""
        person, wards = self.person, self.town.wards
        came = when.instant(self.day(702), 17, 25)
        kin = next_of_kin(1, ("Okell", "Marion", "Foster carer"))
        visit = wards.attend(person, came, kin, diagnosis(1, BROKEN_WRIST, came))
        wards.admit_from_emergency(visit, came + timedelta(hours=4), "Trauma Ward", diagnosis(1, BROKEN_WRIST, came))
        self.town.laboratory.report(
            person,
            came + timedelta(hours=2),
            ("58410-2", "Full blood count"),
            [("718-7", "Haemoglobin", "131", "g/L", "115-165")],
        )
        left = when.instant(self.day(700), 11, 10)
        wards.discharge(visit, left)
        summary = [
            "Wrist set under anaesthetic.",
            "Plaster for six weeks; fracture clinic will write.",
            "Wren signs. The ward wrote everything down; it took long, and it worked.",
        ]
        self.town.letters.send(person, left, "Discharge summary", summary)
        clinic = self.town.clinics.book(person, left + timedelta(hours=2), "Fracture clinic", self.at(660, 10, 0))
        self.town.clinics.modify(clinic, self.at(690), "Fracture clinic, Room 4")

    def turning_eighteen(self) -> None:
        """Care ends with a birthday. What follows is planned, refused, and planned again."""
        plan: Json = {
            "plan_id": "2",
            "kind": "pathway",
            "stage": "agreed",
            "person_agrees": True,
            "goals": ["A flat near the canal", "An apprenticeship with bicycles", "A doctor who writes"],
            "lead": actor("personal adviser", COUNCIL),
        }
        self.tell("young", 590, "plan.recorded", plan, "plan/2")
        move: Json = {
            "transition_id": "T1",
            "kind": "leaving-care",
            "status": "planned",
            "from": org(CHILDREN),
            "to": org(HOMES),
            "on": self.day(TURNED_EIGHTEEN).isoformat(),
            "person_told": True,
        }
        self.tell("young", 585, "transition.updated", move, "transition/T1")
        self.town.council.note(self.person, "REQ", "TRANS", self.day(560), outcome="NFA", note="Below the threshold")
        over: Json = {"episode_id": "LAC-1", "kind": "looked-after", "reason": "age-limit"}
        self.tell("young", TURNED_EIGHTEEN, "episode.ended", over, "episode/LAC-1/end")
        leaver: Json = {"episode_id": "CL-1", "kind": "care-leaver", "lead": actor("personal adviser", COUNCIL)}
        self.tell("young", TURNED_EIGHTEEN, "episode.started", leaver, "episode/CL-1/start")
        lodging: Json = {"tenure": "supported", "action": "started", "address": {"text": "Stays on with Marion"}}
        self.tell("young", TURNED_EIGHTEEN, "housing.accommodation-changed", lodging, "home/staying-on")
        done: Json = {**move, "status": "handed-over", "gaps": [{"text": "Nobody told the landlord about signing"}]}
        self.tell("young", 424, "transition.updated", done, "transition/T1")
        self.refer(470, "CM-1", ADULT_TEAM, "Young Minds ended at eighteen")
        self.answer(
            "minds", 455, "CM-1", "rejected", reason="wrong-service", redirected_to=org(TALKING), told_person=True
        )

    def first_home(self) -> None:
        """A flat of one's own; letters about rent that nobody signs; a notice; and people who sit down with her."""
        tenancy = self.town.homes.let(self.person, self.day(425), "INT", FIRST_HOME)
        for ago, owed, stage in ((392, "214.00", ""), (360, "430.00", "LETTER"), (322, "655.00", "NSP"),
                                 (262, "410.00", "PLAN"), (172, "120.00", "PLAN"), (110, "0.00", "")):  # fmt: skip
            tenancy.change(self.day(ago), Arrears=owed, ArrearsStage=stage)
        moved = self.at(418)
        self.town.surgery.update(self.person, moved)
        self.town.wards.details(self.person, moved + timedelta(days=12))
        home: Json = {"address": fhir_address(FIRST_HOME), "action": "moved-in"}
        self.tell("surgery", 418, "person.address-changed", home, "address/1", since=self.day(425).isoformat())
        self.contact("open_door", 310, "drop-in", "A notice about the rent", minutes=70)
        claim: Json = {"benefit": "uc", "action": "claimed", "claim_id": "UC-1"}
        self.tell("open_door", 308, "benefits.award-changed", claim, "benefit/UC-1/claimed")
        award: Json = {**claim, "action": "awarded", "amount": pounds("393.45"), "every": "month"}
        self.tell("open_door", 268, "benefits.award-changed", award, "benefit/UC-1/awarded")
        self.contact("open_door", 264, "office", f"Plan agreed with {HOMES}, interpreter there", minutes=60)
        tenancy.change(self.day(HOME_KNOWN), Interpreter="BSL")
        self.refer(440, "TT-1", TALKING, "Redirected from the adult team")
        self.answer("minds", 430, "TT-1", "waiting", wait_weeks=26, told_person=True)

    def told_once(self) -> None:
        """Wren and Open Door write it down one afternoon, and Wren says who may read it."""
        consent: Json = {
            "consent_id": "1",
            "purposes": ["share-with-services-i-use"],
            "capacity": "own",
            "except_families": ["safeguarding"],
        }
        self.tell("open_door", 255, "consent.given", consent, "consent/1", said_by="person")
        self.say(255, "how-i-communicate", "I sign. Book the interpreter before you book me. Text me, never ring.")
        self.say(255, "what-matters-to-me", "Being told things first, not last. My bicycle. Marion's Sunday lunch.")
        self.say(255, "please-do-and-please-do-not", "Look at me, not at the interpreter. Read before you ask.")
        self.say(255, "hopes", "A workshop of my own one day, with a sign over the door.")
        strength: Json = {"kind": "skill", "text": "Trues a wheel by eye", "offers_to_others": True}
        self.tell("open_door", 254, "aboutme.strength-noted", strength, "strength/1", said_by="person")
        goal: Json = {"goal_id": "1", "text": "An apprenticeship with bicycles", "domain": "work-and-learning"}
        self.tell("open_door", 254, "aboutme.goal-updated", {**goal, "status": "set"}, "goal/1", said_by="person")
        self.tell("open_door", 62, "aboutme.goal-updated", {**goal, "status": "achieved"}, "goal/1", said_by="person")
        self.answer("minds", 248, "TT-1", "accepted", told_person=True)
        episode: Json = {"episode_id": "TT", "kind": "mental-health-caseload", "service": org(TALKING)}
        self.tell("minds", 238, "episode.started", episode, "episode/TT/start")
        for number, ago in (("11", 231), ("12", 210), ("13", 189), ("14", 150)):
            self.meet(number, ago, TALKING, "attended")

    def read_before_asked(self) -> None:
        """Doors open because somebody read what was there to be read."""
        question: Json = {
            "question_key": "communication.how",
            "question_text": "How would you like us to talk?",
            "status": "answered",
            "answers": [{"text": "As it says in About me"}],
            "may_be_reused": True,
        }
        fact, role = "question/how", "receptionist"
        self.tell("community", 205, "telling.question-answered", question, fact, said_by="person", role=role)
        person = self.person
        clinic = "Audiology clinic, interpreter booked"
        visit = self.town.clinics.book(person, self.at(200), clinic, self.at(170, 10, 0))
        letter = ["Seen with a BSL interpreter, reminded by text.", "New hearing aids fitted."]
        self.town.letters.send(person, visit.start + timedelta(hours=5), "Clinic letter", letter)
        council = self.town.council
        council.note(person, "REQ", "SELF", self.day(140), outcome="ASSESS", note="Read the pathway plan first")
        council.span(person, "ASM", "CARE", self.day(130), self.day(112), outcome="ELIG")
        council.span(person, "SVC", "DIRPAY", self.day(98), None, provider=COUNCIL)
        back = self._thanks(f"{COUNCIL}, Adult Social Care", "They had read it. I only had to say what changed.")
        self.tell("open_door", 108, "feedback.given", back, "feedback/council", said_by="person")

    def now(self) -> None:
        """An allergy that never was is taken back, work begins, and the next appointment has its interpreter."""
        why = "Tested at the hospital: no allergy, the rash came from the illness"
        self.town.surgery.withdraw(self.person, self.at(95), "health.allergy-recorded", "allergy/1", why)
        self.contact("young", 60, "sms", "Starts at the bicycle workshop on Monday", direction="from-person")
        self.meet("15", 21, TALKING, "attended")
        self.meet("16", -12, TALKING, "")
        thanks = self._thanks(CHARITY, "I told it once. It stayed told.")
        self.tell("open_door", 12, "feedback.given", thanks, "feedback/open-door", said_by="person")

    @staticmethod
    def _thanks(service: str, text: str) -> Json:
        heard: Json = {"had_to_repeat": False, "times_repeated": 0, "felt_heard": True}
        return {"service": org(service), "rating": 5, "text": text, **heard}
