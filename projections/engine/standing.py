"""What stands of one fact, by the laws of facts (docs/laws.md): pure, from all that is known of the fact.

Items are what was said of the fact itself; sweeps are group withdrawals and closings of full returns that may take
it away. `standing` works everything out from what was known at one moment, so "as of T" is the same function on less;
a `Judge` is told in order of arrival and says at each step what stands, without going through it all again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Literal

from events.order import Order

_DAY_US = 86_400 * 1_000_000
_DAY_OF_1970 = date(1970, 1, 1).toordinal()
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

    def takes(self, version: Item) -> bool:
        """Whether a version that stands just below it is withdrawn."""
        if self.group is not None:
            return version.group == self.group
        return version.scope == self.scope and not self.is_named


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


Ranked = tuple[Rank, Item | Sweep]
_BY_RANK = itemgetter(0)


def standing(items: Sequence[Item], sweeps: Sequence[Sweep]) -> Standing:
    """What stands; items and sweeps in any order."""
    return Judge(items, sweeps).standing()


def why_arrival(item: Item, kinds: str | None) -> str | None:
    """Why an item ranks by arrival: "no-order", "other-order-type" or "order-ahead"; None if it does not."""
    if item.order is None:
        return "no-order"
    if kinds is not None and not _are_comparable(kinds, item.order.kinds):
        return "other-order-type"
    return "order-ahead" if _is_ahead(item.order, item.known_us) else None


def is_plainly_ordered(order: str | None, known_us: int) -> bool:
    """Whether an order's text alone says that a fact's first word is no arrival. Most say so; parsing took 10 µs."""
    if order is None:
        return False
    if order[4:5] != "-":
        return True  # no instant, so it can't lie ahead
    return order[19:20] == "Z" and order[:10] <= _utc_day(known_us // _DAY_US)


@lru_cache(maxsize=64)
def _utc_day(number: int) -> str:
    return str(date.fromordinal(_DAY_OF_1970 + number))


def _are_comparable(kinds: str, others: str) -> bool:
    return kinds == others or all(one == other for one, other in zip(kinds, others, strict=False))


def _is_ahead(order: Order, known_us: int) -> bool:
    instant_us = order.leading_instant_us
    return instant_us is not None and instant_us - known_us > _DAY_US


class Judge:
    """Ranks what is said of a fact in order of arrival, since an arrival ranks above what was held when it came."""

    def __init__(self, items: Iterable[Item], sweeps: Iterable[Sweep]) -> None:
        self._things: list[Item | Sweep] = sorted([*items, *sweeps], key=lambda each: each.offset)
        self._begin()

    def _begin(self) -> None:
        ordered = (each for each in self._things if isinstance(each, Item) and each.order is not None)
        first = next(ordered, None)
        self.kinds = first.order.kinds if first is not None and first.order is not None else None
        self._ranked: list[Ranked] = []  # rising
        self._alive: list[Ranked] = []  # the same without what is voided
        self._void_orders: dict[Key, bool] = {}  # order -> because of the wrong person
        self._void_offsets: dict[int, bool] = {}
        self._groups: set[str] = set()  # that the fact has been in
        self._is_there = False  # something was said of the fact itself
        self._held_key: Key = ()  # the highest that the fact holds
        self._group_keys: dict[str, Key] = {}  # the highest of each group's withdrawals
        self._hidden: set[int] | None = set()  # None: to be worked out again
        self._is_simple = True  # nobody ever spoke of the wrong person: nothing is hidden
        for thing in self._things:
            self._take(thing)

    def add(self, thing: Item | Sweep) -> bool:
        """Takes the next thing said. True if it came to an order that is used up."""
        self._things.append(thing)
        if self.kinds is None and isinstance(thing, Item) and thing.order is not None:
            if any(isinstance(each, Sweep) and each.order is not None for each in self._things):
                self._begin()  # what was taken for ordered may be of another type, now that there is one
                return False
            self.kinds = thing.order.kinds
        return self._take(thing)

    # ---- ranks

    def _take(self, thing: Item | Sweep) -> bool:
        if thing.is_wrong_person:
            self._is_simple = False
        self._is_there = self._is_there or isinstance(thing, Item)
        if isinstance(thing, Item) and thing.kind == "void":
            self._void(thing)
            self._reconsider()
            return False
        key = self._key_of(thing)
        rank = _rank(thing, key) if key is not None else (self._held_by(thing), _ARRIVAL, _NO_TAIL, thing.offset)
        self._hold(thing, rank[0])
        is_void = self._is_void(rank)
        if is_void or thing.is_wrong_person or (self._ranked and rank < self._ranked[-1][0]):
            self._reconsider()
        insort(self._ranked, (rank, thing), key=_BY_RANK)
        if is_void:
            return True
        insort(self._alive, (rank, thing), key=_BY_RANK)
        return False

    def _key_of(self, thing: Item | Sweep) -> Key | None:
        """What the thing is ordered by, or None for an arrival."""
        order = thing.order
        if order is None or (self.kinds is not None and not _are_comparable(self.kinds, order.kinds)):
            return None
        return None if _is_ahead(order, thing.known_us) else order.key

    def _held_by(self, arrival: Item | Sweep) -> Key:
        """The highest that the fact holds when something arrives, its group's withdrawals included."""
        if not self._is_there:
            return ()  # a group was withdrawn before the fact was first spoken of
        return max(self._held_key, self._group_keys.get(arrival.group or "", ()))

    def _hold(self, thing: Item | Sweep, key: Key) -> None:
        """Keeps the highest key held: of what was said of the fact, and of the withdrawals of its groups."""
        group = thing.group
        if isinstance(thing, Item):
            self._held_key = max(self._held_key, key)
            if group is not None and group not in self._groups:
                self._groups.add(group)
                self._held_key = max(self._held_key, self._group_keys.get(group, ()))
        elif group is not None:
            self._group_keys[group] = max(self._group_keys.get(group, ()), key)
            if group in self._groups:
                self._held_key = max(self._held_key, key)

    def _is_held(self, thing: Item | Sweep) -> bool:
        return isinstance(thing, Item) or thing.group in self._groups

    def _void(self, void: Item) -> None:
        key = self._key_of(void)
        if key is None:
            on_top = next((rank for rank, held in reversed(self._alive) if self._is_held(held)), None)
            if on_top is None:
                return
            if on_top[1] == _ARRIVAL:
                self._void_offsets[on_top[3]] = void.is_wrong_person
                del self._alive[bisect_left(self._alive, on_top, key=_BY_RANK)]
                return
            key = on_top[0]
        self._void_orders[key] = self._void_orders.get(key, False) or void.is_wrong_person
        low = bisect_left(self._alive, (key, _ASSERTION), key=_BY_RANK)
        del self._alive[low : bisect_left(self._alive, (key, _ARRIVAL), key=_BY_RANK)]

    def _is_void(self, rank: Rank) -> bool:
        if rank[1] == _ARRIVAL:
            return rank[3] in self._void_offsets
        return rank[1] != _CLOSING and rank[0] in self._void_orders

    def _is_wrong(self, rank: Rank) -> bool:
        if rank[1] == _ARRIVAL:
            return self._void_offsets.get(rank[3], False)
        return self._void_orders.get(rank[0], False)

    def _reconsider(self) -> None:
        """Something may be hidden now, or shown again."""
        if not self._is_simple:
            self._hidden = None

    # ---- verdicts

    def top(self) -> int | None:
        """The offset of the version that stands: the highest, unless a withdrawal or a sweep above it takes it."""
        sweeps: list[Sweep] = []
        for _, thing in reversed(self._alive):
            if isinstance(thing, Sweep):
                sweeps.append(thing)
            elif thing.kind == "withdraw" or any(sweep.takes(thing) for sweep in sweeps):
                return None
            else:
                return thing.offset
        return None

    def run(self) -> Run | None:
        """The same run as the verdict's, looked for from the top down and no further than it reaches."""
        run: Run | None = None
        is_broken = False
        sweeps: list[Sweep] = []  # just above the thing looked at
        for at in range(len(self._alive) - 1, -1, -1):
            thing = self._alive[at][1]
            if isinstance(thing, Sweep):
                sweeps.append(thing)
                continue
            is_broken = is_broken or thing.kind == "withdraw" or any(sweep.takes(thing) for sweep in sweeps)
            if run is None:
                if is_broken:
                    return None
                run = Run([thing], _confirmed_us(thing, sweeps), is_first=True, is_tied=self._is_tied(at))
            elif thing.kind == "assert":
                if is_broken or thing.says != run.top.says:
                    run.is_first = False
                    break
                run.versions.insert(0, thing)
            sweeps.clear()
        return run

    def _is_tied(self, at: int) -> bool:
        """Whether a version of the same order and other content is just below."""
        if at == 0:
            return False
        rank, below = self._alive[at][0], self._alive[at - 1][0]
        return below[:2] == rank[:2] and below[2][0] != rank[2][0]

    @property
    def known_us(self) -> int:
        """When the last thing said became known."""
        return self._things[-1].known_us

    @property
    def hidden(self) -> set[int]:
        """Offsets of the versions that were about the wrong person."""
        if self._hidden is None:
            self._hidden = self.standing().hidden
        return self._hidden

    def standing(self) -> Standing:
        """Goes through what was said from the lowest order up, keeping what stands."""
        verdict = Standing()
        run: Run | None = None
        is_first = True
        below: list[Item] = []
        previous: Rank | None = None
        for rank, thing in self._ranked:
            if self._is_void(rank):
                if self._is_wrong(rank):
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


def _rank(thing: Item | Sweep, key: Key) -> Rank:
    if isinstance(thing, Item) and thing.kind == "assert":
        # At equal order the higher digest of the content stands; the rest only makes the choice free of arrival.
        return key, _ASSERTION, (thing.says[1], thing.group or "", thing.scope or ""), thing.offset
    is_closing = isinstance(thing, Sweep) and thing.scope is not None
    return key, _CLOSING if is_closing else _WITHDRAWAL, _NO_TAIL, thing.offset


def _confirmed_us(top: Item, sweeps: Iterable[Sweep]) -> int:
    """When the version on top was last confirmed, the sweeps above it given highest first."""
    named = (sweep.known_us for sweep in sweeps if sweep.is_incremental and sweep.scope == top.scope)
    return max(top.known_us, next(named, top.known_us))


def _swept(run: Run | None, sweep: Sweep, below: list[Item], verdict: Standing) -> Run | None:
    """What is left of the run standing just below a sweep's order."""
    if run is None:
        return None
    if sweep.takes(run.top):
        if sweep.is_wrong_person:
            verdict.hidden.update(version.offset for version in below if version.group == sweep.group)
        return None
    if sweep.is_incremental and run.top.scope == sweep.scope:
        # The highest closing counts, if it came after the version that it names.
        run.confirmed_us = max(run.top.known_us, sweep.known_us)
    return run
