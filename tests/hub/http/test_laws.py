"""The worked examples of the laws over HTTP: each message a CloudEvent, each decision a steward's.

Whatever is a closing has no route of its own and is left to the folds' tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.clock import DrivenClock
from tests.hub.homes import cloudevent
from tests.hub.http.serving import Served
from tests.laws.notation import ABOUT_A_FACT, Example, Said, Standing, examples
from tests.laws.playing import TYPE, order_text, payload_of

START = datetime(2025, 6, 1, tzinfo=UTC)
STEP = timedelta(minutes=1)
HALF = timedelta(seconds=30)
OVER_HTTP = [each for each in examples() if all(said.kind != "close" for said in each.stream)]


def of_kind(kind: str) -> list[Any]:
    chosen = [each for each in OVER_HTTP if each.kind == kind]
    return [pytest.param(at, each, id=each.name) for at, each in enumerate(chosen)]


class Teller:
    """Tells one example to a hub, a minute a step; its records are its own."""

    def __init__(self, served: Served, clock: DrivenClock, start: datetime, name: str, example: Example) -> None:
        self._served = served
        self._clock = clock
        self._start = start
        self._name = name
        self._example = example
        self._numbers: dict[str, str] = {}  # what the notation calls a person, and its number
        self._own: dict[str, str] = {}  # the number opened for a record
        self._position = ""
        self.records = sorted({said.record for said in example.stream if said.record})
        clock.set(start)
        for record in self.records:
            self._make_known(record)

    def _make_known(self, record: str) -> None:
        """Something that shows on no timeline, so that there is a record and its number."""
        self._post(record, "nothing", {"fact": "nothing", "action": "withdraw", "order": "1"})
        self._own[record] = self._served.person_of(self._text(record), after=self._position)

    def _text(self, record: str) -> str:
        return f"housing:crm/{self._subject(record)}"

    def _subject(self, record: str) -> str:
        return f"child/{self._name}-{record}"

    def _post(self, record: str, message_id: str, told: dict[str, Any]) -> None:
        event = cloudevent(message_id, TYPE, self._subject(record), told.pop("data", None) or {}, **told)
        report = self._served.send({name: value for name, value in event.items() if value is not None})
        assert report["accepted"] == 1, report
        self._position = report["position"]

    # ---- telling

    def tell(self, said: Said) -> None:
        self._clock.set(self._start + said.step * STEP)
        if said.kind in ABOUT_A_FACT or said.kind == "withdraw-group":
            self._say(said)
        else:
            self._decide(said)
        self._clock.set(self._start + said.step * STEP + HALF)

    def _say(self, said: Said) -> None:
        told: dict[str, Any] = {
            "fact": said.fact,
            "action": said.kind,
            "order": order_text(said),
            "factgroup": said.group,
            "returnscope": said.scope,
            "data": payload_of(said) if said.kind == "assert" else None,
        }
        if said.wrong_person:
            told["data"] = {"reason": "wrong-person"}
        if said.kind == "withdraw-group":
            told["type"] = "record.retracted"
        self._post(said.record or "r", said.message_id or f"step-{said.step}", told)

    def _decide(self, said: Said) -> None:
        route, question = f"/v1/{said.kind}s", {"reason": "the example says so"}
        if said.kind in ("merge", "unmerge"):
            question |= {"survivor": self._numbers[said.person or ""], "absorbed": self._numbers[said.other or ""]}
            question["reason"] = "confirmed-by-person"
        else:
            question["record"] = self._text(said.record or "")
        if said.kind == "link":
            question["person"] = self._number(said)
            if question["person"] == self.person(said.record or ""):
                return  # the record was opened there
        self._position = self._served.post("steward", route, question)["position"]

    def _number(self, said: Said) -> str:
        """What the token calls a person: the record's own number if nobody else may know it, else another's."""
        name, record = said.person or "", said.record or ""
        if name not in self._numbers:
            before = [each for each in self._example.stream if each.step < said.step]
            is_new = all(each.record != record for each in before)
            is_unlinked = any(each.kind == "unlink" and each.record == record for each in self._example.stream)
            if is_new and not is_unlinked:
                self._numbers[name] = self._own[record]
            else:
                self._make_known(f"of-{name}")
                self._numbers[name] = self._own[f"of-{name}"]
        return self._numbers[name]

    # ---- reading

    def person(self, record: str) -> str:
        return self._served.person_of(self._text(record))

    def page(self, number: str, step: int | None = None) -> Standing:
        """What a person's page shows of this example's facts, now or as of a step."""
        asked = {} if step is None else {"as_of": (self._start + step * STEP + HALF).isoformat()}
        told = self._served.timeline_of(number, min_position=self._position, **asked)
        assert told["stale"] is False, told
        entries = told["entries"]
        found = {(entry["record"].rpartition("-")[2], entry["name"]): entry["payload"]["text"] for entry in entries}
        assert len(found) == len(entries), "a fact stands twice"
        return found

    def stands(self, step: int | None = None) -> Standing:
        """What stands of all records of the example, on whichever pages."""
        found: Standing = {}
        for number in {self.person(record) for record in self.records}:
            found |= self.page(number, step)
        return found

    def named(self, name: str) -> str:
        return self._numbers[name]

    def entry(self) -> dict[str, Any]:
        """The entry of fact f of record r."""
        (entry,) = self._served.timeline_of(self.person("r"), min_position=self._position)["entries"]
        return dict(entry)


@pytest.fixture(scope="module")
def clock() -> DrivenClock:
    return DrivenClock(START)


@pytest.fixture(scope="module")
def told_to(tmp_path_factory: pytest.TempPathFactory, clock: DrivenClock) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("home"), clock) as one:
        yield one


_TOLD = {"stands": 0, "confirmed": 1, "membership": 2}


def teller(served: Served, clock: DrivenClock, at: int, example: Example) -> Teller:
    """Each example has hours of its own, one after the other."""
    hours = timedelta(hours=1000 * _TOLD[example.kind] + at)
    return Teller(served, clock, START + hours, f"{example.kind}{at}", example)


def test_most_of_the_examples_have_a_route() -> None:
    assert len(OVER_HTTP) > 80


@pytest.mark.parametrize(("at", "example"), of_kind("stands"))
def test_what_stands_after_each_message_and_as_of_each(
    told_to: Served, clock: DrivenClock, at: int, example: Example
) -> None:
    tell = teller(told_to, clock, at, example)
    seen = []
    for said, may_stand in zip(example.stream, example.after_each_step, strict=True):
        tell.tell(said)
        seen.append(tell.stands())
        assert seen[-1] in may_stand, f"after step {said.step}"
    is_linked = any(said.kind == "link" for said in example.stream)
    for step, stood in enumerate(seen, start=1):
        # A page of the past shows who is linked both then and today.
        assert is_linked or tell.stands(step) == stood, f"as of step {step}"


@pytest.mark.parametrize(("at", "example"), of_kind("confirmed"))
def test_when_it_was_first_known_and_last_confirmed(
    told_to: Served, clock: DrivenClock, at: int, example: Example
) -> None:
    tell = teller(told_to, clock, at, example)
    for said in example.stream:
        tell.tell(said)
    start = START + timedelta(hours=1000 + at)
    entry = tell.entry()
    steps = [(datetime.fromisoformat(entry[name]) - start) // STEP for name in ("known_from", "last_confirmed")]
    assert tuple(steps) == example.confirmed


@pytest.mark.parametrize(("at", "example"), of_kind("membership"))
def test_what_a_persons_page_shows_after_links_and_merges(
    told_to: Served, clock: DrivenClock, at: int, example: Example
) -> None:
    tell = teller(told_to, clock, at, example)
    for said in example.stream:
        tell.tell(said)
    for page in example.pages:
        assert tell.page(tell.named(page.person), page.as_of) == page.shows, f"{page.person} as of {page.as_of}"
