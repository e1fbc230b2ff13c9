"""What a projection is: tables, and a fold that brings them up to date with a batch of events."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import Executable, MetaData, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from events.envelope import Logged

Folder = Callable[[Sequence[Logged]], None]
FOREVER = (1 << 63) - 1  # the known time at which what still stands ends


class Projection(Protocol):
    """A view that can be dropped and folded again from the log at any time."""

    name: str
    version: int  # rises when the fold or the tables change: the view is then rebuilt
    metadata: MetaData

    def folder(self, db: sqlite3.Connection) -> Folder:
        """A fold over one connection, inside its open transaction.

        It may keep caches: after a rollback it is thrown away and made again.
        """
        ...


_DIALECT = sqlite.dialect(paramstyle="named")


def sql(statement: Executable) -> str:
    """The SQL text of a SQLAlchemy statement, with its bind parameters as :name, for the driver."""
    return str(statement.compile(dialect=_DIALECT))  # type: ignore[attr-defined]


def table_sql(metadata: MetaData) -> list[str]:
    """The statements that make all its tables and indexes."""
    told: list[ExecutableDDLElement] = []
    for table in metadata.sorted_tables:
        told += [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda index: str(index.name)))]
    return [str(each.compile(dialect=_DIALECT)) for each in told]


def insert_sql(table: Table, *, replace: bool = False) -> str:
    """INSERT of all columns in their order, with ? for each."""
    verb = "INSERT OR REPLACE" if replace else "INSERT"
    return f"{verb} INTO {table.name} VALUES({', '.join('?' * len(table.columns))})"


Rows = Sequence[tuple[Any, ...]]
