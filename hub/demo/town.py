"""The borough with its people and its agencies' desks; the stories happen here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from hub.demo import when
from hub.demo.delivery import Delivery, Post
from hub.demo.desks.clinics import Clinics
from hub.demo.desks.cloud import CloudDesk, Style, nightly, twice_a_week, weekly
from hub.demo.desks.extracts import Homes, SocialCare, Spoiler
from hub.demo.desks.faces import Faces
from hub.demo.desks.hospital import Hl7Desk, Patients, with_offset, without_offset
from hub.demo.desks.reports import Laboratory, Letters
from hub.demo.desks.wards import Wards
from hub.demo.hl7 import Writer
from hub.demo.numbers import unique_pupil_number
from hub.demo.people import Person, populate

SURGERY = "Mill Lane Surgery"
TRUST = "Larkmere Community Trust"
HOSPITAL = "Riverside Hospital"
COUNCIL = "Larkmere Council"
CHARITY = "Open Door"
HOMES = "Larkmere Homes"


def _styles() -> dict[str, Style]:
    """The systems that send CloudEvents, by the name the stories use."""
    trust, children = "larkmere-community-trust", "larkmere-childrens-services"
    return {
        "surgery": Style(
            "mill-lane-surgery", "clinical", "patient", lambda n, _: f"{41_000 + n * 7}",
            "urn:mill-lane:patient", nightly, "general practitioner",
        ),
        "community": Style(
            trust, "community", "patient", lambda n, _: f"CT{7_000 + n * 9}",
            "urn:larkmere-trust:patient", nightly, "community nurse",
        ),
        "minds": Style(
            trust, "mental-health", "service-user", lambda n, _: f"MH{2_000 + n * 5}",
            "urn:larkmere-trust:service-user", nightly, "mental health practitioner",
        ),
        "education": Style(
            children, "education", "pupil", lambda n, person: unique_pupil_number(n, person.birthday(4).year),
            "urn:larkmere-council:upn", twice_a_week, "education officer", counts_revisions=True,
        ),
        "young": Style(
            children, "social-work", "child", lambda n, _: f"C{300 + n}",
            "urn:larkmere-council:child", twice_a_week, "social worker", counts_revisions=True,
        ),
        "open_door": Style(
            "open-door", "casework", "member", lambda n, person: f"OD-{100 + n}-{person.given[:1].upper()}",
            "urn:open-door:member", weekly, "support worker", is_plain=True,
        ),
    }  # fmt: skip


class Town:
    """Everything that the stories need: people, days, randomness of their own, and somebody to tell."""

    def __init__(self, seed: int, end: date, people: int, spoil_care: Spoiler, spoil_homes: Spoiler) -> None:
        self.seed, self.end, self.start = seed, end, when.first_day(end)
        self.people = populate(self.rng("people"), self.start, end, people)
        self.faces = Faces(self.rng("faces"))
        self.clouds = {name: CloudDesk(style, self.faces) for name, style in _styles().items()}
        writer = Writer()
        self._pas, self._lab = Hl7Desk("pas", writer, with_offset), Hl7Desk("lab", writer, without_offset)
        self.patients = Patients(self.faces)
        self.wards = Wards(self._pas, self.patients)
        self.clinics = Clinics(self._pas, self.patients)
        self.letters = Letters(self._pas, self.patients)
        self.laboratory = Laboratory(self._lab, self.patients)
        self.council = SocialCare(self.faces, spoil_care)
        self.homes = Homes(self.faces, spoil_homes)
        self.surgery, self.community, self.minds = (self.clouds[name] for name in ("surgery", "community", "minds"))
        self.education, self.young, self.open_door = (self.clouds[name] for name in ("education", "young", "open_door"))

    def rng(self, *story: object) -> Random:
        """Randomness of a story's own, so that a change to one story leaves all others as they were.

        Seeded with text, which Python hashes with SHA-512: the same in every process.
        """
        return Random(":".join(map(str, (self.seed, *story))))

    def adults(self, youngest: int, oldest: int) -> list[Person]:
        """People of that age on the last day, in the order of their keys."""
        return [person for person in self.people if youngest <= person.age_on(self.end) <= oldest]

    def pick(self, story: str, people: list[Person], share: float) -> list[Person]:
        """That share of the people, at least one, in the order of their keys."""
        count = min(len(people), max(1, round(len(people) * share)))
        return sorted(self.rng(story).sample(people, count), key=lambda person: person.key)

    def day(self, rng: Random, person: Person, *, keep: int = 0) -> date | None:
        """A day of the history on which the person is in the borough, and still is `keep` days later."""
        for _ in range(8):
            day = when.day_between(rng, self.start + timedelta(days=3), self.end - timedelta(days=keep))
            if person.is_here(day) and person.is_here(min(self.end, day + timedelta(days=keep))):
                return day
        return None

    def dispatch(self, befall: Callable[[Post], None]) -> Iterator[Delivery]:
        """Everything told so far, as deliveries by time, after mishaps befell the post."""
        for at, person in list(self.patients.first_seen.values()):
            self.wards.details(person, at - timedelta(minutes=30), "A28")
        post = Post(when.instant(self.start), when.instant(self.end, 23, 59))
        for cloud in self.clouds.values():
            cloud.dispatch(post)
        for line in (self._pas, self._lab):
            line.dispatch(post)
        self.council.dispatch(post, self.start, self.end)
        self.homes.dispatch(post, self.start, self.end)
        befall(post)
        return post.deliver()
