"""Looking for marks in all that a home left behind: every byte of every file, and every row of every table.

Files are read as bytes, with what SQLite keeps in freed pages and beside the file. A word may be cut in two by a page's
end there, or packed by an index, so tables are read row by row too, by whatever module opens them.
"""

from __future__ import annotations

import functools
import multiprocessing
import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.traces.spellings import Marks

_SQLITE = b"SQLite format 3\0"


class Trace(NamedTuple):
    """Where a mark was found."""

    place: str  # a file, or `file: table.column`
    mark: str
    spelling: str


def traces(marks: Marks, *folders: Path) -> list[Trace]:
    """All places in these folders where a mark stands, names of files among them."""
    return [
        Trace(place, *found)
        for folder in folders
        for place, content in contents(folder)
        for found in sorted(marks.found_in(content))
    ]


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All that lies in a folder: names and bytes of files, and the columns of tables, each with its place.

    Another process reads it: whoever closes a file takes away all locks that their own process has on it, and a hub
    that runs in this one would go on without SQLite's.
    """
    yield from _reader().submit(_all_of, folder).result()


@functools.cache
def _reader() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _all_of(folder: Path) -> list[tuple[str, bytes]]:
    return [found for path in sorted(folder.rglob("*")) for found in _contents(path, folder)]


def _contents(path: Path, folder: Path) -> Iterator[tuple[str, bytes]]:
    name = str(path.relative_to(folder))
    yield name, name.encode("utf-8", "surrogateescape")
    if not path.is_file():
        return
    content = path.read_bytes()
    yield name, content
    if content.startswith(_SQLITE):
        for place, value in _dump(path):
            yield f"{name}: {place}", value


def _dump(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table and view of a database, and its schema, as `table.column` and bytes.

    Values of one column are put together, with a zero between them: few long texts are searched faster than many.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.text_factory = bytes
        schema = db.execute("SELECT type, CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_schema").fetchall()
        yield "schema", b"\0".join(sql or b"" for _, _, sql in schema)
        for kind, name, sql in schema:
            if kind in (b"table", b"view"):
                yield from _columns(db, name.decode())
                yield from _vocabulary(db, name.decode(), sql or b"")


def _columns(db: sqlite3.Connection, table: str) -> Iterator[tuple[str, bytes]]:
    rows = db.execute(f'SELECT * FROM "{table}"')
    names = [each[0] for each in rows.description]
    columns: list[list[bytes]] = [[] for _ in names]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(_bytes(value))
    for name, column in zip(names, columns, strict=True):
        yield f"{table}.{name}", b"\0\n".join(column)


def _vocabulary(db: sqlite3.Connection, table: str, sql: bytes) -> Iterator[tuple[str, bytes]]:
    """The words of a full-text index: its own tables hold them packed."""
    if b"using fts5" in sql.lower():
        db.execute(f"CREATE VIRTUAL TABLE temp.words_of USING fts5vocab(main, '{table}', 'row')")
        yield f"{table} (words)", b"\0\n".join(_bytes(term) for (term,) in db.execute("SELECT term FROM words_of"))
        db.execute("DROP TABLE temp.words_of")


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode()


def places(found: Iterable[Trace]) -> set[str]:
    """Where something was found, file by file."""
    return {each.place.partition(":")[0] for each in found}
