"""Who shares an identifier, as one snapshot has it.

A number that a sender gives to everybody is shared by thousands of records, and each of them asks about all: what was
found for one answers for the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from events.ids import is_nhs_number
from hub.linkage.decide import Candidate
from projections.engine.membership import queries as membership
from projections.people import queries as people

NumberAndBirth = tuple[str, str]


class Group:
    """Records that share evidence, and whose they are."""

    def __init__(self, owners: Mapping[bytes, str]) -> None:
        self.owners = owners
        self.persons = frozenset(owners.values())

    def candidates(self, db: sqlite3.Connection) -> list[Candidate]:
        """Each person, by one of the records that share the evidence: the last by its subject."""
        return [_candidate(db, subject, person) for person, subject in self._by_person().items()]

    def _by_person(self) -> dict[str, bytes]:
        return {self.owners[subject]: subject for subject in sorted(self.owners)}


class Sharing:
    """Answers for one snapshot of the views."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._groups: dict[NumberAndBirth, Group] = {}
        self._leads: dict[str, str] = {}

    def of_record(self, subject: bytes) -> Group:
        """The records that share an NHS number and the birth date with a record, itself among them."""
        groups = [self._of_both(*both) for both in numbers_and_births(self._db, subject)]
        if len(groups) == 1:
            return groups[0]
        return self.of_subjects({subject}.union(*(group.owners for group in groups)))

    def of_subjects(self, subjects: Iterable[bytes]) -> Group:
        """Some records, without those whose opening is on its way."""
        numbers = membership.numbers_among(self._db, subjects)
        return Group({subject: self._lead(number) for subject, number in numbers.items()})

    def _of_both(self, number: str, born: str) -> Group:
        group = self._groups.get((number, born))
        if group is None:
            found = people.with_nhs_number_and_birth(self._db, number, born)
            group = self._groups[number, born] = self.of_subjects(found)
        return group

    def _lead(self, number: str) -> str:
        person = self._leads.get(number)
        if person is None:
            person = self._leads[number] = membership.lead(self._db, number)
        return person


def numbers_and_births(db: sqlite3.Connection, subject: bytes) -> set[NumberAndBirth]:
    """Valid NHS numbers of a record's standing registrations, each with the birth date beside it."""
    return {
        (identifier["value"], registration.payload["birth_date"])
        for registration in people.registrations_of(db, subject)
        if len(registration.payload.get("birth_date", "")) == len("YYYY-MM-DD")
        for identifier in registration.payload.get("identifiers", ())
        if identifier.get("system") == people.NHS_NUMBER and is_nhs_number(identifier.get("value", ""))
    }


def _candidate(db: sqlite3.Connection, subject: bytes, person: str) -> Candidate:
    return Candidate(
        person,
        subject,
        membership.record_of_subject(db, subject) or "",
        len(membership.subjects_of(db, person)),
        membership.opened_us(db, person) or 0,
        membership.is_moved_by_hand(db, subject),
    )
