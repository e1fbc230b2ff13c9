"""The file that the views live in: one writer, snapshots for readers, generations for rebuilding beside.

A rebuilt generation is a file of its own; the swap is one atomic rename of the pointer that names it. Views can be
folded again at any time, so the file needs no fsync of its own (synchronous=NORMAL).
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text

from projections.engine.projection import Projection, table_sql

_POINTER = "views.current"
_PAGE_BYTES = 8_192  # a row of 1 KB in a page of 4 KB spills: the file was a third larger
_metadata = MetaData()

checkpoints = Table(
    "checkpoints",
    _metadata,
    Column("projection", Text, primary_key=True),
    Column("partition", Text, primary_key=True),
    Column("next", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch", Text, nullable=False),
    sqlite_with_rowid=False,
)
lanes = Table(
    "lanes",  # records whose fold halted in a projection
    _metadata,
    Column("projection", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True),
    Column("at", Integer, nullable=False),  # the event that it halted at
    Column("since_us", Integer, nullable=False),
    Column("code", Text, nullable=False),
    sqlite_with_rowid=False,
)
waiting = Table(
    "lanes_waiting",  # later events of a halted record
    _metadata,
    Column("projection", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True),
    Column("at", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

refused = Table(
    "refused",  # rows of the log that may not count: no key, another's key, broken
    _metadata,
    Column("partition", Text, primary_key=True),
    Column("at", Integer, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("key_id", LargeBinary, nullable=False),
    Column("code", Text, nullable=False),
    sqlite_with_rowid=False,
)


class ViewStore:
    """The current generation of the views of a home."""

    def __init__(self, folder: Path, projections: Sequence[Projection]) -> None:
        self._folder = folder
        self._projections = tuple(projections)
        self._pointer = folder / _POINTER
        self._local = threading.local()
        name = self._pointer.read_text("utf-8").strip() if self._pointer.exists() else ""
        if not name or not _is_whole(folder / name):
            name = self._new_name()
            self.create(folder / name)
            self._point(name)
        self._name = name
        self._remove_others()

    @property
    def path(self) -> Path:
        return self._folder / self._name

    def create(self, path: Path) -> None:
        """Makes a file with the tables of all projections."""
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(path, isolation_level=None)
        db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        db.execute("BEGIN")
        for metadata in (_metadata, *(projection.metadata for projection in self._projections)):
            for statement in table_sql(metadata):
                db.execute(statement)
        db.execute("COMMIT")
        db.close()

    def copy(self, path: Path, without: str = "") -> None:
        """Copies all views, or all but one, as one moment of the current generation has them, into a file just made."""
        db = sqlite3.connect(path, isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF"):
            db.execute(f"PRAGMA {setting}")
        db.execute("ATTACH ? AS live", (str(self.path),))
        db.execute("BEGIN")
        for projection in self._projections:
            for table in projection.metadata.tables if projection.name != without else ():
                db.execute(f"INSERT INTO main.{table} SELECT * FROM live.{table}")
        for kept in ("checkpoints", "lanes", "lanes_waiting"):
            db.execute(f"INSERT INTO main.{kept} SELECT * FROM live.{kept} WHERE projection <> ?", (without,))
        db.execute("INSERT INTO main.refused SELECT * FROM live.refused")
        db.execute("COMMIT")
        db.close()

    def new_generation(self) -> Path:
        """Where a rebuild may write; nothing reads it before the swap."""
        return self._folder / self._new_name()

    def swap(self, path: Path) -> None:
        """Makes a finished generation the current one; the old one goes, and no power cut brings it back.

        What was erased from the new one may stand in it.
        """
        old = self.path
        self._point(path.name)
        self._name = path.name
        remove_generation(old)
        _sync_folder(self._folder)

    def writer(self, path: Path | None = None) -> sqlite3.Connection:
        """A connection for the one thread that folds."""
        db = connect(path or self.path)
        db.execute("PRAGMA cache_size = -65536")
        db.execute("PRAGMA wal_autocheckpoint = 4000")
        return db

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """All reads inside see one state of all views. Not to be nested in one thread."""
        db = self._reader()
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("COMMIT")

    def _reader(self) -> sqlite3.Connection:
        held: tuple[str, sqlite3.Connection] | None = getattr(self._local, "reader", None)
        if held is not None and held[0] == self._name:
            return held[1]
        if held is not None:
            held[1].close()
        while True:
            name = self._name
            try:
                db = _open_to_read(self._folder / name)
            except sqlite3.OperationalError:
                if name == self._name:
                    raise
                continue  # swapped away between the name and the file
            self._local.reader = (name, db)
            return db

    def _new_name(self) -> str:
        return f"views-{secrets.token_hex(4)}.sqlite"

    def _point(self, name: str) -> None:
        draft = self._pointer.with_suffix(".draft")
        descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._pointer)

    def _remove_others(self) -> None:
        """What a killed rebuild or swap left behind."""
        for path in self._folder.glob("views-*.sqlite"):
            if path.name != self._name:
                remove_generation(path)


def forget_views(folder: Path) -> None:
    """Whoever opens the views of a home next begins them anew; durable. What they held is not to be shown any more."""
    (folder / _POINTER).unlink(missing_ok=True)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def connect(path: Path) -> sqlite3.Connection:
    # Kept to one thread by its users; closed from another when a generation is swapped.
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten, as far as SQLite still knows where it is
    return db


def connect_shadow(path: Path) -> apsw.Connection:
    """A connection to a generation that nothing else opens until it is whole."""
    db = apsw.Connection(str(path))
    # No syncs until it is whole. A journal it needs, for batches with an event that halts.
    for setting in ("journal_mode = MEMORY", "synchronous = OFF", "temp_store = MEMORY", "cache_size = -262144"):
        db.execute(f"PRAGMA {setting}")
    return db


def _open_to_read(path: Path) -> sqlite3.Connection:
    """A reader of a file that is there; it makes none."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=10
    )
    db.execute("PRAGMA query_only = 1")
    db.execute("PRAGMA mmap_size = 268435456")
    return db


def _is_whole(path: Path) -> bool:
    """False for a file of views that is not there, of an older program, or unreadable after a power cut."""
    if not path.exists():
        return False
    db = connect(path)
    try:
        for table in _metadata.tables:
            db.execute(f"SELECT count(*) FROM {table}").fetchone()
    except sqlite3.DatabaseError:
        return False
    finally:
        db.close()
    return True


def remove_generation(path: Path) -> None:
    """Deletes a file of views with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
