"""Which subject a record is, for whoever acts on it as a whole: as the key store and the views say alike."""

from __future__ import annotations

from typing import NamedTuple

from events.ids import SubjectId, parse_record
from hub.erasure.bench import Bench
from hub.erasure.doors import unknown_record
from hub.vault.agencies import broken_key
from projections.engine.membership import queries as membership


class KnownRecord(NamedTuple):
    subject: SubjectId
    agency: str
    name: str  # the record in its text form


def known_record(bench: Bench, record: str) -> KnownRecord:
    """A record that the hub knows.

    Raises Refused `unknown-record`, and BrokenKey where the key store leads elsewhere, or nowhere, with a record that
    the log tells of: an act would be on somebody else, or on nothing.
    """
    parsed = parse_record(record)
    agency, name = parsed.source.agency, str(parsed)
    if bench.keys.is_erased(agency, name):
        raise unknown_record()
    subject = bench.keys.subject_of(agency, name)
    if not _fits(bench, name, subject):
        bench.catch_up()  # it may have been destroyed just now
        if not _fits(bench, name, subject):
            raise broken_key("the log tells of a record under another number than the one that stands for it")
    if subject is None:
        raise unknown_record()
    return KnownRecord(subject, agency, name)


def _fits(bench: Bench, name: str, subject: SubjectId | None) -> bool:
    with bench.store.snapshot() as db:
        told = membership.subject_of_record(db, name)
    return told is None or told == subject
