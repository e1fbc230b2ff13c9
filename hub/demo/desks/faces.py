"""How well each agency knows the people it writes about: most records are right, a known share is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from hub.demo.numbers import mistyped
from hub.demo.people import Person
from hub.demo.shapes import Face

NO_NUMBER = "no-nhs-number"
WRONG_BIRTH_DATE = "wrong-birth-date"
MISTYPED_NUMBER = "mistyped-nhs-number"


@dataclass(frozen=True)
class Flaw:
    """Every so-manieth new record of an agency has this flaw, counted from an offset so that flaws don't meet."""

    kind: str
    every: int
    first: int


# Shares are believable for the sector, not measured: a charity mostly isn't told the number, a hospital mostly is.
FLAWS: dict[str, tuple[Flaw, ...]] = {
    "riverside-hospital": (Flaw(NO_NUMBER, 25, 11), Flaw(WRONG_BIRTH_DATE, 40, 17)),
    "larkmere-community-trust": (Flaw(NO_NUMBER, 20, 7), Flaw(MISTYPED_NUMBER, 30, 12)),
    "larkmere-social-care": (Flaw(NO_NUMBER, 9, 4), Flaw(MISTYPED_NUMBER, 17, 8), Flaw(WRONG_BIRTH_DATE, 23, 10)),
    "larkmere-homes": (Flaw(NO_NUMBER, 5, 2), Flaw(MISTYPED_NUMBER, 16, 9), Flaw(WRONG_BIRTH_DATE, 12, 5)),
    "larkmere-childrens-services": (Flaw(NO_NUMBER, 8, 3), Flaw(WRONG_BIRTH_DATE, 21, 12)),
    "open-door": (Flaw(NO_NUMBER, 2, 1), Flaw(MISTYPED_NUMBER, 18, 6)),
}


class Faces:
    """Gives each agency's record of a person its face, the same in all systems of the agency."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._known: dict[tuple[str, int], list[tuple[date, Face]]] = {}
        self._counts: Counter[str] = Counter()

    def learn(self, agency: str, person: Person, face: Face, since: date = date.min) -> None:
        """Decides how an agency knows a person from that day on."""
        self._known.setdefault((agency, person.key), []).append((since, face))

    def of(self, agency: str, person: Person, on: date) -> Face:
        """How the agency knows the person on that day; decided when it first meets them."""
        known = self._known.setdefault((agency, person.key), [])
        if not known:
            known.append((date.min, self._meet(agency, person)))
        return next((face for since, face in reversed(known) if since <= on), known[0][1])

    def _meet(self, agency: str, person: Person) -> Face:
        count = self._counts[agency] = self._counts[agency] + 1
        face = Face.true(person)
        for flaw in FLAWS.get(agency, ()):
            if count % flaw.every == flaw.first:
                face = self._flawed(face, flaw.kind)
        return face

    def _flawed(self, face: Face, kind: str) -> Face:
        if kind == WRONG_BIRTH_DATE:
            return replace(face, born=misread(face.born))
        if face.nhs_number is None or kind == NO_NUMBER:
            return replace(face, nhs_number=None)
        return replace(face, nhs_number=mistyped(face.nhs_number, self._rng))


def misread(born: date) -> date:
    """Day and month swapped where that gives another day, else a year too early."""
    if born.day <= 12 and born.day != born.month:
        return date(born.year, born.day, born.month)
    return born - timedelta(days=365)
