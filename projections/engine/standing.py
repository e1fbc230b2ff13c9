"""What stands of one fact, by the laws of facts (docs/laws.md): pure, from all that is known of the fact.

Items are what was said of the fact itself; sweeps are group withdrawals and closings of full returns that may take
it away. Everything is worked out from what was known at one moment, so "as of T" is the same function on less.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from events.order import Order

_DAY_US = 86_400 * 1_000_000
# Rising at equal order; an arrival ranks above all that was held at its base's order.
_CLOSING, _ASSERTION, _WITHDRAWAL, _ARRIVAL = range(4)

Key = tuple[int, ...]
Rank = tuple[Key, int, tuple[bytes, str, str], int]
_NO_TAIL = (b"", "", "")


@dataclass(frozen=True, slots=True)
class Item:
    """An assertion, withdrawal or void of the fact."""

    offset: int
    known_us: int
    kind: Literal["assert", "withdraw", "void"]
    order: Order | None
    says: tuple[str, bytes, str] = ("", b"", "")  # type, digest of content, occurred
    group: str | None = None
    scope: str | None = None
    is_wrong_person: bool = False


@dataclass(frozen=True, slots=True)
class Sweep:
    """A withdraw-group of a group, or a closing of a scope, as it concerns this fact."""

    offset: int
    known_us: int
    order: Order | None
    group: str | None = None  # set for a withdraw-group
    scope: str | None = None  # set for a closing
    is_named: bool = False  # the closing's manifest names this fact
    is_incremental: bool = False
    is_wrong_person: bool = False


@dataclass(slots=True)
class Run:
    """Neighbouring versions that say the same, lowest first."""

    versions: list[Item]
    confirmed_us: int
    is_first: bool
    is_tied: bool = False

    @property
    def first_known_us(self) -> int:
        return min(version.known_us for version in self.versions)

    @property
    def top(self) -> Item:
        return self.versions[-1]


@dataclass(slots=True)
class Standing:
    """The verdict: the run that stands, and what is to be told of single items (by offset)."""

    run: Run | None = None
    hidden: set[int] = field(default_factory=set)  # about the wrong person: shown in no past either
    used_up: set[int] = field(default_factory=set)  # at a voided order


def standing(items: Sequence[Item], sweeps: Sequence[Sweep]) -> Standing:
    """What stands; items and sweeps in any order."""
    ranking = _Ranking(items)
    things: list[Item | Sweep] = [*items, *sweeps]
    for thing in sorted(things, key=lambda each: each.offset):
        ranking.add(thing)
    return _walk(ranking)


def is_arrival(item: Item, kinds: str | None) -> str | None:
    """Why an item ranks by arrival ("no-order", "other-order-type", "order-ahead"), or None."""
    if item.order is None:
        return "no-order"
    if kinds is not None and not _are_comparable(kinds, item.order.kinds):
        return "other-order-type"
    return "order-ahead" if _is_ahead(item.order, item.known_us) else None


def order_kinds(items: Iterable[Item]) -> str | None:
    """The type of the fact's orders: that of the first ordered thing said of it."""
    first = min((item for item in items if item.order is not None), key=lambda item: item.offset, default=None)
    return first.order.kinds if first is not None and first.order is not None else None


def _are_comparable(kinds: str, others: str) -> bool:
    return all(one == other for one, other in zip(kinds, others, strict=False))


def _is_ahead(order: Order, known_us: int) -> bool:
    instant_us = order.leading_instant_us
    return instant_us is not None and instant_us - known_us > _DAY_US


class _Ranking:
    """Gives ranks in order of arrival, since an arrival ranks above what the fact held when it came."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._kinds = order_kinds(items)
        self.ranked: list[tuple[Rank, Item | Sweep]] = []
        self.void_orders: dict[Key, bool] = {}  # order -> because of the wrong person
        self.void_offsets: dict[int, bool] = {}

    def add(self, thing: Item | Sweep) -> None:
        if isinstance(thing, Item) and thing.kind == "void":
            self._void(thing)
            return
        key = self._key_of(thing)
        if key is not None:
            rank = _rank(thing, key)
        elif isinstance(thing, Item) or any(isinstance(held, Item) for _, held in self.ranked):
            rank = (self._held_key(thing.group), _ARRIVAL, _NO_TAIL, thing.offset)
        else:
            return  # a sweep without order takes only what the record held when it came
        self.ranked.append((rank, thing))

    def _key_of(self, thing: Item | Sweep) -> Key | None:
        """What the thing is ordered by, or None for an arrival."""
        order = thing.order
        if order is None or (self._kinds is not None and not _are_comparable(self._kinds, order.kinds)):
            return None
        return None if _is_ahead(order, thing.known_us) else order.key

    def _held(self, group: str | None = None) -> list[tuple[Rank, Item | Sweep]]:
        """What was said of the fact so far, withdrawals of groups that it has been in (or now comes in) included."""
        groups = {held.group for _, held in self.ranked if isinstance(held, Item) and held.group} | {group} - {None}
        return [(rank, held) for rank, held in self.ranked if isinstance(held, Item) or held.group in groups]

    def _held_key(self, group: str | None) -> Key:
        return max((rank[0] for rank, _ in self._held(group)), default=())

    def _void(self, void: Item) -> None:
        key = self._key_of(void)
        if key is None:
            on_top = max((rank for rank, held in self._held() if not self.is_void(rank)), default=None)
            if on_top is None:
                return
            if on_top[1] == _ARRIVAL:
                self.void_offsets[on_top[3]] = void.is_wrong_person
                return
            key = on_top[0]
        self.void_orders[key] = self.void_orders.get(key, False) or void.is_wrong_person

    def is_void(self, rank: Rank) -> bool:
        if rank[1] == _ARRIVAL:
            return rank[3] in self.void_offsets
        return rank[1] != _CLOSING and rank[0] in self.void_orders

    def is_wrong(self, rank: Rank) -> bool:
        if rank[1] == _ARRIVAL:
            return self.void_offsets.get(rank[3], False)
        return self.void_orders.get(rank[0], False)


def _rank(thing: Item | Sweep, key: Key) -> Rank:
    if isinstance(thing, Item) and thing.kind == "assert":
        # At equal order the higher digest of the content stands; the rest only makes the choice free of arrival.
        return key, _ASSERTION, (thing.says[1], thing.group or "", thing.scope or ""), thing.offset
    is_closing = isinstance(thing, Sweep) and thing.scope is not None
    return key, _CLOSING if is_closing else _WITHDRAWAL, _NO_TAIL, thing.offset


def _walk(ranking: _Ranking) -> Standing:
    """Goes through what was said from the lowest order up, keeping what stands."""
    verdict = Standing()
    run: Run | None = None
    is_first = True
    below: list[Item] = []
    previous: Rank | None = None
    for rank, thing in sorted(ranking.ranked, key=lambda pair: pair[0]):
        if ranking.is_void(rank):
            verdict.used_up.add(thing.offset)
            if ranking.is_wrong(rank):
                verdict.hidden.add(thing.offset)
            if isinstance(thing, Item) and thing.kind == "assert":
                below.append(thing)
            continue
        if isinstance(thing, Sweep):
            run = _swept(run, thing, below, verdict)
        elif thing.kind == "withdraw":
            run = None
            if thing.is_wrong_person:
                verdict.hidden.update(version.offset for version in below)
        else:
            is_tied = previous is not None and previous[:2] == rank[:2] and previous[2][0] != rank[2][0]
            if run is not None and run.top.says == thing.says:
                run.versions.append(thing)
                run.confirmed_us = thing.known_us
            else:
                run = Run([thing], thing.known_us, is_first)
            run.is_tied = is_tied
            is_first = False
            below.append(thing)
        previous = rank
    verdict.run = run
    return verdict


def _swept(run: Run | None, sweep: Sweep, below: list[Item], verdict: Standing) -> Run | None:
    """What is left of the run standing just below a sweep's order."""
    if run is None:
        return None
    if sweep.group is not None:
        if run.top.group != sweep.group:
            return run
        if sweep.is_wrong_person:
            verdict.hidden.update(version.offset for version in below if version.group == sweep.group)
        return None
    if run.top.scope != sweep.scope:
        return run
    if not sweep.is_named:
        return None
    if sweep.is_incremental:  # the highest closing counts, if it came after the version that it names
        run.confirmed_us = max(run.top.known_us, sweep.known_us)
    return run
