"""Restricting, holding and admitting again: each an event about a record, with a coded ground, never a free text."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from typing import Any

from events.errors import Refused
from events.ids import SubjectId, parse_person_number, parse_record
from events.log.port import Outcome
from hub.erasure.bench import Bench
from hub.erasure.doors import Holding, unknown_record
from hub.erasure.plan import hold_document
from hub.erasurelist import append, longest_of, read_list
from projections.custody import queries as custody
from projections.engine.membership import queries as membership

MODEL = "manual"


class Acts:
    """Acts on whole records, one after the other."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._one_at_a_time = threading.Lock()

    # ---- restrictions

    def restrict(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Nobody reads the record any more, of whatever time. Raises Refused `unknown-record`."""
        return self._about(record, "hub.subject-restricted", ground, reference)

    def unrestrict(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Raises Refused `unknown-record`, `not-restricted`."""
        subject, _, name = self._known(record)
        self._bench.catch_up()
        with self._bench.store.snapshot() as db:
            if not custody.is_restricted(db, subject):
                raise Refused("not-restricted", "no restriction lies on the record", where="record")
        return self._about(name, "hub.subject-unrestricted", ground, reference)

    def _about(self, record: str, kind: str, ground: str, reference: str | None) -> dict[str, Any]:
        with self._one_at_a_time:
            subject, _, name = self._known(record)
            row = self._bench.writer.row(
                kind, name, _payload(subject, ground, reference), cause=secrets.token_hex(16), model=MODEL
            )
            (outcome,) = self._bench.log.append([row])
            return self._told(name, outcome)

    # ---- holds

    def hold(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """A record may not be erased, shredded or redacted from here on. Raises Refused `unknown-record`."""
        with self._one_at_a_time:
            subject, _, name = self._known(record)
            self._bench.catch_up()
            return self._told(name, self._hold("hub.hold-placed", subject, ground, reference))

    def lift(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Raises Refused `unknown-record`, `not-held` where no hold of this reference lies on it."""
        with self._one_at_a_time:
            subject, _, name = self._known(record)
            self._bench.catch_up()
            with self._bench.store.snapshot() as db:
                mine = [hold for hold in custody.holds_on(db, subject) if hold.reference == (reference or "")]
            if not mine:
                raise _not_held()
            return self._told(name, self._hold("hub.hold-lifted", subject, ground, reference))

    def hold_person(self, person: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """The same for each record of a person, those linked later included. Raises Refused `unknown-person`."""
        number = parse_person_number(person)
        with self._one_at_a_time:
            self._bench.catch_up()
            with self._bench.store.snapshot() as db:
                page = membership.page_of(db, number)
            if page is None or not page.records:
                raise Refused("unknown-person", "this number leads to no record", where="person")
            outcomes = [self._hold("hub.hold-placed", each.subject, ground, reference, number) for each in page.records]
            records = [each.record for each in page.records]
            return {**self._told(None, outcomes[-1]), "person": number, "records": records}

    def lift_person(self, person: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Raises Refused `not-held` where no hold of this reference lies on the person."""
        number = parse_person_number(person)
        with self._one_at_a_time:
            self._bench.catch_up()
            with self._bench.store.snapshot() as db:
                wanted = (number, reference or "")
                mine = [hold.subject for hold in custody.holds(db) if (hold.person, hold.reference) == wanted]
                records = [membership.record_of_subject(db, subject) for subject in mine]
            if not mine:
                raise _not_held()
            outcomes = [self._hold("hub.hold-lifted", subject, ground, reference) for subject in mine]
            return {**self._told(None, outcomes[-1]), "person": number, "records": records}

    def holds(self) -> dict[str, Any]:
        """Every hold that lies on a record now."""
        self._bench.catch_up()
        with self._bench.store.snapshot() as db:
            found = custody.holds(db)
            return {"holds": [hold_document(each, membership.record_of_subject(db, each.subject)) for each in found]}

    def _hold(
        self, kind: str, subject: bytes, ground: str, reference: str | None, person: str | None = None
    ) -> Outcome:
        payload = {**_payload(subject, ground, reference), **({"person": person} if person is not None else {})}
        row = self._bench.writer.row(kind, subject.hex(), payload, cause=secrets.token_hex(16), model=MODEL)
        act = Holding(self._bench.doors, subject, reference or "", is_lifted=kind == "hub.hold-lifted")
        (outcome,) = self._bench.log.submit([row], act).result()
        return outcome

    # ---- admitting again

    def readmit(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """An erased record may send again, as if it had never been. Raises Refused `not-erased`."""
        bench = self._bench
        with self._one_at_a_time:
            parsed = parse_record(record)
            agency, name = parsed.source.agency, str(parsed)
            token = bench.keys.suppression_of(agency, name)
            erased = [
                each
                for each in longest_of([read_list(place) for place in bench.lists]).entries
                if each.token == token and each.act == "erased"
            ]
            if not erased or not bench.keys.is_suppressed(agency, name):
                raise Refused("not-erased", "this record was not erased, or is admitted again already", where="record")
            subject = erased[-1].subject
            listed = append(bench.lists, "readmitted", agency, subject, (), token, bench.clock())
            payload = {**_payload(subject, ground, reference), "counts": {"listed": listed.number}}
            row = bench.writer.row(
                "hub.subject-readmitted", subject.hex(), payload, cause=secrets.token_hex(16), model=MODEL
            )
            (outcome,) = bench.log.append([row])
            bench.keys.readmit(token)
            return self._told(name, outcome)

    # ---- what they share

    def _known(self, record: str) -> tuple[SubjectId, str, str]:
        """Subject, agency and text form of a record that the hub knows."""
        parsed = parse_record(record)
        agency, name = parsed.source.agency, str(parsed)
        subject = self._bench.keys.subject_of(agency, name)
        if subject is None or self._bench.keys.is_suppressed(agency, name):
            raise unknown_record()
        return subject, agency, name

    def _told(self, record: str | None, outcome: Outcome) -> dict[str, Any]:
        position = outcome.placed
        self._bench.catch_up()
        return {"record": record, "position": str(position)}


def _payload(subject: bytes, ground: str, reference: str | None) -> Mapping[str, Any]:
    payload = {"subject": subject.hex(), "ground": ground}
    return payload if reference is None else {**payload, "reference": reference}


def _not_held() -> Refused:
    return Refused(
        "not-held",
        "no hold with this reference lies there",
        where="reference",
        next_step="`tellonce hold list` names the holds with their references.",
    )
