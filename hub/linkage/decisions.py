"""Writes the hub's decisions as events: openings, links, merges and their undoing, by rule and by hand."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from events.catalogue import TYPES, check_payload
from events.codec import Sealed, seal
from events.envelope import schema_urn
from events.errors import Refused, TryAgainLater
from events.identity import Keyring, decision_id
from events.ids import new_person_number, parse_person_number
from events.log.port import Log, Outcome
from events.pairs import WHOLE, parted
from hub.linkage.reasons import MERGE_REASONS, UNMERGE_REASONS, coded
from projections.engine.membership import queries as membership
from projections.engine.runner import Runner
from projections.engine.store import ViewStore

AGENCY = "hub"
SOURCE = "urn:tellonce:source:hub:linkage"
OF_ONE_RECORD = (
    "hub.person-opened",
    "hub.records-linked",
    "hub.records-unlinked",
    "hub.subject-restricted",
    "hub.subject-unrestricted",
)
_FOLD_WAIT_S = 10.0


class DecisionWriter:
    """Makes decisions into rows for the log; ids come from cause and model, so that nothing is decided twice."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def look_up(self, records: Iterable[str]) -> None:
        """Reads the keys of decisions about many records at once, before their rows are asked for one by one."""
        self._keyring.look_up((_agency_of(record), record) for record in records)

    def row(
        self,
        kind: str,
        about: str,
        payload: Mapping[str, Any],
        *,
        cause: str,
        model: str,
        other: str | None = None,
        decided_to: str = "",
    ) -> Sealed:
        """A sealed decision. `about` names what it is about; everything before the position `decided_to` is decided.

        One about a single record is sealed under that record's subject, and goes with it. Where it rests on `other`,
        a second record, it says what it rests on as long as both are there, and not even which one it was after that.
        Raises RejectedMessage `subject-erased` where either was erased.
        """
        check_payload(kind, payload)
        retention = TYPES[kind].retention
        if kind in OF_ONE_RECORD or kind in WHOLE:
            keys = self._keyring.keys_about(_agency_of(about), about, retention)
        else:
            keys = self._keyring.service_keys(retention)
        attributes: Mapping[str, Any] = {
            "source": SOURCE,
            "subject": f"decision/{about}",
            "type": kind,
            "dataschema": schema_urn(kind, TYPES[kind].version),
            "orderfrom": "arrival",
            "data": dict(payload),
        }
        if decided_to:
            attributes = {**attributes, "decidedto": decided_to}
        if other is None or other == about:
            return seal(keys, decision_id(keys.id_key, kind, cause, model), AGENCY, attributes)
        pair = self._keyring.pair_keys((_agency_of(about), about), (_agency_of(other), other), retention)
        identity = decision_id(pair.id_key, kind, cause, model)
        return seal(keys, identity, AGENCY, parted(pair, identity, attributes))


def _agency_of(record: str) -> str:
    return record.partition(":")[0]


class _Told(NamedTuple):
    """What is decided by hand, and the one other record that its reason may be about."""

    kind: str
    about: str
    payload: Mapping[str, Any]
    other: str | None = None


class Decisions:
    """Decisions by hand: checked against the newest membership, appended, and folded when they return."""

    def __init__(self, log: Log, store: ViewStore, runner: Runner, writer: DecisionWriter) -> None:
        self._log = log
        self._store = store
        self._runner = runner
        self._writer = writer
        self._one_at_a_time = threading.Lock()

    def link(self, record: str, person: str, *, reason: str, by: str) -> dict[str, Any]:
        """Links a record to a person. Raises Refused `unknown-record`, `unknown-person`, `already-linked`."""
        number = parse_person_number(person)
        with self._one_at_a_time:
            with self._store.snapshot() as db:
                subject = _subject(db, record)
                if membership.opened_us(db, number) is None:
                    raise _unknown_person(number)
                left = membership.number_of(db, subject)
                other = _only_other(db, number, subject)
            if left == number:
                raise Refused("already-linked", "the record is linked to this person already", where=f"person {number}")
            payload = _linked(record, subject, number, reason, by)
            outcomes = self._append([_Told("hub.records-linked", record, payload, other)])
        return {"record": record, "person": number, "left": left, **_told(outcomes)}

    def unlink(self, record: str, *, reason: str, by: str) -> dict[str, Any]:
        """Returns a record to the number opened for it, or to a new one if that is in use.

        Raises Refused `unknown-record`, `not-linked` where the record is alone with its number already.
        """
        with self._one_at_a_time:
            with self._store.snapshot() as db:
                subject = _subject(db, record)
                left = membership.number_of(db, subject)
                own = membership.own_number(db, subject)
                if left is None or own is None:
                    raise _unknown_record()
                is_alone = membership.subjects_of(db, membership.lead(db, left)) == {subject}
                # A number merged into another is that person's: a record taken out must not land there again.
                is_merged = membership.survivor_of(db, own) != own
                is_own_in_use = left == own or is_merged or bool(membership.subjects_of(db, own))
                other = _only_other(db, left, subject)
            if is_alone:
                raise Refused("not-linked", "the record is alone with its number already", where=f"person {left}")
            number = new_person_number() if is_own_in_use else own
            payload = _unlinked(record, subject, number, left, reason, by)
            told = [_Told("hub.records-unlinked", record, payload, other)]
            if is_own_in_use:
                opened = {"person": number, "record": record, "subject": subject.hex()}
                told.insert(0, _Told("hub.person-opened", record, opened))
            outcomes = self._append(told)
        return {"record": record, "person": number, "left": left, **_told(outcomes)}

    def merge(self, survivor: str, absorbed: str, *, reason: str, by: str) -> dict[str, Any]:
        """Merges a person into another. Raises Refused `unknown-reason`, `unknown-person`, `already-merged`."""
        reason = coded(reason, MERGE_REASONS)
        pair = parse_person_number(survivor), parse_person_number(absorbed)
        with self._one_at_a_time:
            with self._store.snapshot() as db:
                for number in pair:
                    if membership.opened_us(db, number) is None:
                        raise _unknown_person(number)
                    if membership.lead(db, number) != number:
                        raise Refused(
                            "already-merged",
                            f"{number} leads to another person already",
                            where=f"person {number}",
                            next_step=f"Use {membership.lead(db, number)} instead.",
                        )
            if pair[0] == pair[1]:
                raise Refused("already-merged", "this is one and the same person", where=f"person {pair[0]}")
            return self._pair("hub.persons-merged", *pair, reason, by)

    def unmerge(self, survivor: str, absorbed: str, *, reason: str, by: str) -> dict[str, Any]:
        """Takes a merge back. Raises Refused `unknown-reason`, `not-merged`."""
        reason = coded(reason, UNMERGE_REASONS)
        pair = parse_person_number(survivor), parse_person_number(absorbed)
        with self._one_at_a_time:
            with self._store.snapshot() as db:
                if not membership.is_merged(db, *pair):
                    raise Refused("not-merged", f"{pair[1]} is not merged into {pair[0]}", where=f"person {pair[1]}")
            return self._pair("hub.persons-unmerged", *pair, reason, by)

    def _pair(self, kind: str, survivor: str, absorbed: str, reason: str, by: str) -> dict[str, Any]:
        payload = {"survivor": survivor, "absorbed": absorbed, "reason": reason, "decided_by": by}
        outcomes = self._append([_Told(kind, f"{survivor}+{absorbed}", payload)])
        return {"survivor": survivor, "absorbed": absorbed, **_told(outcomes)}

    def _append(self, told: Sequence[_Told]) -> list[Outcome]:
        cause = secrets.token_hex(16)  # a decision by hand is its own cause
        rows = [
            self._writer.row(each.kind, each.about, each.payload, cause=cause, model="manual", other=each.other)
            for each in told
        ]
        outcomes = self._log.append(rows)
        if not self._runner.wait_for(outcomes[-1].placed.offset, _FOLD_WAIT_S):
            raise TryAgainLater(
                "views-behind",
                "the decision is recorded, but the views have not taken it in yet",
                where=str(outcomes[-1].placed),
                next_step="Look again in a moment; `tellonce status` shows how far the views are.",
            )
        return outcomes


def _subject(db: sqlite3.Connection, record: str) -> bytes:
    subject = membership.subject_of_record(db, record)
    if subject is None:
        raise _unknown_record()
    return subject


def _only_other(db: sqlite3.Connection, number: str, subject: bytes) -> str | None:
    """The one other record on a person's page; None where there are none, or several."""
    others = membership.subjects_of(db, membership.lead(db, number)) - {subject}
    return membership.record_of_subject(db, others.pop()) if len(others) == 1 else None


def _linked(record: str, subject: bytes, person: str, reason: str, by: str) -> dict[str, Any]:
    return {
        "record": record,
        "subject": subject.hex(),
        "person": person,
        "causes": [],
        "method": "manual",
        "model": "manual",
        "reason": reason,
        "decided_by": by,
    }


def _unlinked(record: str, subject: bytes, person: str, left: str, reason: str, by: str) -> dict[str, Any]:
    return {
        "record": record,
        "subject": subject.hex(),
        "person": person,
        "left": left,
        "reason": reason,
        "decided_by": by,
        "method": "manual",
    }


def _told(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {"position": str(outcomes[-1].placed)}


def _unknown_record() -> Refused:
    return Refused(
        "unknown-record",
        "the hub knows no such record",
        where="record",
        next_step="Records are written <agency>:<system>/<type>/<id>; `tellonce people find` prints them.",
    )


def _unknown_person(number: str) -> Refused:
    return Refused(
        "unknown-person",
        "this number was never given out",
        where=f"person {number}",
        next_step="`tellonce people find` prints person numbers.",
    )
