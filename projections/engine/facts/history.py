"""One fact's rows in memory, and what they mean by the laws."""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple, cast

from events.order import parse_order
from projections.engine.facts.runs import UNTOLD
from projections.engine.projection import FOREVER
from projections.engine.standing import Item

FactKey = tuple[bytes, str]
_Kind = Literal["assert", "withdraw", "void"]

KEY = ("subject", "sort", "fact", "at")
MOVING = ("current_from", "current_to", "earlier", "is_hidden", "run")


class NewRow(NamedTuple):
    """A row as it is inserted: the table's columns, in their order.

    Most of what is said is the first and only thing said of its fact. It stays what it was read as: making a `Row` of
    it and a tuple of that again was a third of the fold.
    """

    subject: bytes
    sort: str
    fact: str
    at: int
    partition: str
    known_us: int
    kind: str
    current_from: int | None
    current_to: int | None
    earlier: str | None
    is_hidden: int
    run: str | None
    type: str
    title: str | None
    digest: bytes
    order: str | None
    order_from: str
    factgroup: str | None
    returnscope: str | None
    is_wrong_person: int
    day_from: int | None
    day_to: int | None
    time: str | None
    recorded: str | None
    factref: bytes
    event_id: bytes
    findings: str | None
    payload: bytes


@dataclass(slots=True, eq=False)
class Row:
    """A row of a view's entries; from `partition` on, what only a new row knows: empty for a stored one."""

    sort: str
    at: int
    known_us: int
    kind: str
    current_from: int | None
    current_to: int | None
    earlier: str | None
    is_hidden: int
    run: str | None
    type: str
    digest: bytes
    order: str | None
    factgroup: str | None
    returnscope: str | None
    is_wrong_person: int
    day_to: int | None
    factref: bytes
    subject: bytes
    fact: str
    partition: str = ""
    order_from: str = ""
    day_from: int | None = None
    time: str | None = None
    recorded: str | None = None
    event_id: bytes = b""
    findings: str | None = None
    payload: bytes = b""
    title: str | None = None
    is_new: bool = False
    is_changed: bool = False

    def moved(self) -> dict[str, object]:
        """What changes in a stored row, by column, with the key that finds it."""
        moving = {name: getattr(self, name) for name in MOVING}
        return {**moving, **{f"_{name}": getattr(self, name) for name in KEY}}

    def item(self) -> Item:
        return Item(
            self.at,
            self.known_us,
            cast(_Kind, self.kind),
            parse_order(self.order) if self.order is not None else None,
            (self.type, self.digest, f"{self.sort}/{self.day_to}"),
            self.factgroup,
            self.returnscope,
            bool(self.is_wrong_person),
        )

    def note(self, finding: str) -> None:
        """Adds a finding to a row that is not stored yet."""
        self.findings = noted(self.findings, finding)

    def stands_from(self, known_us: int) -> None:
        """Begins an interval in which this version stands."""
        if self.current_from is not None and self.current_to != self.current_from:
            past = json.loads(self.earlier) if self.earlier else []
            self.earlier = json.dumps([*past, [self.current_from, self.current_to]])
        self.current_from, self.current_to, self.is_changed = known_us, FOREVER, True

    def stands_until(self, known_us: int) -> None:
        self.current_to, self.run, self.is_changed = known_us, UNTOLD, True


# What the laws need of a row that is stored already; its payload stays where it is.
LAW_COLUMNS = Row.__slots__[: Row.__slots__.index("partition")]
_of_new = attrgetter(*Row.__slots__[: Row.__slots__.index("is_new")])
_as_new = attrgetter(*NewRow._fields)


def row_of(new: NewRow) -> Row:
    """A row that is not stored yet, to be changed until it is."""
    row = Row(*_of_new(new))
    row.is_new = True
    return row


def new_row(row: Row) -> NewRow:
    """What is stored of a row that is not stored yet."""
    return NewRow._make(_as_new(row))


def noted(findings: str | None, finding: str) -> str:
    """A row's findings with one more."""
    told = json.loads(findings) if findings else []
    return findings if findings and finding in told else json.dumps([*told, finding], ensure_ascii=False)
