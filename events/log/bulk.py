"""Many rows in few statements.

Python's SQLite drivers let go of the interpreter at each step of each statement; beside a busy thread every row would
wait for its turn (96 µs a row were measured in place of 4). So rows go in by the hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

_PARAMETERS_MAX = 2_000  # a statement; beyond that binding costs more than the steps saved


class _Connection(Protocol):
    def execute(self, sql: str, parameters: Any, /) -> Any: ...


@lru_cache(maxsize=512)
def _values(head: str, width: int, rows: int, tail: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{head} {', '.join([row] * rows)}{tail}"


def insert_rows(db: _Connection, head: str, rows: Sequence[Sequence[Any]], tail: str = "") -> None:
    """Inserts rows of equal width. `head` ends before the word VALUES' rows: "INSERT INTO t VALUES"."""
    if not rows:
        return
    width = len(rows[0])
    size = max(1, _PARAMETERS_MAX // width)
    at = 0
    while at < len(rows):
        while size > len(rows) - at:
            size //= 2  # few different sizes, so that statements are prepared once
        part = rows[at : at + size]
        db.execute(_values(head, width, size, tail), tuple(chain.from_iterable(part)))
        at += size


def select_rows(db: _Connection, select: str, keys: Iterable[Sequence[Any]], width: int) -> Iterator[tuple[Any, ...]]:
    """Rows for many keys. `select` reads from `wanted`, whose columns are column1, column2, ... of the keys."""
    wanted = list(keys)
    size = max(1, _PARAMETERS_MAX // width)
    at = 0
    while at < len(wanted):
        while size > len(wanted) - at:
            size //= 2
        head = _values("WITH wanted AS (VALUES", width, size, f") {select}")
        yield from db.execute(head, tuple(chain.from_iterable(wanted[at : at + size])))
        at += size
