"""What is read of people: timelines, histories, look-ups. Every read passes the door with its caller."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from events.clock import us_text
from events.errors import Refused, RejectedMessage
from events.ids import is_nhs_number, parse_fact_reference, parse_person_number, parse_record
from events.log.port import parse_position
from events.log.sqlite import PARTITION
from hub.access.door import Caller, permit
from hub.assembly import Hub
from hub.reading.cursors import Asked, cursor_of, place_of
from hub.reading.questions import LIMIT_MAX, TimelineQuestion, check_agency, days_of, types_of
from hub.reading.when import as_of_us, day
from projections.custody import queries as custody
from projections.engine.membership import queries as membership
from projections.engine.membership.queries import Page, RecordOfPerson
from projections.engine.target import halted_lanes
from projections.people import queries as people
from projections.sources import queries as sources
from projections.timeline.queries import Said, Wanted, entries_of, history_of

_WAIT_S = 5.0


class Reading:
    """Answers as parsed JSON, the same for the command line and HTTP."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # ---- timelines

    def timeline(self, caller: Caller, question: TimelineQuestion) -> dict[str, Any]:
        """A person's timeline document.

        Raises Refused `unknown-person`, `stale-cursor`; RejectedMessage for a question that nothing can fit.
        """
        permit(caller, "timeline")
        wanted = self._wanted(question)
        self._wait_for(question.min_position)
        position, stale = self._state()
        with self._hub.store.snapshot() as db:
            if question.agency is not None:
                check_agency(question.agency, partial(sources.has_sent, db), self._hub.register)
            number = self._number(db, question)
            asked = self._asked(number, question, wanted)
            if question.cursor is not None:
                wanted = replace(wanted, after=place_of(db, question.cursor, asked))
            page = membership.page_of(db, number, wanted.as_of_us)
            if page is None:
                raise _unknown_person()
            records = _of_agency(_shown(db, page.records), question.agency)
            found = entries_of(db, records, wanted)
            halted = _halted(db, records)
            destroyed = _destroyed(db, records)
        more = len(found) > question.limit
        found = found[: question.limit]
        return {
            "person": page.asked,
            "leads_to": page.person,
            "merged": list(page.merged),
            "is_open": page.is_open,
            "as_of": us_text(wanted.as_of_us) if wanted.as_of_us is not None else None,
            "position": position,
            "stale": stale,
            "halted": halted,
            "destroyed": destroyed,
            "next": cursor_of(found[-1], asked) if more else None,
            "entries": [entry.document(self._hub.log.epoch) for entry in found],
        }

    def _wanted(self, question: TimelineQuestion) -> Wanted:
        if not 1 <= question.limit <= LIMIT_MAX:
            raise RejectedMessage("bad-limit", f"the limit is 1 to {LIMIT_MAX}", where="limit")
        day_from, day_to = days_of(question.day_from, question.day_to)
        return Wanted(
            as_of_us=self._as_of_us(question.as_of),
            day_from=day_from,
            day_to=day_to,
            types=types_of(question.type) if question.type is not None else (),
            newest_first=question.newest_first,
            limit=question.limit + 1,
        )

    def _as_of_us(self, as_of: str | None) -> int | None:
        if as_of is None:
            return None
        return as_of_us(as_of, zone=self._hub.settings.zone, now_us=self._hub.clock())

    def _asked(self, number: str, question: TimelineQuestion, wanted: Wanted) -> Asked:
        return Asked(
            self._hub.log.epoch,
            number,
            question.as_of,
            wanted.day_from,
            wanted.day_to,
            question.agency,
            wanted.types,
            question.newest_first,
        )

    def _number(self, db: sqlite3.Connection, question: TimelineQuestion) -> str:
        if question.person is not None:
            return parse_person_number(question.person)
        if question.nhs_number is None:
            raise RejectedMessage("whose-timeline", "name a person number or an NHS number", where="person")
        found = _persons(db, _with_nhs_number(db, question.nhs_number))
        if len(found) != 1:
            raise Refused(
                "unknown-person" if not found else "several-persons",
                "nobody has this NHS number" if not found else "several persons have this NHS number",
                where="nhs_number",
                next_step="`tellonce people find` lists who has it." if found else "Look by name and birth date.",
            )
        return found[0]

    # ---- positions

    def _wait_for(self, min_position: str | None) -> None:
        """Waits until views and membership cover a position, so that who wrote reads what was written."""
        if min_position is None:
            return
        position = parse_position(min_position)
        if position.epoch != self._hub.log.epoch or position.partition != PARTITION:
            raise Refused(
                "other-epoch",
                "this position is from before the hub was restored",
                where="min_position",
                next_step="Read without it; what was written then may be lost.",
            )
        if position.offset >= self._hub.log.head()[PARTITION]:
            raise RejectedMessage(
                "bad-position",
                "the log does not reach so far",
                where="min_position",
                next_step="Copy one from an earlier answer.",
            )
        with self._hub.runner.hurry():
            if self._hub.runner.wait_for(position.offset, _WAIT_S):
                self._hub.linker.wait_for(position.offset, _WAIT_S)

    def _state(self) -> tuple[str, bool]:
        """Up to where the views have read the log, and whether something acknowledged is not in yet."""
        applied, head = self._hub.runner.applied, self._hub.log.head()[PARTITION]
        stale = applied < head or self._hub.linker.settled < head
        return f"{self._hub.log.epoch}:{PARTITION}:{max(applied - 1, 0)}", stale

    # ---- one fact

    def history(self, caller: Caller, fact: str) -> dict[str, Any]:
        """Everything ever said of one fact. Raises Refused `unknown-fact`."""
        permit(caller, "history")
        subject, token = parse_fact_reference(fact)
        with self._hub.store.snapshot() as db:
            said = history_of(db, subject, token) if not custody.hidden_among(db, [subject]) else []
            record = membership.record_of_subject(db, subject)
            person = membership.person_of(db, subject)
        if not said:
            raise Refused("unknown-fact", "the hub knows no such fact", where="fact")
        return {
            "fact": fact,
            "name": said[0].fact,
            "record": record,
            "person": person,
            "versions": [self._version(each) for each in said],
        }

    def _version(self, said: Said) -> dict[str, Any]:
        return {
            "action": said.kind,
            "type": said.type,
            "known": us_text(said.known_us),
            "recorded": said.recorded,
            "time": said.time,
            "order": said.order,
            "orderfrom": said.order_from,
            "stood": [[us_text(start), us_text(end) if end is not None else None] for start, end in said.stood],
            "wrong_person": bool(said.is_hidden),
            "factgroup": said.factgroup,
            "returnscope": said.returnscope,
            "findings": json.loads(said.findings) if said.findings else [],
            "payload": json.loads(said.payload),
            "event": said.event_id.hex(),
            "position": f"{self._hub.log.epoch}:{said.partition}:{said.at}",
        }

    # ---- people

    def find(
        self,
        caller: Caller,
        *,
        nhs_number: str | None = None,
        name: str | None = None,
        born: str | None = None,
        record: str | None = None,
    ) -> dict[str, Any]:
        """Persons with a number, with a name and birth date, or of a record."""
        permit(caller, "people")
        with self._hub.store.snapshot() as db:
            subjects = _looked_up(db, nhs_number, name, born, record)
            return {"people": [_person_document(db, number, None) for number in _persons(db, subjects)]}

    def person(self, caller: Caller, person: str, as_of: str | None = None) -> dict[str, Any]:
        """A person's records and what they are registered with, or were at a known time.

        Raises Refused `unknown-person`; RejectedMessage as `timeline` does.
        """
        permit(caller, "people")
        number, at_us = parse_person_number(person), self._as_of_us(as_of)
        with self._hub.store.snapshot() as db:
            return _person_document(db, number, at_us)


def _looked_up(
    db: sqlite3.Connection, nhs_number: str | None, name: str | None, born: str | None, record: str | None
) -> Sequence[bytes]:
    if nhs_number is not None:
        return _with_nhs_number(db, nhs_number)
    if name is not None and born is not None:
        day(born, "born")
        return _not_hidden(db, people.with_name_and_birth(db, name, born))
    if record is not None:
        subject = membership.subject_of_record(db, str(parse_record(record)))
        return _not_hidden(db, [subject] if subject is not None else [])
    raise RejectedMessage("find-by-what", "give an NHS number, a name and a birth date, or a record", where="search")


def _with_nhs_number(db: sqlite3.Connection, text: str) -> Sequence[bytes]:
    number = text.replace(" ", "").replace("-", "")
    if not is_nhs_number(number):
        raise RejectedMessage(
            "bad-nhs-number",
            "this is not an NHS number: ten digits, of which the last checks the others",
            where="nhs_number",
        )
    return _not_hidden(db, people.with_identifier(db, people.NHS_NUMBER, number))


def _persons(db: sqlite3.Connection, subjects: Sequence[bytes]) -> list[str]:
    found = (membership.person_of(db, subject) for subject in subjects)
    return sorted({person for person in found if person is not None})


def _not_hidden(db: sqlite3.Connection, subjects: Sequence[bytes]) -> Sequence[bytes]:
    hidden = custody.hidden_among(db, subjects)
    return [subject for subject in subjects if subject not in hidden]


def _shown(db: sqlite3.Connection, records: Sequence[RecordOfPerson]) -> Sequence[RecordOfPerson]:
    """Those of a page's records that may be read: a restriction hides through the past too."""
    hidden = custody.hidden_among(db, [each.subject for each in records])
    return [each for each in records if each.subject not in hidden]


def _destroyed(db: sqlite3.Connection, records: Sequence[RecordOfPerson]) -> list[dict[str, Any]]:
    """Classes of records that were kept long enough: a line each, so that nobody takes their absence for an answer."""
    mine = {each.subject: each.record for each in records}
    return [
        {"record": mine[each.subject], "retention": each.retention, "since": us_text(each.known_us)}
        for each in custody.shredded_among(db, mine)
    ]


def _of_agency(records: Sequence[RecordOfPerson], agency: str | None) -> Sequence[RecordOfPerson]:
    return [each for each in records if agency is None or each.record.partition(":")[0] == agency]


def _person_document(db: sqlite3.Connection, number: str, as_of_us: int | None) -> dict[str, Any]:
    page: Page | None = membership.page_of(db, number, as_of_us)
    if page is None:
        raise _unknown_person()
    return {
        "person": number,
        "leads_to": page.person,
        "merged": list(page.merged),
        "opened": us_text(membership.opened_us(db, number) or 0),
        "as_of": us_text(as_of_us) if as_of_us is not None else None,
        "records": [_record_document(db, each, as_of_us) for each in _shown(db, page.records)],
    }


def _record_document(db: sqlite3.Connection, record: RecordOfPerson, as_of_us: int | None) -> dict[str, Any]:
    registrations = people.registrations_of(db, record.subject, as_of_us)
    told: Mapping[str, Any] = registrations[0].payload if registrations else {}
    shown = ("names", "birth_date", "identifiers", "addresses", "telecoms")
    return {"record": record.record, **{name: told[name] for name in shown if name in told}}


def _halted(db: sqlite3.Connection, records: Sequence[RecordOfPerson]) -> list[dict[str, Any]]:
    """Records whose fold stands still: what came since is not on this timeline."""
    mine = {each.subject: each.record for each in records}
    return [
        {"record": mine[lane.subject], "view": lane.projection, "since": us_text(lane.since_us), "code": lane.code}
        for lane in halted_lanes(db)
        if lane.subject in mine
    ]


def _unknown_person() -> Refused:
    return Refused(
        "unknown-person",
        "this number was never given out",
        where="person",
        next_step="`tellonce people find` finds people by number, name and birth date, or record.",
    )
