"""One fact's rows in memory, and what they mean by the laws."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple, cast

from sqlalchemy import bindparam, select, update

from events.log.bulk import select_rows
from events.order import parse_order
from projections.engine.facts.runs import UNTOLD
from projections.engine.facts.tables import FactTables
from projections.engine.projection import FOREVER, Connection, insert_sql, sql
from projections.engine.standing import Item, Sweep

FactKey = tuple[bytes, str]
_Kind = Literal["assert", "withdraw", "void"]

# What the laws need of a row that is stored already; its payload stays where it is.
LAW_COLUMNS = (
    "sort",
    "at",
    "known_us",
    "kind",
    "current_from",
    "current_to",
    "earlier",
    "is_hidden",
    "run",
    "type",
    "digest",
    "order",
    "factgroup",
    "returnscope",
    "is_wrong_person",
    "day_to",
    "factref",
)


_KEY = ("subject", "sort", "fact", "at")
_MOVING = ("current_from", "current_to", "earlier", "is_hidden", "run")
_CLOSING_COLUMNS = ("at", "known_us", "order", "is_incremental", "low", "high", "tokens")


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
    """A row of a view's entries; the fields that only a new row knows are empty for a stored one."""

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
    subject: bytes = b""
    fact: str = ""
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
        moving = {name: getattr(self, name) for name in _MOVING}
        return {**moving, **{f"_{name}": getattr(self, name) for name in _KEY}}

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

    def join_others(self) -> None:
        """It is not the only thing said of its fact."""
        if self.run is None:
            self.run, self.is_changed = UNTOLD, True

    def stands_from(self, known_us: int) -> None:
        """Begins an interval in which this version stands."""
        if self.current_from is not None and self.current_to != self.current_from:
            past = json.loads(self.earlier) if self.earlier else []
            self.earlier = json.dumps([*past, [self.current_from, self.current_to]])
        self.current_from, self.current_to, self.is_changed = known_us, FOREVER, True

    def stands_until(self, known_us: int) -> None:
        self.current_to, self.run, self.is_changed = known_us, UNTOLD, True


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


@dataclass(frozen=True, slots=True)
class Closing:
    """One part of a closing, deciding about the fact tokens of its range."""

    at: int
    known_us: int
    order: str | None
    is_incremental: int
    low: bytes
    high: bytes | None
    tokens: bytes

    def decides(self, token: bytes) -> bool:
        return self.low <= token and (self.high is None or token < self.high)

    def names(self, token: bytes) -> bool:
        many = len(self.tokens) // 16
        at = bisect_left(range(many), token, key=lambda index: self.tokens[16 * index : 16 * index + 16])
        return at < many and self.tokens[16 * at : 16 * at + 16] == token

    def sweep(self, scope: str, token: bytes) -> Sweep:
        order = parse_order(self.order) if self.order else None
        return Sweep(
            self.at,
            self.known_us,
            order,
            scope=scope,
            is_named=self.names(token),
            is_incremental=bool(self.is_incremental),
        )


def _by_arrival(row: Row) -> int:
    return row.at


class FactStore:
    """Reads and writes one view's tables of facts over one connection."""

    def __init__(self, tables: FactTables) -> None:
        entries, groups, closings, scoped = tables.entries, tables.groups, tables.closings, tables.scoped
        self.insert = f"INSERT INTO {entries.name} VALUES"
        law = ", ".join(f'e."{name}"' for name in LAW_COLUMNS)
        self._law_of_many = (
            f"SELECT {law}, e.subject, e.fact FROM wanted CROSS JOIN {entries.name} e "
            "ON e.subject = wanted.column1 AND e.fact = wanted.column2"
        )
        self.insert_group = insert_sql(groups)
        self.insert_closing = insert_sql(closings)
        self.insert_scoped = f"INSERT OR IGNORE INTO {scoped.name} VALUES"
        self.update = sql(
            update(entries)
            .where(*(entries.c[name] == bindparam(f"_{name}") for name in _KEY))
            .values({name: bindparam(name) for name in _MOVING})
        )
        self._law = sql(
            select(*(entries.c[name] for name in LAW_COLUMNS))
            .where(entries.c.subject == bindparam("subject"), entries.c.fact == bindparam("fact"))
            .order_by(entries.c.at)
        )
        self._facts_of_group = sql(
            select(entries.c.fact)
            .where(entries.c.subject == bindparam("subject"), entries.c.factgroup == bindparam("factgroup"))
            .distinct()
        )
        self._groups = sql(
            select(groups.c.at, groups.c.known_us, groups.c.order, groups.c.is_wrong_person).where(
                groups.c.subject == bindparam("subject"), groups.c.factgroup == bindparam("factgroup")
            )
        )
        self._closings = sql(
            select(*(closings.c[name] for name in _CLOSING_COLUMNS)).where(
                closings.c.source == bindparam("source"), closings.c.scope == bindparam("scope")
            )
        )
        self._facts_of_scope = sql(
            select(scoped.c.subject, scoped.c.fact).where(
                scoped.c.source == bindparam("source"), scoped.c.scope == bindparam("scope")
            )
        )

    def rows_of_fact(self, db: Connection, subject: bytes, fact: str) -> list[Row]:
        """Everything said of a fact, in order of arrival; empty for a fact never heard of."""
        found = db.execute(self._law, {"subject": subject, "fact": fact}).fetchall()
        return [Row(*(*values, subject, fact)) for values in found]

    def rows_of_facts(self, db: Connection, keys: Iterable[FactKey]) -> dict[FactKey, list[Row]]:
        """The same for many facts at once, without those never heard of."""
        found: dict[FactKey, list[Row]] = {}
        for values in select_rows(db, self._law_of_many, keys, 2):
            row = Row(*values)
            found.setdefault((row.subject, row.fact), []).append(row)
        for rows in found.values():
            rows.sort(key=_by_arrival)
        return found

    def facts_of_group(self, db: Connection, subject: bytes, group: str) -> list[FactKey]:
        found = db.execute(self._facts_of_group, {"subject": subject, "factgroup": group})
        return [(subject, fact) for (fact,) in found]

    def facts_of_scope(self, db: Connection, source: str, scope: str) -> list[FactKey]:
        return db.execute(self._facts_of_scope, {"source": source, "scope": scope}).fetchall()

    def sweeps_of_group(self, db: Connection, subject: bytes, group: str) -> list[Sweep]:
        found = db.execute(self._groups, {"subject": subject, "factgroup": group})
        return [
            Sweep(at, known_us, parse_order(order) if order else None, group=group, is_wrong_person=bool(is_wrong))
            for at, known_us, order, is_wrong in found
        ]

    def closings_of_scope(self, db: Connection, source: str, scope: str) -> list[Closing]:
        return [Closing(*values) for values in db.execute(self._closings, {"source": source, "scope": scope})]

    def sweeps_for(self, db: Connection, source: str, rows: Sequence[Row]) -> list[Sweep]:
        """Group withdrawals and closings that may concern a fact."""
        sweeps: list[Sweep] = []
        for group in sorted({row.factgroup for row in rows if row.factgroup}):
            sweeps += self.sweeps_of_group(db, rows[0].subject, group)
        token = rows[0].factref
        for scope in sorted({row.returnscope for row in rows if row.returnscope}):
            sweeps += closing_sweeps(self.closings_of_scope(db, source, scope), scope, token)
        return sweeps


def closing_sweeps(of_scope: Iterable[Closing], scope: str, token: bytes) -> list[Sweep]:
    return [closing.sweep(scope, token) for closing in of_scope if closing.decides(token)]
