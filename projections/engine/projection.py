"""What a projection is: tables, and a fold that brings them up to date with a batch of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Executable, MetaData, Select, Table, bindparam, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from events.envelope import Logged

FOREVER = (1 << 63) - 1  # the known time at which what still stands ends


class Found(Protocol):
    """What a statement found, row by row."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection to a file of views, of either driver.

    The live file is read and written through `sqlite3`; a shadow, which nobody else opens, through `apsw`, whose own
    SQLite takes rows in at twice the rate. One file is never open in both: neither knows of the other's locks.
    """

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Found: ...

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Found: ...

    def close(self) -> None: ...


class Gone(NamedTuple):
    """What of a record is gone for good from a position of the log on.

    With neither a class nor offsets nor a fact it is the whole record.
    """

    subject: bytes
    at: int  # the offset of the event that says so
    retention: str | None = None  # only what is of this retention class
    offsets: frozenset[int] = frozenset()  # only what stands at these offsets
    key_ids: frozenset[bytes] = frozenset()
    fact: bytes | None = None  # only the third persons whom the fact of this token names: read again, it names them not
    was_halted: bool = False  # not all of the record was folded so far, and what is gone may be why

    @property
    def is_whole(self) -> bool:
        return self.retention is None and not self.offsets and self.fact is None


class Folder(Protocol):
    """A fold over one connection, inside its open transaction."""

    def batch(self, batch: Sequence[Logged]) -> None:
        """Brings the tables up to date with events."""
        ...

    def purge(self, gone: Gone) -> Sequence[int]:
        """Leaves the tables as if what is gone had never been folded, but for what has to be folded again.

        That is told by its offsets, in any order: it is of the same record, and nothing of it is left in the tables.
        """
        ...

    def refold(self, subject: bytes, rows: Sequence[Logged]) -> None:
        """Folds what remains of a record, as it would have been folded when it came."""
        ...


class Projection(Protocol):
    """A view that can be dropped and folded again from the log at any time."""

    name: str
    version: int  # rises when the fold or the tables change: the view is then rebuilt
    metadata: MetaData

    def folder(self, db: Connection) -> Folder:
        """It may keep caches: after a rollback it is thrown away and made again."""
        ...


_DIALECT = sqlite.dialect(paramstyle="named")


def sql(statement: Executable) -> str:
    """The SQL text of a SQLAlchemy statement, with its bind parameters as :name, for the driver."""
    return str(statement.compile(dialect=_DIALECT))  # type: ignore[attr-defined]


@cache
def table_sql(metadata: MetaData) -> tuple[str, ...]:
    """The statements that make all its tables and indexes."""
    told: list[ExecutableDDLElement] = []
    for table in metadata.sorted_tables:
        told += [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda index: str(index.name)))]
    return tuple(str(each.compile(dialect=_DIALECT)) for each in told)


def insert_sql(table: Table, *, replace: bool = False) -> str:
    """INSERT of all columns in their order, with ? for each."""
    verb = "INSERT OR REPLACE" if replace else "INSERT"
    return f"{verb} INTO {table.name} VALUES({', '.join('?' * len(table.columns))})"


def select_by(table: Table, columns: Iterable[str], *known: str) -> Select[Any]:
    """SELECT of some columns, by the values of others: :name for each of these."""
    return select(*(table.c[name] for name in columns)).where(*(table.c[name] == bindparam(name) for name in known))
