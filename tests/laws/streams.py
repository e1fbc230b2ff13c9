"""Streams of messages without end, made so that ties, late arrivals, re-assertions and resends are frequent.

A profile says what a stream may hold; `PROFILES` has one for each part of the laws and one for everything together.
`random_stream` draws from a `random.Random`, so a seed brings a stream back; `streams` is the same for hypothesis.

Only what can happen is made. A record is opened a number of its own by a link just before its first message. A link
names an opened number; a merge names two numbers that have a page with records; an unmerge undoes a merge whose
survivor has its own page. An unlink goes back to the number opened for the record, or to a new one if that is in use.
A scope is full (y, z) or incremental (n) for ever. Orders of another type come only after an integer one on that fact.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

from hypothesis import strategies as st

from tests.laws import oracle
from tests.laws.notation import ABOUT_A_FACT, DECISIONS, FactKey, Kind, Order, Said

RECORDS = "rst"
FACTS = "fed"
CONTENTS = "ABCD"
GROUPS = "gh"
FULL_SCOPES = "yz"
INCREMENTAL_SCOPE = "n"
OCCURRED = ("2023", "2024-05", "2024-05-01")
OPENED = {"r": "P", "s": "Q", "t": "S"}  # the number opened for a record at first sight
HIGHEST_ORDER = 6


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a stream may hold. Actions have weights, the rest are chances from 0 to 1."""

    records: int = 1
    facts: int = 2
    asserts: int = 10
    withdrawals: int = 3
    voids: int = 3
    group_withdrawals: int = 0
    closings: int = 0
    resends: int = 2
    decisions: int = 0  # above 0 opens a person for every record
    unordered: float = 0.0
    without_id: float = 0.3  # of the unordered
    with_parts: float = 0.2
    other_type: float = 0.0
    grouped: float = 0.0
    rows: float = 0.0
    occurred: float = 0.1
    wrong_person: float = 0.0


PROFILES = {
    "ordered": Profile(),
    "unordered": Profile(unordered=1.0),
    "some-unordered": Profile(unordered=0.4),
    "types": Profile(unordered=0.2, other_type=0.3),
    "groups": Profile(grouped=0.7, group_withdrawals=4),
    "groups-some-unordered": Profile(grouped=0.7, group_withdrawals=4, unordered=0.4),
    "returns": Profile(rows=0.7, closings=5),
    "returns-some-unordered": Profile(rows=0.7, closings=5, unordered=0.3),
    "everything-ordered": Profile(facts=2, grouped=0.4, group_withdrawals=2, rows=0.4, closings=3, wrong_person=0.2),
    "people": Profile(records=3, facts=1, asserts=5, voids=1, withdrawals=1, decisions=14, wrong_person=0.3),
    "everything": Profile(
        records=3,
        facts=2,
        asserts=16,
        group_withdrawals=2,
        closings=3,
        decisions=5,
        unordered=0.25,
        other_type=0.03,
        grouped=0.4,
        rows=0.4,
        wrong_person=0.2,
    ),
}


def random_stream(rng: random.Random, length: int, profile: Profile) -> list[Said]:
    """A stream of so many messages and decisions."""
    author = _Author(rng, profile)
    while len(author.stream) < length:
        author.go_on()
    return author.stream[:length]


@st.composite
def streams(draw: st.DrawFn, profile: Profile, max_length: int = 14) -> list[Said]:
    """Streams of a profile for hypothesis; they shrink to shorter and plainer ones."""
    length = draw(st.integers(1, max_length))
    return random_stream(draw(st.randoms(use_true_random=False)), length, profile)


@dataclass
class _Author:
    """Writes a stream message by message, looking at what it has written so far."""

    rng: random.Random
    profile: Profile
    stream: list[Said] = field(default_factory=list)

    def go_on(self) -> None:
        """Add a message, and before the first one of a record the link that opens its number."""
        profile = self.profile
        weights: dict[Callable[[], Said | None], int] = {
            self._assert: profile.asserts,
            self._withdraw: profile.withdrawals,
            self._void: profile.voids,
            self._withdraw_group: profile.group_withdrawals,
            self._close: profile.closings,
            self._resend: profile.resends,
            self._decide: profile.decisions,
        }
        # Drawn from a bag, since the generator that hypothesis hands in does not keep to weights.
        said = (
            self.rng.choice([action for action, weight in weights.items() for _ in range(weight)])() or self._assert()
        )
        if profile.decisions and said.record is not None and said.record not in self._seen():
            self._add(Said(step=0, kind="link", record=said.record, person=OPENED[said.record]))
        self._add(said)

    def _add(self, said: Said) -> None:
        self.stream.append(replace(said, step=len(self.stream) + 1))

    def _chance(self, chance: float) -> bool:
        return self.rng.random() < chance

    def _assert(self) -> Said:
        said = self._about_a_fact("assert")
        scope = self._scope() if self._chance(self.profile.rows) else None
        order = said.order
        if scope and order and len(order) == 1 and self._chance(0.5):  # a row has its place in the file
            order = (*order, self.rng.randint(1, 3))
        return replace(
            said,
            content=self.rng.choice(CONTENTS[: self.rng.randint(1, len(CONTENTS))]),
            occurred=self.rng.choice(OCCURRED) if self._chance(self.profile.occurred) else None,
            order=order,
            group=self.rng.choice(GROUPS) if self._chance(self.profile.grouped) else None,
            scope=scope,
        )

    def _withdraw(self) -> Said:
        return replace(self._about_a_fact("withdraw"), wrong_person=self._chance(self.profile.wrong_person))

    def _void(self) -> Said:
        said = self._about_a_fact("void")
        there = [each.order for each in self._ordered_on(said.key)]
        if said.order is not None and there and self._chance(0.7):
            said = replace(said, order=self.rng.choice(there))
        return replace(said, wrong_person=self._chance(self.profile.wrong_person))

    def _about_a_fact(self, kind: Kind) -> Said:
        key = (self._record(), self.rng.choice(FACTS[: self.profile.facts]))
        order, message_id = self._order_or_id()
        if order and self._ordered_on(key) and self._chance(self.profile.other_type):
            order = (date(2024, 5, self.rng.randint(1, HIGHEST_ORDER)),)
        return Said(step=0, kind=kind, record=key[0], fact=key[1], order=order, message_id=message_id)

    def _withdraw_group(self) -> Said:
        order, message_id = self._order_or_id()
        group = self.rng.choice(GROUPS)
        return Said(
            step=0, kind="withdraw-group", record=self._record(), group=group, order=order, message_id=message_id
        )

    def _close(self) -> Said:
        scope = self._scope()
        there = sorted({said.key for said in self.stream if said.scope == scope and said.kind == "assert"})
        there.append((self._record(), self.rng.choice(FACTS[: self.profile.facts])))
        named = frozenset(key for key in there if self._chance(0.6))
        order: Order = (self.rng.randint(1, HIGHEST_ORDER),)
        incremental = scope == INCREMENTAL_SCOPE
        return Said(step=0, kind="close", scope=scope, order=order, named=named, incremental=incremental)

    def _resend(self) -> Said | None:
        """An earlier message once more, sometimes under a new message id."""
        earlier = [said for said in self.stream if said.kind not in DECISIONS]
        if not earlier:
            return None
        said = self.rng.choice(earlier)
        return said if said.kind == "close" or self._chance(0.7) else replace(said, message_id=self._new_id())

    def _record(self) -> str:
        return self.rng.choice(RECORDS[: self.profile.records])

    def _scope(self) -> str:
        return self.rng.choice(FULL_SCOPES + INCREMENTAL_SCOPE)

    def _order_or_id(self) -> tuple[Order | None, str | None]:
        if self._chance(self.profile.unordered):
            return None, None if self._chance(self.profile.without_id) else self._message_id()
        order: Order = (self.rng.randint(1, HIGHEST_ORDER),)
        if self._chance(self.profile.with_parts):
            order = (*order, self.rng.randint(1, 2))
        return order, self._message_id() if self._chance(0.1) else None

    def _message_id(self) -> str:
        """A new message id, now and then one that another message has already."""
        used = [said.message_id for said in self.stream if said.message_id]
        return self.rng.choice(used) if used and self._chance(0.1) else self._new_id()

    def _new_id(self) -> str:
        return f"m{len(self.stream) + 1}"

    def _ordered_on(self, key: FactKey) -> list[Said]:
        return [said for said in self.stream if said.kind in ABOUT_A_FACT and said.key == key and said.order]

    def _seen(self) -> list[str]:
        return sorted({said.record for said in self.stream if said.record is not None})

    def _decide(self) -> Said | None:
        return self.rng.choice([self._link, self._link, self._unlink, self._merge, self._unmerge])()

    def _link(self) -> Said | None:
        at = {move.record: move.to for move in oracle.moves(self.stream)}
        choices = [(record, number) for record in sorted(at) for number in self._numbers() if number != at[record]]
        if not choices:
            return None
        record, number = self.rng.choice(choices)
        return Said(step=0, kind="link", record=record, person=number)

    def _unlink(self) -> Said | None:
        if not self._seen():
            return None
        record = self.rng.choice(self._seen())
        number = OPENED[record]
        in_use = oracle.records_of(self.stream, number) or oracle.survivor(self.stream, number) != number
        back_to = f"N{len(self.stream) + 1}" if in_use else number
        return Said(step=0, kind="unlink", record=record, person=back_to)

    def _merge(self) -> Said | None:
        pages = self._pages()
        if len(pages) < 2:
            return None
        survivor, absorbed = self.rng.sample(pages, 2)
        return Said(step=0, kind="merge", person=survivor, other=absorbed)

    def _unmerge(self) -> Said | None:
        last = {said.other: said for said in self.stream if said.kind in ("merge", "unmerge")}
        choices = [said for said in last.values() if said.kind == "merge" and said.person in self._pages()]
        return replace(self.rng.choice(choices), kind="unmerge") if choices else None

    def _numbers(self) -> list[str]:
        return sorted({move.to for move in oracle.moves(self.stream)})

    def _pages(self) -> list[str]:
        """The numbers that have a page of their own with records on it."""
        own = [number for number in self._numbers() if oracle.survivor(self.stream, number) == number]
        return [number for number in own if oracle.records_of(self.stream, number)]
