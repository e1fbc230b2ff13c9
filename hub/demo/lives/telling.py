"""How a story of one person is told, day by day, to the desks it concerns."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from hub.demo import when
from hub.demo.people import Person
from hub.demo.shapes import Json, org, words
from hub.demo.town import SURGERY, Town


class Telling:
    """Tells one person's story to the desks; days are counted back from the last one."""

    def __init__(self, town: Town, person: Person) -> None:
        self.town = town
        self.person = person
        self._rng = Random(person.key)

    def day(self, ago: int) -> date:
        return self.town.end - timedelta(days=ago)

    def at(self, ago: int, hour: int = 10, minute: int = 15) -> datetime:
        return when.instant(when.working_day(self.day(ago)), hour, minute)

    def tell(
        self,
        desk: str,
        ago: int,
        kind: str,
        data: Json,
        fact: str,
        *,
        since: str | None = None,
        said_by: str | None = None,
        role: str | None = None,
    ) -> None:
        """One event of that day, true from that day unless `since` says otherwise."""
        at = self.at(ago, 9 + self._rng.randrange(7), self._rng.randrange(60))
        true_from = since or when.local_day(at)
        self.town.clouds[desk].tell(self.person, at, kind, data, fact=fact, since=true_from, said_by=said_by, role=role)

    def contact(self, desk: str, ago: int, channel: str, reason: str, **more: object) -> None:
        at = self.at(ago, 14, self._rng.randrange(60))
        data: Json = {"channel": channel, "outcome": "made", "reason": words(reason), **more}
        fact = f"contact/{at:%Y%m%d%H%M}"
        self.town.clouds[desk].tell(self.person, at, "contact.occurred", data, fact=fact, is_moment=True)

    def refer(self, ago: int, number: str, to: str, reason: str) -> None:
        data: Json = {
            "referral_id": number,
            "from": org(SURGERY),
            "to": org(to),
            "reason": reason,
            "person_agreed": True,
        }
        self.tell("surgery", ago, "referral.made", data, f"referral/{number}")

    def answer(self, desk: str, ago: int, number: str, status: str, **more: object) -> None:
        data: Json = {"referral_id": number, "status": status, **more}
        self.tell(desk, ago, "referral.status-changed", data, f"referral/{number}/{status}")

    def say(self, ago: int, topic: str, text: str) -> None:
        """A statement in the person's own words, signed."""
        data: Json = {"topic": topic, "text": text, "language": "bfi"}
        self.tell("open_door", ago, "aboutme.statement-shared", data, f"about-me/{topic}", said_by="person")

    def meet(self, number: str, ago: int, service: str, outcome: str, **more: object) -> None:
        """An appointment with a mental health team, and what became of it, if anything has yet."""
        start = self.at(ago, 15, 0)
        booking: Json = {"appointment_id": number, "start": when.text(start), "service": org(service)}
        booking.update(mode="in-person", status="booked")
        if outcome != "did-not-attend":
            booking["adjustments_arranged"] = [words("BSL interpreter")]
        fact, since = f"appointment/{number}", when.text(start)
        self.tell("minds", ago + 21, "appointment.booked", booking, f"{fact}/booked", since=since)
        if outcome:
            told: Json = {"appointment_id": number, "outcome": outcome, **more}
            self.tell("minds", ago, "appointment.outcome-recorded", told, f"{fact}/outcome", since=since)
