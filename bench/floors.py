"""What the figures are held against: the least that plain SQLite needs for a part of the work, written by hand.

The standard library's driver, the same events, no checks, no receipts, no duplicates, no linkage, no past.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import orjson

_KEYED = (
    "CREATE TABLE log(seq INTEGER PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, stream TEXT NOT NULL, "
    "version INTEGER NOT NULL, type TEXT NOT NULL, time TEXT NOT NULL, body BLOB NOT NULL, "
    "UNIQUE(source, id), UNIQUE(stream, version))"
)
_INTO_KEYED = "INSERT INTO log(source, id, stream, version, type, time, body) VALUES(?, ?, ?, ?, ?, ?, ?)"
_BARE = "CREATE TABLE log(seq INTEGER PRIMARY KEY, body BLOB NOT NULL)"
_TIMELINE = (
    "CREATE TABLE timeline(person TEXT NOT NULL, effective TEXT NOT NULL, seq INTEGER NOT NULL, "
    "recorded TEXT NOT NULL, agency TEXT NOT NULL, type TEXT NOT NULL, summary TEXT NOT NULL, "
    "PRIMARY KEY(person, effective, seq)) WITHOUT ROWID"
)
_INTO_TIMELINE = (
    "INSERT INTO timeline(seq, person, effective, recorded, agency, type, summary) VALUES(?, ?, ?, ?, ?, ?, ?)"
)
_BY_TYPE = "CREATE INDEX timeline_by_type ON timeline(agency, type)"
_NEWEST = (
    "SELECT seq, effective, recorded, agency, type, summary FROM timeline WHERE person = ? "
    "ORDER BY effective DESC, seq DESC LIMIT 50"
)
_BATCH = 1_000

Row = tuple[Any, ...]


def append_keyed(folder: Path, rows: Sequence[Row], batch: int) -> float:
    """Seconds to append rows of `keyed_rows` with synchronous=FULL: `append.keyed.FULL.b<batch>`."""
    db = _connect(folder / "keyed.sqlite", "FULL")
    db.execute(_KEYED)
    gc.collect()
    began = time.perf_counter()
    for part in _parts(rows, batch):
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_INTO_KEYED, part)
        db.execute("COMMIT")
    took_s = time.perf_counter() - began
    db.close()
    _remove(folder / "keyed.sqlite")
    return took_s


def keyed_rows(raws: Sequence[bytes]) -> list[Row]:
    """Source, id, stream, version in the stream, type, time and body of each event; made before the clock runs."""
    versions: dict[tuple[str, str], Iterator[int]] = {}
    rows = []
    for raw in raws:
        event = orjson.loads(raw)
        source, subject = event["source"], event["subject"]
        version = next(versions.setdefault((source, subject), count(1)))
        rows.append((source, event["id"], f"{source}/{subject}", version, event["type"], event["time"], raw))
    return rows


class BareLog:
    """A log of nothing but bodies, to rebuild from."""

    def __init__(self, folder: Path, raws: Sequence[bytes]) -> None:
        self._folder = folder
        self._path = folder / "bare.sqlite"
        self._many = len(raws)
        db = _connect(self._path, "FULL")
        db.execute(_BARE)
        for part in _parts([(raw,) for raw in raws], _BATCH):
            db.execute("BEGIN")
            db.executemany("INSERT INTO log(body) VALUES(?)", part)
            db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()

    def rebuild(self, also: Callable[[sqlite3.Connection], object] = lambda db: None) -> float:
        """Seconds of `rebuild.clustered.shadowfile.onetx`: one transaction into a file without journal, then fsync."""
        path = self._folder / "shadow.sqlite"
        log, shadow = _connect(self._path, "FULL"), _connect(path, "NORMAL")
        for name, value in (("journal_mode", "OFF"), ("synchronous", "OFF"), ("cache_size", "-200000")):
            shadow.execute(f"PRAGMA {name} = {value}")
        gc.collect()
        began = time.perf_counter()
        shadow.execute(_TIMELINE)
        shadow.execute("BEGIN")
        shadow.executemany(_INTO_TIMELINE, map(_timeline_row, log.execute("SELECT seq, body FROM log ORDER BY seq")))
        shadow.execute("COMMIT")
        shadow.execute(_BY_TYPE)
        log.close()
        shadow.close()
        _fsync(path)
        took_s = time.perf_counter() - began
        self._use(path, also)
        _remove(path)
        return took_s

    def _use(self, path: Path, also: Callable[[sqlite3.Connection], object]) -> None:
        db = _connect(path, "NORMAL")
        found = db.execute("SELECT count(*) FROM timeline").fetchone()[0]
        if found != self._many:
            raise RuntimeError(f"the floor rebuilt {found} rows of {self._many}")
        also(db)
        db.close()


class ReadFloor:
    """`timeline.clustered.rows`: all of a person in one place, one query a read.

    Rows belong to the persons given beside them, so that it holds of each person what the hub does.
    """

    def __init__(self, folder: Path, raws: Sequence[bytes], persons: Sequence[str]) -> None:
        self._path = folder / "clustered.sqlite"
        self._db = _connect(self._path, "NORMAL")
        self._db.execute(_TIMELINE)
        rows = [_timeline_row((number, raw), 400) for number, raw in enumerate(raws, start=1)]
        rows = [(row[0], person, *row[2:]) for row, person in zip(rows, persons, strict=True)]
        for part in _parts(rows, 5 * _BATCH):
            self._db.execute("BEGIN")
            self._db.executemany(_INTO_TIMELINE, part)
            self._db.execute("COMMIT")

    def newest(self, person: str) -> float:
        """Seconds to read the newest 50 rows of a person, as tuples."""
        began = time.perf_counter()
        self._db.execute(_NEWEST, (person,)).fetchall()
        return time.perf_counter() - began

    def close(self) -> None:
        self._db.close()
        _remove(self._path)


def _timeline_row(numbered: tuple[int, bytes], summary: int = 120) -> Row:
    number, raw = numbered
    event = orjson.loads(raw)
    payload = event["data"]
    effective = payload["effective"]["start"] if "effective" in payload else event["time"]
    note = payload["note"][:summary]
    return number, event["subject"], effective, event["time"], event["source"], event["type"], note


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    return db


def _parts(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    every = iter(rows)
    while part := list(islice(every, size)):
        yield part


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
