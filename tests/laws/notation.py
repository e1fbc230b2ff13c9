"""Streams of messages as text, and back.

A stream is a list of tokens parted by blanks, one a message, in order of arrival. A token's place, counted from 1, is
its step and stands for its known time. Everything is about one source. A record or a fact that is not named is record
`r`, fact `f`.

    A@1              assert content A with order 1; contents are single capitals
    A@5.2            order 5/2; a part is an integer or a date (A@2024-05-01, A@2024-05-01.2)
    A#m1             no order, the sender's message id is m1; A has neither; A@1#m1 has both
    A%2024-05@1      occurred in May 2024 (year, month or day)
    A@1[g]  A@1{y}   in message group g; a row of the full return of scope y
    -@2     x@2      withdraw; void of order 2
    -!@2    x!@2     the same because of the wrong person
    ~g@3             withdraw-group g
    e:A@1   s.e:A@1  about fact e; about fact e of record s (also r.~g@3)
    close{y}@2:e,s.f   closing of scope y at order 2; its manifest names fact e of record r and fact f of record s
    close+{y}@2:e    the same where the scope is declared incremental
    r>P              record r linked to person P; the first token that names a number opens it
    r>-     r>-S     record r unlinked to a number of its own that nobody asks for; to the number S
    P+Q     P-Q      Q merged into P, and out again

Suffixes stand in the order occurred, order, message id, group, scope. `render` writes what `parse` reads.

`law-examples.tsv` adds what is expected: `stands` is what stands after each step (`.` nothing, `A` of r.f, `e=A,f=B`,
`*` either side of a tie), `confirmed` first known and last confirmed of r.f at the end, `membership` what a person's
page shows as of a step, asked at the end, or now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

Kind = Literal["assert", "withdraw", "void", "withdraw-group", "close", "link", "unlink", "merge", "unmerge"]
Order = tuple[int | date, ...]
FactKey = tuple[str, str]  # (record, fact name)
Standing = dict[FactKey, str]  # what stands: content by fact

ABOUT_A_FACT = ("assert", "withdraw", "void")
DECISIONS = ("link", "unlink", "merge", "unmerge")
EXAMPLES = Path(__file__).with_name("law-examples.tsv")


@dataclass(frozen=True, kw_only=True)
class Said:
    """One message, or one decision of the hub, at its step."""

    step: int
    kind: Kind
    record: str | None = None  # none on closings, merges and unmerges
    fact: str | None = None
    content: str | None = None
    occurred: str | None = None
    order: Order | None = None
    message_id: str | None = None
    group: str | None = None  # the version's group, or the group that is withdrawn
    scope: str | None = None  # the return that the row belongs to, or that is closed
    wrong_person: bool = False
    named: frozenset[FactKey] = frozenset()  # the manifest of a closing
    incremental: bool = False
    person: str | None = None  # the number linked or unlinked to; the survivor of a merge
    other: str | None = None  # the number absorbed

    @property
    def key(self) -> FactKey:
        """The fact that this message is about."""
        if self.record is None or self.fact is None:
            raise ValueError(f"{self.kind} at step {self.step} is about no single fact")
        return self.record, self.fact


_NAME = r"[a-z][a-z0-9]*"
_PERSON = r"[A-Z][A-Za-z0-9]*"
_PART = r"(?:\d{4}-\d\d-\d\d|\d+)"
_ORDER = rf"(?P<order>{_PART}(?:\.{_PART})*)"
_ABOUT_A_FACT = re.compile(
    rf"(?:(?P<record>{_NAME})\.)?(?:(?P<fact>{_NAME}):)?(?P<what>[A-Z]|[-x]!?)(?:%(?P<occurred>\d{{4}}(?:-\d\d){{0,2}}))?"
    rf"(?:@{_ORDER})?(?:#(?P<message_id>\w+))?(?:\[(?P<group>{_NAME})\])?(?:\{{(?P<scope>{_NAME})\}})?"
)
_WITHDRAW_GROUP = re.compile(rf"(?:(?P<record>{_NAME})\.)?~(?P<group>{_NAME})(?:@{_ORDER})?(?:#(?P<message_id>\w+))?")
_CLOSE = re.compile(rf"close(?P<incremental>\+)?\{{(?P<scope>{_NAME})\}}@{_ORDER}:(?P<named>[a-z0-9.,]*)")
_LINK = re.compile(rf"(?P<record>{_NAME})>(?P<person>{_PERSON})")
_UNLINK = re.compile(rf"(?P<record>{_NAME})>-(?P<person>{_PERSON})?")
_MERGE = re.compile(rf"(?P<person>{_PERSON})(?P<sign>[+-])(?P<other>{_PERSON})")
_ACTIONS: dict[str, Kind] = {"-": "withdraw", "x": "void"}


def parse(text: str) -> list[Said]:
    """The stream that a line of tokens tells. Raises ValueError with the token that cannot be read."""
    return [parse_token(token, step) for step, token in enumerate(text.split(), start=1)]


def parse_token(token: str, step: int) -> Said:
    """One token as the message of its step. Raises ValueError."""
    if found := _CLOSE.fullmatch(token):
        named = frozenset(_fact_key(name) for name in found["named"].split(",") if name)
        incremental = found["incremental"] is not None
        order = _order(found["order"])
        return Said(step=step, kind="close", scope=found["scope"], order=order, named=named, incremental=incremental)
    if found := _UNLINK.fullmatch(token):
        return Said(step=step, kind="unlink", record=found["record"], person=found["person"])
    if found := _LINK.fullmatch(token):
        return Said(step=step, kind="link", record=found["record"], person=found["person"])
    if found := _MERGE.fullmatch(token):
        kind: Kind = "merge" if found["sign"] == "+" else "unmerge"
        return Said(step=step, kind=kind, person=found["person"], other=found["other"])
    if found := _WITHDRAW_GROUP.fullmatch(token):
        return Said(
            step=step,
            kind="withdraw-group",
            record=found["record"] or "r",
            group=found["group"],
            order=_order(found["order"]),
            message_id=found["message_id"],
        )
    if found := _ABOUT_A_FACT.fullmatch(token):
        return _about_a_fact(found, step)
    raise ValueError(f"token {token!r} at step {step} is not in the notation")


def _about_a_fact(found: re.Match[str], step: int) -> Said:
    what = found["what"]
    is_assertion = what.isupper()
    if not is_assertion and (found["occurred"] or found["group"] or found["scope"]):
        raise ValueError(f"token {found[0]!r} at step {step}: only assertions have an occurred, a group or a scope")
    return Said(
        step=step,
        kind="assert" if is_assertion else _ACTIONS[what[0]],
        record=found["record"] or "r",
        fact=found["fact"] or "f",
        content=what if is_assertion else None,
        occurred=found["occurred"],
        order=_order(found["order"]),
        message_id=found["message_id"],
        group=found["group"],
        scope=found["scope"],
        wrong_person=what.endswith("!"),
    )


def _order(text: str | None) -> Order | None:
    if text is None:
        return None
    return tuple(date.fromisoformat(part) if "-" in part else int(part) for part in text.split("."))


def _fact_key(name: str) -> FactKey:
    record, dot, fact = name.rpartition(".")
    return (record, fact) if dot else ("r", fact)


def render(stream: Iterable[Said]) -> str:
    """The stream as a line of tokens, to be read, pasted and parsed again."""
    return " ".join(_token(said) for said in stream)


def _token(said: Said) -> str:
    if said.kind == "close":
        named = ",".join(fact if record == "r" else f"{record}.{fact}" for record, fact in sorted(said.named))
        return f"close{'+' if said.incremental else ''}{{{said.scope}}}@{_order_text(said)}:{named}"
    if said.kind == "link":
        return f"{said.record}>{said.person}"
    if said.kind == "unlink":
        return f"{said.record}>-{said.person or ''}"
    if said.kind in ("merge", "unmerge"):
        return f"{said.person}{'+' if said.kind == 'merge' else '-'}{said.other}"
    tail = f"@{_order_text(said)}" if said.order is not None else ""
    tail += f"#{said.message_id}" if said.message_id else ""
    if said.kind == "withdraw-group":
        return f"{'' if said.record == 'r' else f'{said.record}.'}~{said.group}{tail}"
    what = said.content if said.kind == "assert" else "-" if said.kind == "withdraw" else "x"
    reason = "!" if said.wrong_person else ""
    occurred = f"%{said.occurred}" if said.occurred else ""
    group = f"[{said.group}]" if said.group else ""
    scope = f"{{{said.scope}}}" if said.scope else ""
    return f"{_about(said)}{what}{reason}{occurred}{tail}{group}{scope}"


def _about(said: Said) -> str:
    if said.record != "r":
        return f"{said.record}.{said.fact}:"
    return "" if said.fact == "f" else f"{said.fact}:"


def _order_text(said: Said) -> str:
    return ".".join(str(part) for part in said.order or ())


def renumbered(stream: Iterable[Said]) -> list[Said]:
    """The same messages in this order of arrival, their steps counted from 1 again."""
    return [replace(said, step=step) for step, said in enumerate(stream, start=1)]


@dataclass(frozen=True)
class Page:
    """What a person's page shows as of a step, asked at the end; no step means now."""

    person: str
    as_of: int | None
    shows: Standing


@dataclass(frozen=True)
class Example:
    """One row of the worked examples; only the field of its kind is filled."""

    kind: str
    law: str
    shows: str
    text: str
    stream: list[Said]
    after_each_step: list[list[Standing]]  # for each step what may stand; more than one where a tie is open
    confirmed: tuple[int, int] | None
    pages: list[Page]

    @property
    def name(self) -> str:
        """What a test of this row is called."""
        return f"{self.law or self.kind}: {self.shows or self.text}"


def examples() -> list[Example]:
    """All worked examples, in the order of the file."""
    lines = [line for line in EXAMPLES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [_example(*line.split("\t")) for line in lines[1:]]


def _example(kind: str, law: str, shows: str, text: str, expected: str) -> Example:
    stream = parse(text)
    steps: list[list[Standing]] = []
    confirmed = None
    pages: list[Page] = []
    if kind == "stands":
        steps = [_may_stand(token, stream[:step]) for step, token in enumerate(expected.split(), start=1)]
    elif kind == "confirmed":
        first, last = expected.split()
        confirmed = int(first), int(last)
    else:
        pages = [_page(page) for page in expected.split(" ; ")]
    return Example(kind, law, shows, text, stream, steps, confirmed, pages)


def _may_stand(token: str, so_far: Sequence[Said]) -> list[Standing]:
    if token != "*":
        return [parse_standing(token)]
    return [{("r", "f"): said.content} for said in so_far if said.kind == "assert" and said.content]


def parse_standing(token: str) -> Standing:
    """What stands, from `.`, `A` or `e=A,s.f=B`."""
    if token == ".":
        return {}
    if "=" not in token:
        return {("r", "f"): token}
    pairs = (part.split("=") for part in token.split(","))
    return {_fact_key(name): content for name, content in pairs}


def _page(text: str) -> Page:
    asked, shows = text.split(" -> ")
    person, _, step = asked.partition("@")
    return Page(person, int(step) if step else None, parse_standing(shows))
