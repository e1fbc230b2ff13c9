"""A hub to play with: whatever is done to one record, every other one keeps its timeline and its links."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from hub.assembly import Hub
from hub.backup import back_up
from hub.reading import TimelineQuestion
from hub.restore import restore
from hub.services import Services
from hub.settings import ERASURES_FILE, KMS_FILE, Settings, read_settings
from tests.hub.homes import ADMIN, AUDITOR, STEWARD, cloudevent
from tests.machine.expected import Accepted, Expected, Facts
from tests.registers import CRM, PAS, an_agency, write_register

RECORDS = (
    "housing:crm/tenant/1",
    "housing:crm/tenant/2",
    "hospital:crm/tenant/1",  # the same name as another agency's
    "hospital:crm/patient/9",
)
KINDS: dict[str, Callable[[str], dict[str, Any]]] = {  # of three retention classes
    "aboutme.statement-shared": lambda text: {"topic": "hopes", "text": text},
    "health.allergy-recorded": lambda text: {"substance": {"text": text}, "status": "active"},
    "consent.given": lambda text: {"consent_id": "C1", "purposes": [text]},
}
_READ_S = 15
_records, _kinds = st.sampled_from(RECORDS), st.sampled_from(sorted(KINDS))


def said_in(entry: dict[str, Any]) -> str:
    """What an entry of one of these kinds says."""
    payload = entry["payload"]
    return str(payload.get("text") or payload.get("substance", {}).get("text") or payload["purposes"][0])


FIRED: Counter[str] = Counter()  # how often each rule was, over all plays
LOOKS = ("reopen", "rebuild", "back_up", "restore", "duplicate", "rotate")  # rules that change nothing that can be seen
P = ParamSpec("P")
M = TypeVar("M", bound="Playing")


def counted(act: Callable[Concatenate[M, P], None]) -> Callable[Concatenate[M, P], None]:
    """A rule that says how often it was played."""
    FIRED[act.__name__] = 0

    @wraps(act)
    def acting(self: M, /, *given: P.args, **named: P.kwargs) -> None:
        act(self, *given, **named)
        FIRED[act.__name__] += 1
        self.done(act.__name__)

    return acting


class Playing(RuleBasedStateMachine):
    """The rules of what may be done to a hub."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.home = self.folder / "home-0"
        self.hub = self._opened()
        self.expected = Expected()
        self.copied: Expected | None = None  # what the newest backup holds
        self.closed: set[str] = set()  # records that were erased and may not send
        self.gone: set[int] = set()  # lives that were erased: no restore brings one back
        self.lives = 0
        self.changes = 0
        self.seen: dict[str, int] = {}  # how many changes there were when something was last done
        self.said = 0
        self.homes = 0

    # ---- rules

    @initialize()
    def somebody_is_there(self) -> None:
        for record in RECORDS[:2]:
            self._say(record, "aboutme.statement-shared", "red")

    @rule(record=_records, kind=_kinds, text=st.sampled_from(("red", "green", "blue")))
    @counted
    def append(self, record: str, kind: str, text: str) -> None:
        if record in self.closed:
            self._refused(self._event(record, kind, KINDS[kind](text)))
        else:
            self._say(record, kind, text)

    @precondition(lambda self: bool(self.expected.accepted))
    @rule(at=st.integers(min_value=0))
    @counted
    def duplicate(self, at: int) -> None:
        accepted = list(self.expected.accepted.values())
        report = self._send(accepted[at % len(accepted)].event)
        assert [event.is_duplicate for each in report.outcomes for event in each.events] == [True]

    @precondition(lambda self: any(self.expected.standing.values()))
    @rule(at=st.integers(min_value=0))
    @counted
    def withdraw(self, at: int) -> None:
        facts = [(record, fact) for record, facts in self.expected.standing.items() for fact in facts]
        record, fact = facts[at % len(facts)]
        self._accepted(record, self._event(record, fact, {}, action="withdraw"))
        del self.expected.standing[record][fact]

    @precondition(lambda self: len(self.expected.together()) > 1)
    @rule(at=st.integers(min_value=0))
    @counted
    def link(self, at: int) -> None:
        known = self.expected.person_of
        apart = [(record, other) for record in known for other in known if known[record] != known[other]]
        record, other = apart[at % len(apart)]
        Services(self.hub).link(STEWARD, record, self._person(other)["person"], "play")
        self.expected.join(record, other)

    @precondition(lambda self: len(self.expected.together()) < len(self.expected.person_of))
    @rule(at=st.integers(min_value=0))
    @counted
    def unlink(self, at: int) -> None:
        linked = [record for record in self.expected.person_of if not self.expected.is_alone(record)]
        record = linked[at % len(linked)]
        Services(self.hub).unlink(STEWARD, record, "play")
        self.expected.alone(record)

    @precondition(lambda self: self._is_new("reopen", 2))
    @rule()
    @counted
    def reopen(self) -> None:
        self.hub.close()
        self.hub = self._opened()

    @precondition(lambda self: self._is_new("rebuild", 2))
    @rule(view=st.sampled_from((None, "timeline", "membership")))
    @counted
    def rebuild(self, view: str | None) -> None:
        Services(self.hub).rebuild(ADMIN, view)

    @precondition(lambda self: self._is_new("back_up", 2))
    @rule()
    @counted
    def back_up(self) -> None:
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        back_up(self.hub, self.folder / "copy")
        self.copied = self.expected.copy()

    @precondition(lambda self: self.copied is not None and self._is_new("restore", 2))
    @rule()
    @counted
    def restore(self) -> None:
        assert self.copied is not None
        self.hub.close()
        self.homes += 1
        before, self.home = self.home, self.folder / f"home-{self.homes}"
        self.home.mkdir()
        for name in (KMS_FILE, ERASURES_FILE):  # in no backup
            (before / name).touch()
            shutil.copy(before / name, self.home)
        shutil.rmtree(before)
        restore(self.folder / "copy", self._settings())
        self.hub = self._opened()
        now, self.expected = self.expected, self.copied.copy()
        # What is held now stays so, and what was lifted since the copy: those who are still there.
        self.expected.held = {each for each in now.held if self.expected.life_of.get(each) == now.life_of[each]}
        for record in [record for record, life in self.expected.life_of.items() if life in self.gone]:
            self.expected.forget(record)

    # ---- what holds after each rule

    @invariant()
    def every_record_has_its_whole_timeline(self) -> None:
        self._wait()
        expected = {record: facts for record, facts in self.expected.standing.items() if facts}
        assert self._timelines() == expected

    @invariant()
    def records_are_with_those_they_were_linked_to(self) -> None:
        persons = {record: self._person(record) for record in self.expected.person_of}
        together = {
            frozenset(each for each in persons if persons[each]["person"] == person["person"])
            for person in persons.values()
        }
        assert together == self.expected.together()
        for record, person in persons.items():
            named = {each["record"] for each in person["records"]}
            assert named == next(group for group in together if record in group)

    @invariant()
    def each_event_is_in_the_log_once(self) -> None:
        told = list(Services(self.hub).read_log(AUDITOR))
        assert {each["closed"]["code"] for each in told if each["event"] is None} <= {"erased"}
        stored = Counter(each["event"]["senderid"] for each in told if each["event"] and "senderid" in each["event"])
        assert stored == Counter(list(self.expected.accepted))

    def teardown(self) -> None:
        try:
            assert Services(self.hub).verify_log(AUDITOR)["verified"]
            assert Services(self.hub).halted() == []
        finally:
            self.hub.close()
            shutil.rmtree(self.folder)

    # ---- how it is done

    def _is_new(self, act: str, changes: int) -> bool:
        """Whether there is something to see: hypothesis would back up and back up again."""
        return self.changes - self.seen.get(act, 0) >= changes

    def done(self, act: str) -> None:
        """A rule was played."""
        self.changes += act not in LOOKS
        self.seen[act] = self.changes

    def _settings(self) -> Settings:
        return read_settings(self.home, {})

    def _opened(self) -> Hub:
        self.home.mkdir(exist_ok=True)
        write_register(self.home, *(an_agency(name, CRM, PAS) for name in ("housing", "hospital")))
        return Hub(self._settings())

    def _say(self, record: str, kind: str, text: str) -> None:
        self._accepted(record, self._event(record, kind, KINDS[kind](text)))
        self.expected.standing[record][kind] = text

    def _event(self, record: str, kind: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        """An event about the one fact that a record has of a kind."""
        self.said += 1
        agency, _, rest = record.partition(":")
        return cloudevent(f"m{self.said}", kind, rest.partition("/")[2], data, agency=agency, fact=kind, **more)

    def _accepted(self, record: str, event: dict[str, Any]) -> None:
        report = self._send(event)
        assert [made.is_duplicate for each in report.outcomes for made in each.events] == [False], report
        self.expected.standing.setdefault(record, Facts())
        if record not in self.expected.person_of:
            self.expected.alone(record)
            self.lives += 1
            self.expected.life_of[record] = self.lives
        self.expected.accepted[event["id"]] = Accepted(record, self.expected.life_of[record], event)

    def _refused(self, event: dict[str, Any]) -> None:
        (outcome,) = self._send(event).outcomes
        assert outcome.events == ()
        assert [found.code for found in outcome.findings] == ["subject-erased"]

    def _send(self, event: dict[str, Any]) -> Report:
        agency = event["source"].split(":")[3]
        report = self.hub.intake.receive(Arrival(agency, "crm", "cloudevents"), orjson.dumps([event]))
        assert report.counts.quarantined == 0, report
        return report

    def _wait(self) -> None:
        waits = 0
        while not self.hub.wait_until_read(1):
            waits += 1
            assert self.hub.runner.fault is None
            assert waits < _READ_S

    def _person(self, record: str) -> dict[str, Any]:
        people = Services(self.hub).reading.find(STEWARD, record=record)["people"]
        assert len(people) == 1
        return dict(people[0])

    def _timelines(self) -> dict[str, Facts]:
        """What stands of every record, on the page of its person."""
        shown: dict[str, Facts] = {}
        reading = Services(self.hub).reading
        for number in {self._person(record)["person"] for record in self.expected.person_of}:
            page = reading.timeline(STEWARD, TimelineQuestion(person=number))
            assert page["halted"] == []
            for entry in page["entries"]:
                facts = shown.setdefault(entry["record"], Facts())
                assert entry["name"] not in facts
                facts[entry["name"]] = said_in(entry)
        return shown
