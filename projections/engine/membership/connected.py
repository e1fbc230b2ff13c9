"""Which numbers and records hang together: what is decided about one of them may bear upon these and no others."""

from __future__ import annotations

from typing import NamedTuple

from events.log.bulk import select_rows
from projections.engine.projection import Connection

_NUMBERS_OF = "SELECT d.person FROM wanted CROSS JOIN membership_decisions d ON d.subject = wanted.column1"
_RECORDS_OF = (
    "SELECT d.subject FROM wanted CROSS JOIN membership_decisions d ON d.person = wanted.column1 "
    "WHERE d.subject IS NOT NULL"
)
_ABSORBED = (
    "SELECT d.other FROM wanted CROSS JOIN membership_decisions d ON d.person = wanted.column1 "
    "WHERE d.other IS NOT NULL"
)
_SURVIVORS = "SELECT d.person FROM wanted CROSS JOIN membership_decisions d ON d.other = wanted.column1"


class Connected(NamedTuple):
    """Person numbers and records, in a steady order."""

    numbers: list[str]
    subjects: list[bytes]


def connected_to(db: Connection, subject: bytes) -> Connected:
    """All numbers that any decision ever led a record to or from, their other records, and so on."""
    subjects, numbers = {subject}, set[str]()
    new_subjects, new_numbers = {subject}, set[str]()
    while new_subjects or new_numbers:
        found = {number for (number,) in select_rows(db, _NUMBERS_OF, [(each,) for each in new_subjects], 1)}
        of_numbers = [(each,) for each in new_numbers]
        for merged in (_ABSORBED, _SURVIVORS):
            found.update(number for (number,) in select_rows(db, merged, of_numbers, 1))
        linked = {each for (each,) in select_rows(db, _RECORDS_OF, of_numbers, 1)}
        new_numbers, new_subjects = found - numbers, linked - subjects
        numbers |= new_numbers
        subjects |= new_subjects
    return Connected(sorted(numbers), sorted(subjects))
