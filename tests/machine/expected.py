"""What a hub should show: a dict for each record, kept by whoever plays with the hub. It shares no code with it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Facts = dict[str, str]  # name of a fact -> what it says


class Accepted(NamedTuple):
    """An event that was taken in: of which record, as the how-manieth that it was admitted."""

    record: str
    life: int
    event: dict[str, Any]


@dataclass
class Expected:
    """Records with their facts, who is with whom, what is held, and every event that was accepted."""

    standing: dict[str, Facts] = field(default_factory=dict)
    person_of: dict[str, int] = field(default_factory=dict)
    life_of: dict[str, int] = field(default_factory=dict)  # a new one each time that a record is admitted
    held: set[str] = field(default_factory=set)
    accepted: dict[str, Accepted] = field(default_factory=dict)  # by the sender's id
    persons: int = 0

    def copy(self) -> Expected:
        return copy.deepcopy(self)

    def forget(self, record: str) -> None:
        """The record is gone, as if it had never been; so is what it had said."""
        for of_records in (self.standing, self.person_of, self.life_of):
            of_records.pop(record, None)
        self.held.discard(record)
        self.accepted = {name: each for name, each in self.accepted.items() if each.record != record}

    def alone(self, record: str) -> None:
        """The record is with a person of its own."""
        self.persons += 1
        self.person_of[record] = self.persons

    def join(self, record: str, other: str) -> None:
        self.person_of[record] = self.person_of[other]

    def is_alone(self, record: str) -> bool:
        return list(self.person_of.values()).count(self.person_of[record]) == 1

    def together(self) -> set[frozenset[str]]:
        """Which records are one person's."""
        return {
            frozenset(each for each, at in self.person_of.items() if at == person)
            for person in set(self.person_of.values())
        }
