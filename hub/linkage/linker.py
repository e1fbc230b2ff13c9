"""The linkage process: gives each new record a person and links records that are surely one person.

It decides on folded state only, and never while decisions of its own are still on their way into the views. Its ids
come from cause and model; where it left off is worked out from the causes that its decisions name in the log, so
that views may be dropped and replayed without deciding anything anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from adapters.hl7v2.identifiers import record_of_payload
from events.codec import Opener, Sealed
from events.envelope import Event, Logged
from events.errors import HubError, RejectedMessage
from events.ids import RecordRef, new_person_number
from events.log.port import Log, page
from events.log.sqlite import PARTITION
from hub.linkage.decide import Verdict, decide, differ
from hub.linkage.decisions import DecisionWriter
from hub.linkage.sharing import Group, Sharing, numbers_and_births
from projections.custody import queries as custody
from projections.engine.membership import queries as membership
from projections.engine.store import ViewStore

log = structlog.get_logger()
_OPEN_MODEL = "first-sight/1"
_LINK_MODEL = "nhs-number-and-birth-date/1"
_DOUBT_MODEL = "nhs-number-and-birth-date-differ/1"
_MERGED_MODEL = "agency-says-merged/1"
_EVIDENCE = ("person.registered", "person.identifier-changed")
_KNOWN_MAX = 500_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something that may link a record: the event that brought it, and whose it is."""

    subject: bytes
    record: str
    event_id: bytes
    other_record: str | None = None  # set where the agency itself says that two records are one

    @property
    def model(self) -> str:
        return _MERGED_MODEL if self.other_record is not None else _LINK_MODEL


class Linker:
    """Called by the runner after each folded batch, in its thread."""

    def __init__(self, log_: Log, store: ViewStore, writer: DecisionWriter, opener: Opener) -> None:
        self._log = log_
        self._opener = opener
        self._store = store
        self._writer = writer
        self._opened: set[bytes] = set()
        self._unsent: list[Sealed] = []
        self._queue: dict[tuple[bytes, str | None], Evidence] = {}
        self._folded = 0
        self._outstanding = -1  # the highest offset of a decision of ours
        self._undecided_from = 0  # what it was decided from is folded, but the decision itself may not be
        self._refusals = 0  # how often in a row the log took no decisions
        self._moved = threading.Condition()

    def catch_up(self, partition: str, applied: int) -> None:
        """Looks again at what came after the last cause that a decision in the log names."""
        with self._store.snapshot() as db:
            start = membership.decided_to(db, partition)
        self._undecided_from = start
        while start < applied:
            rows = page(self._log.read(partition, start, min(2_000, applied - start)))
            start = rows[-1].offset + 1
            self.consider(self._opener.open(partition, rows).logged, start)

    def consider(self, batch: Sequence[Logged], end: int = 0) -> None:
        """Opens persons for new records, and takes up what may link; an empty batch tries again what had to wait.

        `end` is how far the batch goes, whatever stayed closed of it.
        """
        if not batch and not end and not self._is_waiting:
            return
        opened = self._open_new(batch)
        for logged in batch:
            if logged.event.attributes["type"] in _EVIDENCE and logged.event.action == "assert":
                evidence = _evidence_of(logged)
                self._queue[evidence.subject, evidence.other_record] = evidence
        self._folded = max(self._folded, end, batch[-1].offset + 1 if batch else 0)
        self._append(opened)
        # What the log knows already brings no new batch: then the next is decided at once.
        while self._queue and not self._unsent and self._outstanding < self._folded:
            self._work()
        if not self._is_waiting:
            self._undecided_from = self._folded
        with self._moved:
            self._moved.notify_all()

    def wait_for(self, offset: int, timeout_s: float) -> bool:
        """Waits until everything up to an offset is decided and its decisions are folded.

        False when the time is over or the log takes no decisions.
        """
        with self._moved:
            self._moved.wait_for(lambda: self.settled > offset or self._refusals > 1, timeout_s)
            return self.settled > offset

    @property
    def settled(self) -> int:
        """The offset up to which (not included) everything is decided and folded."""
        return self._undecided_from if self._is_waiting else self._folded

    @property
    def _decided_to(self) -> str:
        """How far everything was decided and folded before: where a linker goes on that knows no more than the log.

        Never the place of what a decision rests on: that may be another record's, and its row says of which agency.
        """
        return f"{PARTITION}:{self._undecided_from}"

    @property
    def _is_waiting(self) -> bool:
        return self._outstanding >= self._folded or bool(self._queue) or bool(self._unsent)

    # ---- new records

    def _open_new(self, batch: Sequence[Logged]) -> list[Sealed]:
        unseen: dict[bytes, Logged] = {}
        for logged in batch:
            subject = logged.event.subject
            if subject not in self._opened and not logged.event.attributes["type"].startswith("hub."):
                unseen.setdefault(subject, logged)
        if not unseen:
            return []
        if len(self._opened) > _KNOWN_MAX:
            self._opened.clear()
        with self._store.snapshot() as db:
            known = membership.opened_among(db, unseen) | custody.erased_among(db, unseen)
        self._opened.update(unseen)
        new = [logged for subject, logged in unseen.items() if subject not in known]
        self._writer.look_up(str(logged.event.record) for logged in new)
        return [opening for logged in new for opening in _if_not_erased(partial(self._opening, logged))]

    def _opening(self, logged: Logged) -> Iterator[Sealed]:
        record = str(logged.event.record)
        payload = {"person": new_person_number(), "record": record, "subject": logged.event.subject.hex()}
        # The record itself is the cause: whatever is read first of it, it is opened once.
        yield self._writer.row(
            "hub.person-opened", record, payload, cause=record, model=_OPEN_MODEL, decided_to=self._decided_to
        )

    # ---- links

    def _work(self) -> None:
        """Decides what is queued, all that was decided before being folded; one move a person and round."""
        rows: list[Sealed] = []
        touched: set[str] = set()
        later: dict[tuple[bytes, str | None], Evidence] = {}
        with self._store.snapshot() as db:
            sharing = Sharing(db)
            for key, evidence in self._queue.items():
                group = _group_of(db, sharing, evidence)
                if not touched.isdisjoint(group.persons):
                    later[key] = evidence
                elif len(group.persons) > 1:  # usually what should be one person is one: nothing more is read then
                    verdict = decide(group.candidates(db))
                    if verdict.moves or verdict.reviews:
                        touched |= group.persons
                        rows += _if_not_erased(partial(self._rows, evidence, verdict))
                elif group.owners.keys() == {evidence.subject} and evidence.other_record is None:
                    person = group.owners[evidence.subject]
                    rows += _if_not_erased(partial(self._doubts, db, evidence, person))
        self._queue = later
        self._append(rows)

    def _doubts(self, db: sqlite3.Connection, evidence: Evidence, person: str) -> Iterable[Sealed]:
        """Asks about a record whose number or birth date nobody shares, on the page of a person where others have both.

        A rule brought it there, and it was corrected since: only a human may take it off again.
        """
        others = membership.subjects_of(db, person) - {evidence.subject}
        if not others or membership.is_moved_by_hand(db, evidence.subject):
            return
        mine = numbers_and_births(db, evidence.subject)
        for other in sorted(others, key=lambda subject: membership.record_of_subject(db, subject) or ""):
            if differ(mine, numbers_and_births(db, other)):
                records = (membership.record_of_subject(db, each) or "" for each in (evidence.subject, other))
                yield self._review(evidence, _DOUBT_MODEL, records)
                return

    def _review(self, evidence: Evidence, model: str, records: Iterable[str]) -> Sealed:
        pair = sorted(records)
        payload = {"pair": pair, "evidence": {"model": model, "cause": evidence.event_id.hex()}}
        return self._writer.row(
            "hub.review-opened",
            pair[0],
            payload,
            cause=" ".join(pair),
            model=model,
            other=pair[1],
            decided_to=self._decided_to,
        )

    def _rows(self, evidence: Evidence, verdict: Verdict) -> Iterable[Sealed]:
        for move in verdict.moves:
            payload = {
                "record": move.record.record,
                "subject": move.record.subject.hex(),
                "person": move.person,
                "causes": [evidence.event_id.hex()],
                "method": "deterministic",
                "model": evidence.model,
            }
            cause = f"{evidence.event_id.hex()} {move.record.record}"
            yield self._writer.row(
                "hub.records-linked",
                move.record.record,
                payload,
                cause=cause,
                model=evidence.model,
                other=evidence.record,
                decided_to=self._decided_to,
            )
        for one, other in verdict.reviews:
            yield self._review(evidence, evidence.model, (one.record, other.record))

    def _append(self, rows: Iterable[Sealed]) -> None:
        self._unsent += rows
        if not self._unsent:
            return
        try:
            outcomes = self._log.append(self._unsent)
        except HubError as error:
            log.error("linkage_waiting", code=error.code)  # tried again soon
            self._refusals += 1
            return
        self._refusals = 0
        self._unsent = []
        placed = [outcome.position.offset for outcome in outcomes if outcome.position is not None]
        self._outstanding = max([self._outstanding, *placed])


def _if_not_erased(decided: Callable[[], Iterable[Sealed]]) -> list[Sealed]:
    """Decisions, or none where a record that they are about is being erased: the views will tell so in a moment."""
    try:
        return list(decided())
    except RejectedMessage as error:
        if error.code != "subject-erased":
            raise
        return []


def _group_of(db: sqlite3.Connection, sharing: Sharing, evidence: Evidence) -> Group:
    """Whose the records are that share the evidence, as it is folded."""
    if evidence.other_record is None:
        return sharing.of_record(evidence.subject)
    other = membership.subject_of_record(db, evidence.other_record)
    return sharing.of_subjects({evidence.subject} if other is None else {evidence.subject, other})


def _evidence_of(logged: Logged) -> Evidence:
    event = logged.event
    other = _other_record(event) if event.type == "person.identifier-changed" else None
    return Evidence(event.subject, str(event.record), event.id, other)


def _other_record(event: Event) -> str | None:
    """The record that an agency says this one was merged into, of the same source and type."""
    payload = event.payload
    if payload.get("action") != "merged" or not payload.get("replaced_by", {}).get("value"):
        return None
    local_id = record_of_payload(payload["replaced_by"]).local_id
    return str(RecordRef(event.source, event.record.type, local_id))
