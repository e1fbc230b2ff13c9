"""The pure heart of linkage: given who shares the evidence, what is to be done.

This is the seam for a scorer: it takes persons and gives a verdict, and does no reading or writing.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person who shares the evidence: the record that does, how many records the person has in all."""

    person: str
    subject: bytes
    record: str
    records: int
    opened_us: int
    is_by_hand: bool  # a human linked or unlinked this record: a rule leaves it where it is


@dataclass(frozen=True, slots=True)
class Move:
    """A record goes to a person."""

    record: Candidate
    person: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Records to move, and pairs of records whose persons only a human may bring together."""

    moves: tuple[Move, ...] = ()
    reviews: tuple[tuple[Candidate, Candidate], ...] = ()


def decide(candidates: Sequence[Candidate]) -> Verdict:
    """What follows from all these records being evidence of one person.

    A person of one record may be moved by a rule; two persons of several records are only reported. The person with
    most records stays, then the one opened first.
    """
    persons = {candidate.person: candidate for candidate in candidates}
    if len(persons) < 2:
        return Verdict()
    stays, *others = sorted(persons.values(), key=lambda each: (-each.records, each.opened_us, each.person))
    moves, reviews = [], []
    for other in others:
        if other.is_by_hand or (stays.is_by_hand and stays.records == 1):
            continue
        if other.records == 1:
            moves.append(Move(other, stays.person))
        else:
            reviews.append((stays, other))
    return Verdict(tuple(moves), tuple(reviews))


def differ(mine: Set[tuple[str, str]], others: Set[tuple[str, str]]) -> bool:
    """Whether two records have numbers with birth dates, and none in common: nothing would link them today."""
    return bool(mine) and bool(others) and mine.isdisjoint(others)
