"""What officers decide about whole records: durable in the list of erasures first, then said in the log.

A backup knows nothing of what was decided after it, the list does: what it holds and the log does not is said again
before anything is served. That mends a kill between the two as well.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import structlog

from events.clock import us_text
from events.codec import header_id
from events.ids import SubjectId
from events.log.port import Outcome
from events.log.sqlite import PARTITION
from hub.erasure.bench import START_WAIT_S, Bench
from hub.erasure.doors import unknown_record
from hub.erasure.steps import Steps
from hub.erasurelist import Decision, Line, Place, Why, append, bring_up, read_united
from projections.custody import queries as custody
from projections.engine.membership import queries as membership

log = structlog.get_logger()
MODEL = "manual"
KINDS: Mapping[Decision, str] = MappingProxyType(
    {
        "held": "hub.hold-placed",
        "lifted": "hub.hold-lifted",
        "restricted": "hub.subject-restricted",
        "unrestricted": "hub.subject-unrestricted",
    }
)
_HOLDS: tuple[Decision, ...] = ("held", "lifted")
_STANDS: tuple[Decision, ...] = ("held", "restricted")
_Slot = tuple[bool, bytes, str]  # whether it is a hold, subject, the hold's reference


class Saying:
    """Says decisions about records of one open home."""

    def __init__(self, bench: Bench, steps: Steps) -> None:
        self._bench = bench
        self._steps = steps
        self._one_at_a_time = threading.Lock()
        self.said_again: list[Line] = []
        self.not_said_again: list[Line] = []  # holds and restrictions of records that are not here any more

    def say(self, act: Decision, agency: str, subject: SubjectId, record: str, why: Why) -> Outcome:
        """Says a decision about a record; durable in every place of the list before the log has it.

        Raises Refused `unknown-record`, `subject-erased` where an erasure came first. What the disk did not let the log
        have is said at the next start.
        """
        token = self._bench.keys.suppression_of(agency, record)
        return self._said(act, agency, subject, record, token, why)

    def _said(self, act: Decision, agency: str, subject: SubjectId, record: str, token: bytes, why: Why) -> Outcome:
        bench = self._bench
        about = subject.hex() if act in _HOLDS else record
        cause = secrets.token_hex(16)  # a decision by hand is its own cause
        row = bench.writer.row(KINDS[act], about, payload_of(subject, why), cause=cause, model=MODEL)
        with bench.deciding:
            at = us_text(bench.clock())
            voids = [each.voided(at) for each in self._overtaken(subject)] if act == "held" else []
            append(bench.lists, *voids, Line(act, agency, subject, (), token, at, header_id(row.header), why))
            for token in {each.token for each in voids if each.token}:
                bench.keys.readmit(token)  # the record goes on
            (outcome,) = bench.log.append([row])
        return outcome

    def _overtaken(self, subject: SubjectId) -> list[Line]:
        """Lines that a hold comes before. Raises Refused `unknown-record`: what is erased is as what never was."""
        self._bench.catch_up()
        with self._bench.store.snapshot() as db:
            if custody.erased(db, subject) is not None:
                raise unknown_record()
        return self._steps.overtaken(subject)

    # ---- after a restore, or a kill

    def say_again(self) -> None:
        """Says what the list holds and the log does not, of each hold and restriction the newest.

        Called before anything is served or erased. Raises TryAgainLater where the log takes nothing: until it does,
        nobody is to read what may be restricted.
        """
        with self._one_at_a_time:
            newest = self._newest().values()
            known = self._bench.log.offsets_of([each.event for each in newest])
            untold = [each for each in newest if each.event not in known]
            said = [each for each in untold if self._bench.keys.knows(each.subject) and self._is_said_again(each)]
            self.said_again += said
            self.not_said_again = [each for each in untold if each not in said and each.act in _STANDS]
        if said:
            self._bench.catch_up(START_WAIT_S)
            log.info("decisions_said_again", count=len(said))
        if self.not_said_again:
            log.warning("decisions_not_said_again", count=len(self.not_said_again))

    def _is_said_again(self, each: Line) -> bool:
        """False for a restriction on a record of which the log says nothing: whose it is stands in no list."""
        act: Decision = each.act  # type: ignore[assignment]  # the list tells decisions from other acts
        self._bench.catch_up(START_WAIT_S)
        with self._bench.store.snapshot() as db:
            record = membership.record_of_subject(db, each.subject)
        if each.why is None or (record is None and act not in _HOLDS):
            return False
        self._said(act, each.agency, SubjectId(each.subject), record or "", each.token, each.why)
        return True

    def _newest(self) -> dict[_Slot, Line]:
        """The newest line about each hold and each restriction; of records that are there."""
        standing, gone = read_united(self._bench.lists).standing, self._gone()
        return {_slot(each): each for each in standing if each.is_decision and each.subject not in gone}

    def _gone(self) -> set[bytes]:
        return {each.subject for each in read_united(self._bench.lists).standing if each.act == "erased"}

    # ---- what only the log tells of

    def bring_up(self) -> None:
        """Adds to the list what lies on records now and only the log tells of, if the views can say.

        It was decided before lists had such lines, or an older list was put back.
        """
        bench = self._bench
        bring_up([place for place in bench.lists if self._is_brought_up(place)])
        if not bench.is_caught_up(0.0):
            return
        newest, gone = self._newest(), self._gone()
        with bench.store.snapshot() as db:
            unlisted = [
                (each, known_us, membership.record_of_subject(db, each.subject) or "")
                for each, known_us in _standing(custody.holds(db), custody.restrictions(db))
                if each.subject not in gone and (_slot(each) not in newest or newest[_slot(each)].act != each.act)
            ]
        for each, known_us, record in unlisted:
            agency = record.partition(":")[0]
            token = bench.keys.suppression_of(agency, record)
            event = self._event_known_at(known_us)
            append(bench.lists, Line(each.act, agency, each.subject, (), token, us_text(known_us), event, each.why))

    def _is_brought_up(self, place: Place) -> bool:
        """Not a second place without a list once there is one: its disk may be away, and only the folder there."""
        if place.path.exists() or place.path.parent == self._bench.home:
            return True
        return place.path.parent.is_dir() and not read_united(self._bench.lists).entries

    def _event_known_at(self, known_us: int) -> bytes:
        """The id of the event that was known at a time; no two are at one."""
        low, high = 0, self._bench.log.head()[PARTITION]
        while low < high:
            middle = (low + high) // 2
            (row,) = self._bench.log.read(PARTITION, middle, 1)
            if row.known_us == known_us:
                return header_id(row.header)
            low, high = (middle + 1, high) if row.known_us < known_us else (low, middle)
        return b""


def payload_of(subject: bytes, why: Why) -> dict[str, Any]:
    """Of the event about an officer's act."""
    said = {name: each for name, each in why._asdict().items() if each is not None}
    return {"subject": subject.hex(), **said}


def decision_document(each: Line) -> dict[str, Any]:
    """A line about a hold or a restriction as officers read it; it names nobody."""
    ground, reference, person = each.why or Why("")
    return {
        "act": each.act,
        "agency": each.agency,
        "person": person,
        "ground": ground,
        "reference": reference,
        "at": each.at,
    }


def _slot(each: Line) -> _Slot:
    is_hold = each.act in _HOLDS
    return is_hold, each.subject, (each.why.reference or "") if is_hold and each.why is not None else ""


def _standing(holds: Iterable[custody.Hold], restrictions: Iterable[custody.Restriction]) -> Iterator[tuple[Line, int]]:
    """What lies on records now, as a list would say it, and since when."""
    for hold in holds:
        why = Why(hold.ground, hold.reference or None, hold.person)
        yield Line("held", "", hold.subject, (), b"", "", why=why), hold.since_us
    for each in restrictions:
        why = Why(each.ground, each.reference)
        yield Line("restricted", "", each.subject, (), b"", "", why=why), each.since_us
