"""Larkmere, an invented English borough: three years of what its seven agencies send, in their own formats.

Nobody in it exists. NHS numbers come from the range kept for tests (999 ...), postcodes begin with XX, which Royal
Mail never gives, and telephone numbers from those that Ofcom keeps for drama.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from events.errors import WrongSettings
from hub.demo import mishaps
from hub.demo.delivery import Delivery as Delivery
from hub.demo.lives import belonging, everyday, frailty, growing_up, homes, hospital, minds, needs, wren
from hub.demo.people import Person
from hub.demo.town import Town

PEOPLE = 200
FEWEST_PEOPLE = 40


@dataclass(frozen=True)
class Hero:
    """The person whose timeline the demo prints: told once, in the end."""

    nhs_number: str
    given: str
    family: str
    born: date
    records: tuple[str, ...]  # `<agency>:<system>/<type>/<id>`, in every one of the seven agencies


def borough(*, seed: int, end: date, people: int = PEOPLE) -> Iterator[Delivery]:
    """Every delivery of the three years that end on that day, by time; same arguments, same bytes.

    Raises WrongSettings `demo-too-small` below 40 people, and `demo-needs-hl7apy` where that package is missing.
    """
    town, _ = _town(seed, end, people)
    for story in (everyday, hospital, frailty, minds, growing_up, homes, belonging, needs, mishaps):
        story.live(town)
    return town.dispatch(lambda post: mishaps.befall(post, town.start))


def hero(seed: int, end: date, people: int = PEOPLE) -> Hero:
    """Who the demo is about, and which records the agencies hold of her."""
    town, person = _town(seed, end, people)
    records = tuple(sorted(wren.records(town, person)))
    return Hero(person.nhs_number, person.given, person.family, person.born, records)


def _town(seed: int, end: date, people: int) -> tuple[Town, Person]:
    """The borough on its first day, with Wren's story told first: her numbers depend on nobody else's."""
    if people < FEWEST_PEOPLE:
        raise WrongSettings(
            "demo-too-small",
            f"the borough needs {FEWEST_PEOPLE} people so that every kind of story has somebody to happen to",
            where="people",
            next_step=f"Ask for {FEWEST_PEOPLE} people or more.",
        )
    spoil_care = mishaps.BadCells("Detail", "StartDate", "ClientRef")
    spoil_homes = mishaps.BadCells("TenancyType", "DateOfBirth", "TenantRef")
    town = Town(seed, end, people - 1, spoil_care, spoil_homes)
    person = wren.wren(end)
    wren.tell_story(town, person)
    return town, person
