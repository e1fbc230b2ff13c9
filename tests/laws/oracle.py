"""What a stream of messages must lead to, worked out naively: every question reads all the messages again.

Nothing is kept between questions and nothing is clever; slow is fine. A known time is the step of the message. "More
than a day ahead of its known time" is left out, and a fact has one type for ever, so types are not in the notation.

Who ranks where. On one fact everything that can end or begin something has a rank: (order, kind, last word). At one
order: closings, assertions by rising digest, withdrawals and group withdrawals, arrivals. What stands is found by
walking up the ranks. Ties are decided by `digest`: hand in the digest of the real content where it is to be matched.

Readings, where the text is silent:

1.  An arrival (no order, or one of another type) ranks just above the highest order that the fact held when it came,
    later arrivals above earlier ones. A message of that very order ranks below it, a higher one above it. Held are the
    fact's assertions and withdrawals, also voided and hidden ones, and the record's withdrawals of groups in which the
    fact has had a version, and of the arriving message's own group; not closings, and not orders that were only voided.
2.  An order is of another type if one of its parts is of another kind than the same part of the fact's first ordered
    message; a void counts as a message of the fact. Deeper parts that the first did not have: integers below dates.
3.  A void without order, or with one of another type, takes what is on top when it comes among what is not voided:
    assertions, withdrawals, and withdrawals of groups in which the fact has had a version. It voids the whole order of
    that, or that arrival alone. With nothing there it does nothing, for ever.
4.  A void of an order undoes a group withdrawal of that order for its fact, whichever comes first; never a closing.
5.  A group withdrawal as an arrival ranks on each fact by what that held when it came, so it ranks below all that
    facts say which come later. So does a closing whose order is of another type than the fact's.
6.  Assertions of equal order and equal content differ by group or scope only: the higher (group, scope) stands.
7.  A void because of the wrong person leaves out, for good, the versions at what it voids; a withdrawal because of the
    wrong person those ranked below it, unless it is voided itself. No older version takes the place of one left out.
8.  A closing of an incremental scope confirms a version only if that carries the scope and stands just below it: like
    a version at its order, so the highest of several counts, and only if it is known later than the version.
9.  A withdrawal, a group withdrawal or a closing that ends nothing does not split a run.
10. Findings: both sides of a tie; what comes to an order already used up (voids excepted); no order, or one of another
    type; neither order nor message id; a message id that an earlier message of other content had.
11. A link to a number opens it at the first time; a record belongs to the last number it went to. Merges stand on top
    and move no record. A number and all merged into it share one page. When the page has no record left, it leads to
    where the last one went if that was a link; if an unlink, it stays empty. A link goes to the very number it names,
    also when that leads elsewhere or is merged into another.
12. After an unmerge the past of a page that leads elsewhere by now may differ from never merged, also for records not
    moved since: it shows what it showed while merged, of those now on the page it leads to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.laws.notation import ABOUT_A_FACT, DECISIONS, FactKey, Order, Said, Standing

Digest = Callable[[Said], bytes]
CLOSING, ASSERTION, WITHDRAWAL, ARRIVAL = range(4)  # at one order, rising
NOTHING_HELD: tuple[Any, ...] = ()  # lower than any order


def content_digest(said: Said) -> bytes:
    """SHA-256 of the content, of which `occurred` is a part."""
    return hashlib.sha256(f"{said.content} {said.occurred}".encode()).digest()


def identity(said: Said) -> tuple[Any, ...]:
    """What an event's id covers; equal for duplicates only."""
    if said.kind in DECISIONS:
        return ("decision", said.step)
    place: tuple[Any, ...] = ("send", said.step)
    if said.order is not None:
        place = ("order", said.order)
    elif said.message_id is not None:
        place = ("message", said.message_id)
    what = (said.kind, said.record, said.fact, said.content, said.occurred, said.wrong_person)
    return (*what, place, said.group, said.scope, said.named, said.incremental)


def known(messages: Iterable[Said], at_step: int | None = None) -> list[Said]:
    """The log cut at a step, inclusive, without duplicates."""
    first: dict[tuple[Any, ...], Said] = {}
    for said in sorted(messages, key=lambda said: said.step):
        if at_step is None or said.step <= at_step:
            first.setdefault(identity(said), said)
    return list(first.values())


def same_type(one: Order, other: Order) -> bool:
    """Whether all parts that both orders have are of one kind."""
    return all(type(a) is type(b) for a, b in zip(one, other, strict=False))


def order_key(order: Order) -> tuple[tuple[int, int], ...]:
    """What orders are compared by: part by part, a missing part lowest."""
    return tuple((0, part) if isinstance(part, int) else (1, part.toordinal()) for part in order)


def says_the_same(one: Said, other: Said) -> bool:
    """Whether two versions of one fact are equal in content and occurred."""
    return (one.content, one.occurred) == (other.content, other.occurred)


@dataclass(frozen=True)
class Target:
    """What a void takes from its fact: a whole order, or one arrival, or nothing."""

    void: Said
    order: Order | None = None
    arrival: int | None = None  # its step


@dataclass(frozen=True)
class Stage:
    """One step of the walk up the ranks of a fact: what stood below it, and what stands from it on."""

    said: Said
    below: Said | None
    above: Said | None


@dataclass(frozen=True)
class Run:
    """Neighbouring versions that say the same, read as one."""

    content: str
    occurred: str | None
    steps: tuple[int, ...]  # of its versions, by rising rank
    first_known: int
    last_confirmed: int
    stands: bool


@dataclass(frozen=True)
class Fact:
    """One fact, as a log without duplicates tells it."""

    log: Sequence[Said]
    key: FactKey
    digest: Digest

    @cached_property
    def own(self) -> list[Said]:
        """The messages about this fact."""
        return [said for said in self.log if said.kind in ABOUT_A_FACT and said.key == self.key]

    @cached_property
    def versions_and_withdrawals(self) -> list[Said]:
        return [said for said in self.own if said.kind != "void"]

    @cached_property
    def group_withdrawals(self) -> list[Said]:
        """All of the record, whatever their group."""
        return [said for said in self.log if said.kind == "withdraw-group" and said.record == self.key[0]]

    @cached_property
    def first_order(self) -> Order | None:
        """The order of the fact's first ordered message: all others are to be of its type."""
        return next((said.order for said in self.own if said.order is not None), None)

    def is_ordered(self, said: Said) -> bool:
        """False for what counts as an arrival on this fact."""
        return said.order is not None and (self.first_order is None or same_type(said.order, self.first_order))

    def held(self, arriving: Said) -> list[Said]:
        """All that the fact held when a message came (reading 1)."""
        if all(said.step > arriving.step for said in self.own):
            return []  # the fact was not there yet
        groups = {said.group for said in self.own if said.group is not None and said.step < arriving.step}
        about_it = [said for said in self.group_withdrawals if said.group in {*groups, arriving.group}]
        return [said for said in (*self.versions_and_withdrawals, *about_it) if said.step < arriving.step]

    def rank(self, said: Said) -> tuple[Any, int, Any]:
        """Where a message ranks on this fact: its order, its kind, and what decides among equals."""
        if said.order is None or not self.is_ordered(said):
            held = [order_key(each.order) for each in self.held(said) if each.order and self.is_ordered(each)]
            return max(held, default=NOTHING_HELD), ARRIVAL, said.step
        if said.kind == "close":
            return order_key(said.order), CLOSING, ()
        if said.kind == "assert":
            return order_key(said.order), ASSERTION, (self.digest(said), said.group or "", said.scope or "")
        return order_key(said.order), WITHDRAWAL, ()

    @cached_property
    def ranked(self) -> list[Said]:
        """All that has a rank on this fact, lowest first, voided or not."""
        closings = [said for said in self.log if said.kind == "close"]
        return sorted([*self.versions_and_withdrawals, *self.group_withdrawals, *closings], key=self.rank)

    @cached_property
    def targets(self) -> list[Target]:
        """What each void of the fact takes, in the order in which they came."""
        found: list[Target] = []
        for void in self.own:
            if void.kind == "void":
                found.append(self._target(void, found))
        return found

    def _target(self, void: Said, earlier: Sequence[Target]) -> Target:
        if self.is_ordered(void):
            return Target(void, order=void.order)
        then = Fact([said for said in self.log if said.step < void.step], self.key, self.digest)
        held = then.held(void)
        remaining = [said for said in then.ranked if said in held and not then.is_voided(said, earlier)]
        if not remaining:
            return Target(void)
        top = remaining[-1]
        return Target(void, order=top.order) if then.is_ordered(top) else Target(void, arrival=top.step)

    def is_voided(self, said: Said, voids: Sequence[Target]) -> bool:
        """Whether one of the voids takes this; a closing can't be voided."""
        if said.kind == "close":
            return False
        if self.is_ordered(said):
            return any(void.order == said.order for void in voids)
        return any(void.arrival == said.step for void in voids)

    @cached_property
    def walk(self) -> list[Stage]:
        """The fact's life by rank, lowest first, without what is voided."""
        stages: list[Stage] = []
        stands: Said | None = None
        for said in self.ranked:
            if not self.is_voided(said, self.targets):
                stages.append(Stage(said, stands, self._after(said, stands)))
                stands = stages[-1].above
        return stages

    def _after(self, said: Said, stands: Said | None) -> Said | None:
        if said.kind == "assert":
            return said
        if said.kind == "withdraw" or stands is None:
            return None
        if said.kind == "withdraw-group":
            return None if stands.group == said.group else stands
        is_missing = stands.scope == said.scope and self.key not in said.named
        return None if is_missing else stands

    @cached_property
    def standing(self) -> Said | None:
        """The version that stands."""
        return self.walk[-1].above if self.walk else None

    @property
    def runs(self) -> list[Run]:
        """All runs, lowest first."""
        found: list[list[Stage]] = []  # of each run its versions and whatever leaves them standing
        for stage in self.walk:
            if stage.above is None:
                continue
            if stage.below is None or not says_the_same(stage.below, stage.above):
                found.append([])
            found[-1].append(stage)
        return [self._run(stages) for stages in found]

    def _run(self, stages: Sequence[Stage]) -> Run:
        versions = [stage.said for stage in stages if stage.said.kind == "assert"]
        highest = versions[-1]
        above = [stage.said for stage in stages if stage.below == highest and stage.said.kind == "close"]
        naming = [said for said in above if said.incremental and said.scope == highest.scope and self.key in said.named]
        return Run(
            content=highest.content or "",
            occurred=highest.occurred,
            steps=tuple(said.step for said in versions),
            first_known=min(said.step for said in versions),
            last_confirmed=max(said.step for said in (highest, *naming[-1:])),
            stands=highest == self.standing,
        )

    @property
    def left_out(self) -> set[int]:
        """Steps of the versions that were the wrong person's."""
        wrong = [target for target in self.targets if target.void.wrong_person]
        found = {said.step for said in self.ranked if said.kind == "assert" and self.is_voided(said, wrong)}
        for place, said in enumerate(self.ranked):
            if said.kind == "withdraw" and said.wrong_person and not self.is_voided(said, self.targets):
                found |= {below.step for below in self.ranked[:place] if below.kind == "assert"}
        return found

    def findings(self, said: Said) -> set[str]:
        """What is to be noted about one of the fact's own messages because of the others."""
        if said.order is None:
            return set()
        if not self.is_ordered(said):
            return {"other-order-type"}
        if said.kind == "void":
            return set()
        if self.is_voided(said, self.targets):
            came_before = [target for target in self.targets if target.void.step < said.step]
            return {"order-voided"} if self.is_voided(said, came_before) else set()
        beside = [each for each in self.own if each.kind == said.kind == "assert" and each.order == said.order]
        return {"tie"} if any(not says_the_same(each, said) for each in beside) else set()


def facts(messages: Iterable[Said], at_step: int | None = None, digest: Digest = content_digest) -> list[Fact]:
    """Every fact that a message was about, in the log cut at a step."""
    log = known(messages, at_step)
    return [Fact(log, key, digest) for key in sorted({said.key for said in log if said.kind in ABOUT_A_FACT})]


def stands(messages: Iterable[Said], at_step: int | None = None, digest: Digest = content_digest) -> Standing:
    """The content that stands, of each fact that has one, in the log cut at a step."""
    tops = [(fact.key, fact.standing) for fact in facts(messages, at_step, digest)]
    return {key: top.content or "" for key, top in tops if top is not None}


def runs(
    messages: Iterable[Said], record: str, fact: str, at_step: int | None = None, digest: Digest = content_digest
) -> list[Run]:
    """The fact's runs in the log cut at a step, lowest first; voided and hidden versions are in none."""
    return [run for each in facts(messages, at_step, digest) if each.key == (record, fact) for run in each.runs]


def confirmed(
    messages: Iterable[Said], record: str, fact: str, at_step: int | None = None, digest: Digest = content_digest
) -> tuple[int, int] | None:
    """First known and last confirmed of what stands; None if nothing does."""
    standing = [run for run in runs(messages, record, fact, at_step, digest) if run.stands]
    return (standing[0].first_known, standing[0].last_confirmed) if standing else None


def left_out(messages: Iterable[Said], digest: Digest = content_digest) -> set[int]:
    """Steps of the versions that no page shows any more, whatever it is as of: they were the wrong person's."""
    return {step for fact in facts(messages, None, digest) for step in fact.left_out}


def shown(messages: Sequence[Said], at_step: int | None = None, digest: Digest = content_digest) -> Standing:
    """What a page as of a step shows today: what stood then, without what is left out since."""
    gone = left_out(messages, digest)
    tops = [(fact.key, fact.standing) for fact in facts(messages, at_step, digest)]
    return {key: top.content or "" for key, top in tops if top is not None and top.step not in gone}


def findings(messages: Iterable[Said], digest: Digest = content_digest) -> dict[int, set[str]]:
    """Findings by step: `tie`, `order-voided`, `no-order`, `other-order-type`, `no-id`, `shared-message-id`."""
    log = known(messages)
    found: dict[int, set[str]] = {said.step: set() for said in log}
    for fact in facts(log, None, digest):
        for said in fact.own:
            found[said.step] |= fact.findings(said)
    for said in log:
        if said.kind in (*ABOUT_A_FACT, "withdraw-group") and said.order is None:
            found[said.step] |= {"no-order"} if said.message_id else {"no-order", "no-id"}
        if said.message_id and any(each.message_id == said.message_id for each in log if each.step < said.step):
            found[said.step].add("shared-message-id")
    return {step: codes for step, codes in found.items() if codes}


@dataclass(frozen=True)
class Move:
    """A record went from one number to another."""

    record: str
    left: str | None
    to: str
    kind: str


def moves(log: Sequence[Said]) -> list[Move]:
    """All links and unlinks as moves, in the order in which they came."""
    at: dict[str, str] = {}
    found: list[Move] = []
    for said in log:
        if said.kind in ("link", "unlink") and said.record is not None:
            to = said.person or f"a number of its own, opened at step {said.step}"
            found.append(Move(said.record, at.get(said.record), to, said.kind))
            at[said.record] = to
    return found


def survivor(log: Sequence[Said], person: str) -> str:
    """The number whose page a number shares through merges; itself if none."""
    last = [said for said in log if said.kind in ("merge", "unmerge") and said.other == person][-1:]
    if not last or last[0].kind == "unmerge" or last[0].person is None:
        return person
    return survivor(log, last[0].person)


def records_of(log: Sequence[Said], person: str) -> set[str]:
    """The records on the page of a number, merges followed, redirects not."""
    at = {move.record: move.to for move in moves(log)}
    return {record for record, number in at.items() if survivor(log, number) == survivor(log, person)}


def leads_to(log: Sequence[Said], person: str) -> str:
    """The number that a number leads to, merges and redirects followed."""
    page = survivor(log, person)
    if records_of(log, page):
        return page
    gone = [move for move in moves(log) if move.left is not None and survivor(log, move.left) == page]
    return page if not gone or gone[-1].kind == "unlink" else leads_to(log, gone[-1].to)


def membership(messages: Iterable[Said], person: str, as_of_step: int | None = None) -> set[str]:
    """The records that a person's page as of a step may show today."""
    today = known(messages)
    then = known(today, as_of_step)
    return records_of(then, leads_to(then, person)) & records_of(today, leads_to(today, person))


def page(
    messages: Sequence[Said], person: str, as_of_step: int | None = None, digest: Digest = content_digest
) -> Standing:
    """What a person's page as of a step shows, asked today."""
    members = membership(messages, person, as_of_step)
    return {key: content for key, content in shown(messages, as_of_step, digest).items() if key[0] in members}
