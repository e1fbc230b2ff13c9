"""Plays a stream of the notation through the product's own folds, as the log would hand it over.

Duplicates are found by event id, as in the log; known times are the steps in seconds.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from events.canonical import canonical
from events.envelope import Event, Logged
from events.identity import content_digest, event_id, fact_token, subject_keys
from events.ids import EventId, SubjectId
from events.order import parse_order
from projections.engine.membership.fold import MembershipProjection
from projections.engine.membership.queries import RecordOfPerson, page_of
from projections.engine.projection import Folder, table_sql
from projections.timeline.fold import TimelineProjection
from projections.timeline.queries import Wanted, entries_of, run_of
from tests.laws.notation import FactKey, Said, Standing

TYPE = "aboutme.statement-shared"
SECOND_US = 1_000_000
AGENCY = "s1"
URN = "urn:tellonce:source:s1:main"
PROJECTIONS = (MembershipProjection(), TimelineProjection())


def payload_of(said: Said) -> dict[str, Any]:
    effective = {"effective": {"start": said.occurred}} if said.occurred else {}
    return {"topic": "hopes", "text": said.content, **effective}


def digest(said: Said) -> bytes:
    """The digest that decides ties, for the oracle to use."""
    return content_digest(canonical(payload_of(said)))


def record_text(record: str) -> str:
    return f"{AGENCY}:main/child/{record}"


def subject_of(record: str) -> SubjectId:
    return SubjectId(hashlib.sha256(b"subject" + record.encode()).digest()[:16])


def keys_of(record: str) -> Any:
    return subject_keys(subject_of(record), hashlib.sha256(record.encode()).digest())


def order_text(said: Said) -> str | None:
    return "/".join(map(str, said.order)) if said.order is not None else None


class Played:
    """A log and its views in memory."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        for projection in PROJECTIONS:
            for statement in table_sql(projection.metadata):
                self.db.execute(statement)
        self._folders: list[Folder] = [projection.folder(self.db) for projection in PROJECTIONS]
        self.log: list[Logged] = []
        self._ids: set[bytes] = set()
        self.step_of: dict[int, int] = {}
        self._opened: dict[str, str] = {}  # number -> record
        self._numbers: dict[str, str] = {}  # record -> number
        self._fresh = 0

    def play(self, stream: Iterable[Said]) -> None:
        for said in stream:
            self.fold(self.logged(said))

    def fold(self, batch: Sequence[Logged]) -> None:
        self.db.execute("BEGIN")
        for folder in self._folders:
            folder.batch(batch)
        self.db.execute("COMMIT")

    def logged(self, said: Said) -> list[Logged]:
        """The events of one message that the log does not hold yet."""
        found = []
        for number, (record, attributes, stand_in) in enumerate(self._events(said)):
            content = canonical(attributes["data"])
            keys = keys_of(record)
            covered = {**attributes, "data": None}
            identity = event_id(keys, covered, content, stand_in)
            if said.kind in ("link", "unlink", "merge", "unmerge"):
                identity = EventId(hashlib.sha256(f"{said.step} {number}".encode()).digest())
            if identity in self._ids:
                continue
            self._ids.add(identity)
            attributes.setdefault("orderfrom", "sender" if attributes.get("order") else "arrival")
            told = {name: value for name, value in attributes.items() if value is not None}
            at = len(self.log)
            agency = "hub" if str(told["type"]).startswith("hub.") else AGENCY
            event = Event(identity, agency, subject_of(record), orjson.loads(orjson.dumps(told)))
            logged = Logged("main-0", at, said.step * SECOND_US + number, event)
            self.log.append(logged)
            self.step_of[at] = said.step
            found.append(logged)
        return found

    def _events(self, said: Said) -> list[tuple[str, dict[str, Any], str | None]]:
        stand_in = f"id:{said.message_id}" if said.message_id else f"receipt:{said.step}"
        order = parse_order(order_text(said) or "")
        base = {"source": URN, "order": order.text if order else None}
        if said.kind == "link":
            return [(said.record or "", {**base, **each}, None) for each in self._link(said)]
        if said.kind == "unlink":
            return [(said.record or "", {**base, **each}, None) for each in self._unlink(said)]
        if said.kind in ("merge", "unmerge"):
            data = {"survivor": said.person, "absorbed": said.other, "reason": "told so"}
            return [("hub", {**base, "type": f"hub.persons-{said.kind}d", "data": data}, None)]
        if said.kind == "close":
            return [("return", {**base, **self._closing(said)}, None)]
        record = said.record or "r"
        base |= {"subject": f"child/{record}", "type": TYPE}
        if said.kind == "withdraw-group":
            group = {"type": "record.retracted", "action": "withdraw-group", "factgroup": said.group}
            return [(record, {**base, **group, "data": {}}, stand_in)]
        data = payload_of(said) if said.kind == "assert" else {}
        if said.wrong_person:
            data = {"reason": "wrong-person"}
        attributes = {
            **base,
            "fact": said.fact,
            "factref": fact_token(keys_of(record), said.fact or "").hex(),
            "factgroup": said.group,
            "returnscope": said.scope,
            "data": data,
            "action": None if said.kind == "assert" else said.kind,
        }
        return [(record, attributes, stand_in)]

    def _closing(self, said: Said) -> dict[str, Any]:
        tokens = [fact_token(keys_of(record), fact).hex() for record, fact in said.named]
        data = {
            "scope": said.scope,
            "order": order_text(said),
            "part": 1,
            "parts": 1,
            "range": ["", None],
            "tokens": sorted(tokens),
            "incremental": said.incremental,
        }
        return {"type": "hub.return-closed", "data": data}

    def _open(self, number: str, record: str) -> dict[str, Any]:
        self._opened[number] = record
        data = {"person": number, "record": record_text(record), "subject": subject_of(record).hex()}
        return {"type": "hub.person-opened", "data": data}

    def _link(self, said: Said) -> list[dict[str, Any]]:
        record, number = said.record or "", said.person or ""
        told = []
        if number not in self._opened:
            told.append(self._open(number, record))
            if record not in self._numbers:
                self._numbers[record] = number
                return told
        elif record not in self._numbers:  # each record is opened a number of its own at first sight
            self._fresh += 1
            told.append(self._open(f"own{self._fresh}", record))
        self._numbers[record] = number
        data = {"record": record_text(record), "subject": subject_of(record).hex(), "person": number}
        return [*told, {"type": "hub.records-linked", "data": data}]

    def _unlink(self, said: Said) -> list[dict[str, Any]]:
        record, number = said.record or "", said.person
        told = []
        if number is None:
            self._fresh += 1
            number = f"own{self._fresh}"
        if number not in self._opened:
            told.append(self._open(number, record))
        left = self._numbers.get(record)
        self._numbers[record] = number
        data = {"record": record_text(record), "subject": subject_of(record).hex(), "person": number, "left": left}
        return [*told, {"type": "hub.records-unlinked", "data": data}]

    # ---- reading

    def stands(self, records: Iterable[str], at_step: int | None = None) -> Standing:
        """What stands of some records, by (record, fact)."""
        shown = [RecordOfPerson(subject_of(record), record_text(record)) for record in sorted(records)]
        as_of_us = None if at_step is None else at_step * SECOND_US + SECOND_US - 1
        found: Standing = {}
        for entry in entries_of(self.db, shown, Wanted(as_of_us=as_of_us)):
            key: FactKey = (entry.record.rpartition("/")[2], entry.name)
            assert key not in found, "a fact stands twice"
            found[key] = entry.payload["text"]
        return found

    def confirmed(self, record: str, fact: str, at_step: int | None = None) -> tuple[int, int] | None:
        as_of_us = None if at_step is None else at_step * SECOND_US + SECOND_US - 1
        run = run_of(self.db, RecordOfPerson(subject_of(record), record_text(record)), fact, as_of_us)
        return (run.first_known_us // SECOND_US, run.confirmed_us // SECOND_US) if run is not None else None

    def page(self, number: str, as_of_step: int | None = None) -> Standing:
        as_of_us = None if as_of_step is None else as_of_step * SECOND_US + SECOND_US - 1
        page = page_of(self.db, number, as_of_us)
        return self.stands([each.record.rpartition("/")[2] for each in page.records], as_of_step) if page else {}
