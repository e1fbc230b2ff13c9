"""The laws from end to end: streams of chance through the real intake on a real home, held against the oracle.

Messages come in as CloudEvents, people are linked and merged through the hub's own decisions; closings of full returns,
which have no way in yet, are appended as the hub would write them. Each step has a known time of its own, so that
every page can be asked as of every step.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.catalogue import TYPES, check_payload
from events.clock import DrivenClock, to_us, us_text
from events.codec import seal
from events.envelope import schema_urn
from events.errors import Refused
from events.identity import decision_id, fact_token
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.reading import Reading, TimelineQuestion
from tests.counts import times
from tests.hub.homes import STEWARD, cloudevent, open_home
from tests.laws import oracle
from tests.laws.notation import Said, Standing, render
from tests.laws.playing import TYPE, digest, order_text, payload_of
from tests.laws.streams import OPENED, PROFILES, random_stream

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
CLOSED = "hub.return-closed"
SOURCE = "urn:tellonce:source:housing:crm"
# What a steward is refused has no effect, and the oracle is not told of it.
NO_EFFECT = ("not-linked", "already-linked", "already-merged", "not-merged")


class World:
    """A home whose clock moves on by a second with every step; streams take turns in it."""

    def __init__(self, folder: Path) -> None:
        self.clock = DrivenClock(BEGINNING)
        self.now = BEGINNING
        self.hub: Hub = open_home(folder, self.clock)
        self._streams = 0

    def tick(self) -> int:
        """The next moment; in µs."""
        self.now += timedelta(seconds=1)
        self.clock.set(self.now)
        return to_us(self.now)

    def play(self, stream: list[Said]) -> Told:
        """A stream about records of its own, and what the oracle is to be asked about."""
        self._streams += 1
        told = Told(self, f"s{self._streams}")
        for said in stream:
            told.say(said)
        self.tick()
        return told


@dataclass
class Told:
    """One stream as it was told to the hub."""

    world: World
    name: str
    stream: list[Said] = field(default_factory=list)
    known_us: dict[int, int] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)  # the notation's persons -> the hub's

    def say(self, said: Said) -> None:
        now_us = self.world.tick()
        if self._act(said):
            self.stream.append(said)
            self.known_us[said.step] = now_us + 999_999
            assert self.world.hub.wait_until_read(60)

    def _act(self, said: Said) -> bool:
        if said.kind in ("link", "unlink", "merge", "unmerge"):
            return self._decide(said)
        if said.kind == "close":
            self._close(said)
        else:
            self._send(said)
        return True

    # ---- messages

    def _send(self, said: Said) -> None:
        record = f"child/{self.name}-{said.record}"
        data = payload_of(said) if said.kind == "assert" else {"reason": "wrong-person"} if said.wrong_person else {}
        more: dict[str, Any] = {"order": order_text(said), "factgroup": said.group, "returnscope": self._scope(said)}
        if said.kind == "withdraw-group":
            event = cloudevent("", "record.retracted", record, data, action=said.kind)
        else:
            event = cloudevent("", TYPE, record, data, fact=said.fact, action=said.kind)
        event["id"] = f"{self.name}-{said.message_id or said.step}"
        event |= {name: value for name, value in more.items() if value is not None}
        report = self.world.hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps(event))
        assert report.counts.accepted == 1, report
        if said.record not in self._met():
            assert self.world.hub.wait_until_read(60)
            (person,) = Reading(self.world.hub).find(STEWARD, record=self._record(said.record))["people"]
            self.numbers[OPENED[said.record or ""]] = person["person"]

    def _met(self) -> set[str | None]:
        return {said.record for said in self.stream if said.kind not in ("link", "unlink")}

    def _record(self, record: str | None) -> str:
        return f"housing:crm/child/{self.name}-{record}"

    def _scope(self, said: Said) -> str | None:
        return f"{self.name}-{said.scope}" if said.scope else None

    def _close(self, said: Said) -> None:
        hub = self.world.hub
        retention = TYPES[TYPE].retention
        tokens = [
            fact_token(hub.keys.keys_of("housing", self._record(record), retention), fact).hex()
            for record, fact in said.named
        ]
        scope = self._scope(said)
        keys = hub.keys.keys_of("hub", f"hub:returns/{scope}", TYPES[CLOSED].retention)
        payload = {
            "scope": scope,
            "order": order_text(said),
            "part": 1,
            "parts": 1,
            "partition": PARTITION,
            "expected": len(tokens),
            "range": ["", None],
            "tokens": sorted(tokens),
            "incremental": said.incremental,
        }
        check_payload(CLOSED, payload)
        attributes = {
            "source": SOURCE,
            "subject": f"return/{scope}",
            "type": CLOSED,
            "dataschema": schema_urn(CLOSED, TYPES[CLOSED].version),
            "orderfrom": "file",
            "data": payload,
        }
        identity = decision_id(keys.id_key, CLOSED, orjson.dumps(payload, option=orjson.OPT_SORT_KEYS).hex(), "returns")
        hub.log.append([seal(keys, identity, "hub", attributes)])

    # ---- decisions

    def _decide(self, said: Said) -> bool:
        if said.kind == "link" and said.record not in self._met():
            return True  # the number is opened by the record's first message, which comes next
        try:
            return self._decided(said)
        except Refused as error:
            if error.code not in NO_EFFECT:
                raise
            return False

    def _decided(self, said: Said) -> bool:
        decisions = self.world.hub.decisions
        person, other = self.numbers.get(said.person or ""), self.numbers.get(said.other or "")
        if said.kind == "unlink":
            number = decisions.unlink(self._record(said.record), reason="told so", by="sam")["person"]
            assert self.numbers.setdefault(said.person or "", number) == number, render(self.stream)
            return True
        if person is None or (said.kind != "link" and other is None):
            return False  # the token names a number that an unlink without effect would have opened
        if said.kind == "link":
            decisions.link(self._record(said.record), person, reason="told so", by="sam")
        else:
            act = decisions.merge if said.kind == "merge" else decisions.unmerge
            act(person, other or "", reason="confirmed-by-person", by="sam")
        return True

    # ---- questions

    def page(self, person: str, step: int | None) -> Standing:
        """What a person's page shows as of a step, with first known and last confirmed held against the oracle."""
        as_of = us_text(self.known_us[step]) if step is not None else None
        question = TimelineQuestion(person=self.numbers[person], as_of=as_of)
        shown: Standing = {}
        for entry in Reading(self.world.hub).timeline(STEWARD, question)["entries"]:
            key = entry["record"].rpartition("-")[2], entry["name"]
            assert key not in shown, f"{key} stands twice: {render(self.stream)}"
            shown[key] = entry["payload"]["text"]
            confirmed = oracle.confirmed(self.stream, *key, step, digest)
            told = self._step_of(entry["known_from"]), self._step_of(entry["last_confirmed"])
            assert told == confirmed, f"{key} as of {step} of {render(self.stream)}"
        return shown

    def _step_of(self, known: str) -> int:
        at_us = to_us(datetime.fromisoformat(known))
        return next(step for step, end_us in self.known_us.items() if end_us - 999_999 <= at_us <= end_us)

    def assert_reads_as_the_oracle_says(self) -> None:
        for step in [None, *self.known_us]:
            for person in self.numbers:
                expected = self._expected(person, step)
                assert self.page(person, step) == expected, f"{person} as of {step} of {render(self.stream)}"

    def _expected(self, person: str, step: int | None) -> Standing:
        if any(said.kind == "link" for said in self.stream):
            return oracle.page(self.stream, person, step, digest)
        stands = oracle.shown(self.stream, step, digest)
        return {key: content for key, content in stands.items() if OPENED[key[0]] == person}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.hub.close()


@pytest.mark.timeout(0)
@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_any_stream_reads_as_the_oracle_says(world: World, rng: random.Random, profile: str) -> None:
    for _ in range(times(3, proof=150)):
        world.play(random_stream(rng, rng.randint(6, 14), PROFILES[profile])).assert_reads_as_the_oracle_says()
    with world.hub.store.snapshot() as db:
        assert db.execute("SELECT count(*) FROM lanes").fetchone() == (0,)
