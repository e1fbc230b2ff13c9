"""Reads one view's facts from its tables, and knows the statements that write them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import bindparam, update

from events.log.bulk import select_rows
from events.order import parse_order
from projections.engine.facts.history import KEY, LAW_COLUMNS, MOVING, FactKey, Row
from projections.engine.facts.tables import FactTables
from projections.engine.projection import Connection, insert_sql, select_by, sql
from projections.engine.standing import Sweep

GROUP_TYPE = "record.retracted"  # of an event that withdraws a group
_BY_ARRIVAL = attrgetter("at")


class Closing(NamedTuple):
    """One part of a closing, deciding about the fact tokens of its range: columns of its table."""

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


class FactStore:
    """One view's tables of facts, over whichever connection."""

    def __init__(self, tables: FactTables) -> None:
        entries, groups, closings, scoped = tables.entries, tables.groups, tables.closings, tables.scoped
        self.insert = f"INSERT INTO {entries.name} VALUES"
        self.insert_group = insert_sql(groups)
        self.insert_closing = insert_sql(closings)
        self.insert_scoped = f"INSERT OR IGNORE INTO {scoped.name} VALUES"
        self.update = sql(
            update(entries)
            .where(*(entries.c[name] == bindparam(f"_{name}") for name in KEY))
            .values({name: bindparam(name) for name in MOVING})
        )
        # A withdrawal of a group is stored without its type, which is always the same.
        withdrawn = f"SELECT at, '{GROUP_TYPE}' FROM {groups.name} WHERE subject = ?"
        self._said = (f"SELECT at, type FROM {entries.name} WHERE subject = ?", withdrawn)
        self._is_said = f"SELECT 1 FROM {entries.name} WHERE subject = ? AND factref = ? LIMIT 1"
        self._forget = tuple(f"DELETE FROM {table.name} WHERE subject = ?" for table in (entries, groups, scoped))
        law = ", ".join(f'e."{name}"' for name in LAW_COLUMNS)
        self._law_of_many = (
            f"SELECT {law} FROM wanted CROSS JOIN {entries.name} e "
            "ON e.subject = wanted.column1 AND e.fact = wanted.column2"
        )
        self._law = sql(select_by(entries, LAW_COLUMNS, "subject", "fact").order_by(entries.c.at))
        self._facts_of_group = sql(select_by(entries, ("fact",), "subject", "factgroup").distinct())
        self._groups = sql(select_by(groups, ("at", "known_us", "order", "is_wrong_person"), "subject", "factgroup"))
        self._closings = sql(select_by(closings, Closing._fields, "source", "scope"))
        self._facts_of_scope = sql(select_by(scoped, ("subject", "fact"), "source", "scope"))

    def said_of(self, db: Connection, subject: bytes) -> list[tuple[int, str]]:
        """Everything said of a record, group withdrawals too: offset and type."""
        return [each for said in self._said for each in db.execute(said, (subject,))]

    def is_said(self, db: Connection, subject: bytes, token: bytes) -> bool:
        """Whether anything is said of a fact of this token."""
        return db.execute(self._is_said, (subject, token)).fetchone() is not None

    def take_out(self, db: Connection, subject: bytes) -> None:
        """Leaves nothing of a record in the tables."""
        for forget in self._forget:
            db.execute(forget, (subject,))

    def rows_of_fact(self, db: Connection, subject: bytes, fact: str) -> list[Row]:
        """Everything said of a fact, in order of arrival; empty for a fact never heard of."""
        return [Row(*values) for values in db.execute(self._law, {"subject": subject, "fact": fact})]

    def rows_of_facts(self, db: Connection, keys: Iterable[FactKey]) -> dict[FactKey, list[Row]]:
        """The same for many facts at once, without those never heard of."""
        found: dict[FactKey, list[Row]] = {}
        for values in select_rows(db, self._law_of_many, keys, 2):
            row = Row(*values)
            found.setdefault((row.subject, row.fact), []).append(row)
        for rows in found.values():
            rows.sort(key=_BY_ARRIVAL)
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
