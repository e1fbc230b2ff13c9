"""The people of the borough: households, birth dates, addresses and moves, drawn from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from hub.demo import names
from hub.demo.numbers import nhs_numbers

DAYS_A_YEAR = 365.25

# Ages on the last day of each kind of household's members, youngest and oldest; weights make about 2.3 to a home.
HOUSEHOLDS: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (14, ((70, 93),)),
    (10, ((68, 88), (68, 90))),
    (9, ((24, 60),)),
    (9, ((26, 66), (26, 66))),
    (12, ((30, 50), (30, 52), (4, 12), (1, 9))),
    (6, ((34, 52), (34, 55), (12, 20), (8, 17), (3, 11))),
    (8, ((24, 46), (2, 16))),
    (4, ((30, 48), (12, 20), (5, 15))),
    (5, ((45, 63), (76, 94))),
    (4, ((38, 52), (36, 55), (72, 90), (9, 19))),
    (3, ((19, 27), (19, 29), (20, 30))),
    (5, ((24, 38), (24, 40), (0, 2))),
)


@dataclass(frozen=True)
class Address:
    line: str
    postcode: str
    city: str = names.TOWN


@dataclass
class Person:
    """One invented person. `homes` holds every address with the day it became theirs, earliest first."""

    key: int
    given: str
    family: str
    sex: str  # as registered: female or male
    born: date
    nhs_number: str
    phone: str
    homes: list[tuple[date, Address]]
    household: list[Person] = field(default_factory=list, repr=False)
    died: date | None = None
    left: date | None = None  # moved out of the borough

    def age_on(self, day: date) -> int:
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))

    def home_on(self, day: date) -> Address:
        return next((home for since, home in reversed(self.homes) if since <= day), self.homes[0][1])

    def is_here(self, day: date) -> bool:
        """Born, alive and living in the borough on that day."""
        return self.born <= day and (self.died or day) >= day and (self.left or day) >= day

    def birthday(self, age: int) -> date:
        try:
            return self.born.replace(year=self.born.year + age)
        except ValueError:  # 29 February
            return date(self.born.year + age, 3, 1)


class _Drawing:
    """Draws people one after the other; names, numbers and addresses never come twice."""

    def __init__(self, rng: Random, end: date, people: int) -> None:
        self._rng = rng
        self._end = end
        self._numbers = iter(nhs_numbers(rng, people))
        self._phones = iter(rng.sample(range(999), min(999, people)) * (1 + people // 999))
        self._addresses = self._draw_addresses()
        self._taken: set[tuple[str, str]] = set()
        self._next_key = 1

    def _draw_addresses(self) -> Iterator[Address]:
        while True:
            street = self._rng.choice(names.STREETS).replace("-", " ")
            letters = "".join(self._rng.choice(names.INWARD_LETTERS) for _ in range(2))
            district, sector = self._rng.randrange(1, 7), self._rng.randrange(1, 10)
            line = f"{self._rng.randrange(1, 140)} {street}"
            yield Address(line, f"{names.POSTCODE_AREA}{district} {sector}{letters}")

    def address(self) -> Address:
        return next(self._addresses)

    def household(self, ages: tuple[tuple[int, int], ...], since: date) -> list[Person]:
        home = self.address()
        family = self._rng.choice(names.FAMILY)
        members: list[Person] = []
        for youngest, oldest in ages:
            own_family = family if len(ages) == 1 or self._rng.random() < 0.8 else self._rng.choice(names.FAMILY)
            members.append(self._person(self._rng.randint(youngest, oldest), own_family, home, since))
        for member in members:
            member.household = members
        return members

    def _person(self, age: int, family: str, home: Address, since: date) -> Person:
        sex = self._rng.choice(("female", "male"))
        given = self._given(sex, family)
        born = self._end - timedelta(days=int(age * DAYS_A_YEAR) + self._rng.randrange(1, 360))
        key, self._next_key = self._next_key, self._next_key + 1
        phone = f"{names.MOBILE_PREFIX}{next(self._phones):03d}"
        return Person(key, given, family, sex, born, next(self._numbers), phone, [(since, home)])

    def _given(self, sex: str, family: str) -> str:
        pool = names.GIVEN_FEMALE if sex == "female" else names.GIVEN_MALE
        given = self._rng.choice(pool)
        while (given, family) in self._taken:
            given = self._rng.choice(pool)
        self._taken.add((given, family))
        return given


def populate(rng: Random, start: date, end: date, people: int) -> list[Person]:
    """Exactly that many people in their households, some of whom move, leave or die between start and end."""
    drawing = _Drawing(rng, end, people)
    weights = [weight for weight, _ in HOUSEHOLDS]
    everybody: list[Person] = []
    while len(everybody) < people:
        ages = rng.choices(HOUSEHOLDS, weights)[0][1][: people - len(everybody)]
        everybody += drawing.household(ages, start - timedelta(days=rng.randrange(400, 7000)))
    _move_some(rng, drawing, everybody, start, end)
    return everybody


def _move_some(rng: Random, drawing: _Drawing, everybody: list[Person], start: date, end: date) -> None:
    """One household in nine moves within the borough; every sixtieth person leaves it, every fiftieth old one dies."""
    homes = list({id(person.household): person.household for person in everybody}.values())
    days = (end - start).days
    for household in rng.sample(homes, len(homes) // 9):
        moved, home = start + timedelta(days=rng.randrange(120, days - 60)), drawing.address()
        for person in household:
            person.homes.append((moved, home))
    adults = [person for person in everybody if 24 <= person.age_on(end) <= 60]
    for person in rng.sample(adults, len(everybody) // 60):
        person.left = start + timedelta(days=rng.randrange(500, days - 30))
    old = [person for person in everybody if person.age_on(end) >= 80]
    for person in rng.sample(old, min(len(old), len(everybody) // 50)):
        person.died = start + timedelta(days=rng.randrange(600, days - 20))
