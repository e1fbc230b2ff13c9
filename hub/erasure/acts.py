"""Restricting, holding and admitting again: each an event about a record, with a coded ground, never a free text."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from events.clock import us_text
from events.errors import Refused
from events.ids import SubjectId, parse_person_number, parse_record
from events.log.port import Outcome
from hub.erasure.bench import Bench
from hub.erasure.knowing import known_record
from hub.erasure.plan import hold_document
from hub.erasure.saying import MODEL, Saying, payload_of
from hub.erasurelist import Decision, Line, Why, append, read_longest
from projections.custody import queries as custody
from projections.engine.membership import queries as membership


class Acts:
    """Acts on whole records, one after the other."""

    def __init__(self, bench: Bench, saying: Saying) -> None:
        self._bench = bench
        self._saying = saying
        self._one_at_a_time = threading.Lock()

    # ---- restrictions

    def restrict(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Nobody reads the record any more, of whatever time. Raises Refused `unknown-record`."""
        with self._one_at_a_time:
            subject, agency, name = known_record(self._bench, record)
            return self._told(name, self._saying.say("restricted", agency, subject, name, Why(ground, reference)))

    def unrestrict(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Raises Refused `unknown-record`, `not-restricted`."""
        with self._one_at_a_time:
            subject, agency, name = known_record(self._bench, record)
            self._bench.catch_up()
            with self._bench.store.snapshot() as db:
                if not custody.is_restricted(db, subject):
                    raise Refused("not-restricted", "no restriction lies on the record", where="record")
            return self._told(name, self._saying.say("unrestricted", agency, subject, name, Why(ground, reference)))

    # ---- holds

    def hold(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """A record may not be erased, shredded or redacted from here on. Raises Refused `unknown-record`."""
        with self._one_at_a_time:
            subject, agency, name = known_record(self._bench, record)
            self._bench.catch_up()
            return self._told(name, self._saying.say("held", agency, subject, name, Why(ground, reference)))

    def lift(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """Raises Refused `unknown-record`, `not-held` where no hold of this reference lies on it."""
        with self._one_at_a_time:
            subject, agency, name = known_record(self._bench, record)
            self._bench.catch_up()
            with self._bench.store.snapshot() as db:
                mine = [hold for hold in custody.holds_on(db, subject) if hold.reference == (reference or "")]
            if not mine:
                raise _not_held()
            return self._told(name, self._saying.say("lifted", agency, subject, name, Why(ground, reference)))

    def hold_person(self, person: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """The same for each record of a person, those linked later included. Raises Refused `unknown-person`."""
        number = parse_person_number(person)
        with self._one_at_a_time:
            self._bench.catch_up()
            with self._bench.store.snapshot() as db:
                page = membership.page_of(db, number)
            if page is None or not page.records:
                raise Refused("unknown-person", "this number leads to no record", where="person")
            records = [each.record for each in page.records]
            why = Why(ground, reference, number)
            outcomes = [self._of_person("held", each.subject, each.record, why) for each in page.records]
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
            why = Why(ground, reference)
            outcomes = [self._of_person("lifted", *each, why) for each in zip(mine, records, strict=True)]
            return {**self._told(None, outcomes[-1]), "person": number, "records": records}

    def holds(self) -> dict[str, Any]:
        """Every hold that lies on a record now."""
        self._bench.catch_up()
        with self._bench.store.snapshot() as db:
            found = custody.holds(db)
            return {"holds": [hold_document(each, membership.record_of_subject(db, each.subject)) for each in found]}

    def _of_person(self, act: Decision, subject: bytes, record: str | None, why: Why) -> Outcome:
        name = record or ""
        return self._saying.say(act, name.partition(":")[0], SubjectId(subject), name, why)

    # ---- admitting again

    def readmit(self, record: str, *, ground: str, reference: str | None = None) -> dict[str, Any]:
        """An erased record may send again, as if it had never been. Raises Refused `not-erased`."""
        bench = self._bench
        with self._one_at_a_time:
            parsed = parse_record(record)
            agency, name = parsed.source.agency, str(parsed)
            token = bench.keys.suppression_of(agency, name)
            erased = [
                each for each in read_longest(bench.lists).entries if each.token == token and each.act == "erased"
            ]
            is_agency_gone = bench.keys.is_erased(agency, "")
            if not erased or is_agency_gone or not bench.keys.is_suppressed(agency, name):
                raise Refused(
                    "not-erased",
                    "this record was not erased, is admitted again already, or went with its whole agency, for good",
                    where="record",
                )
            subject = erased[-1].subject
            line = Line("readmitted", agency, subject, (), token, us_text(bench.clock()))
            (listed,) = append(bench.lists, line)
            payload = {**payload_of(subject, Why(ground, reference)), "counts": {"listed": listed.number}}
            row = bench.writer.row(
                "hub.subject-readmitted", subject.hex(), payload, cause=secrets.token_hex(16), model=MODEL
            )
            (outcome,) = bench.log.append([row])
            bench.keys.readmit(token)
            return self._told(name, outcome)

    # ---- what they share

    def _told(self, record: str | None, outcome: Outcome) -> dict[str, Any]:
        position = outcome.placed
        self._bench.catch_up()
        return {"record": record, "position": str(position)}


def _not_held() -> Refused:
    return Refused(
        "not-held",
        "no hold with this reference lies there",
        where="reference",
        next_step="`tellonce hold list` names the holds with their references.",
    )
