"""SQLite files of the home: private, durable when a commit returns, and of a format that this program knows."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from events.errors import TryAgainLater
from events.log.faults import broken_file, code_of, code_of_result, later, not_stored, other_format

_PRIVATE = 0o600
_BUSY_MS = 10_000
_CACHE_KIB = -32_768  # random ids: with 2 MB every look-up read the disk, from half a million rows on
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def open_file(path: Path, stored_format: int, make_tables: Callable[[apsw.Connection], None]) -> apsw.Connection:
    """A connection that writes; a new file gets its tables first.

    Raises WrongSettings `home-newer` or `home-older` where a newer or older program wrote the file, `broken-file` where
    nobody can read it.
    What is deleted is overwritten (secure_delete), from the file's first day: erasure relies on it.
    """
    path.touch(_PRIVATE)  # opens nothing that is there: closed again, it would take SQLite's locks with it
    path.chmod(_PRIVATE)  # SQLite gives its -wal and -shm files the same mode
    db = apsw.Connection(str(path))
    db.set_busy_timeout(_BUSY_MS)
    try:
        with reading_told(path.name):
            db.pragma("page_size", 8192)
            db.pragma("journal_mode", "wal")
            db.pragma("synchronous", "full")
            db.pragma("secure_delete", True)
            db.pragma("temp_store", "memory")  # nothing of what is sorted or made anew in a file elsewhere
            db.pragma("cache_size", _CACHE_KIB)
            db.pragma("wal_autocheckpoint", 2000)
            _prepare(db, path, stored_format, make_tables)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        db.close()
        raise broken_file(path.name) from error
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> apsw.Connection:
    """A connection that only reads."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    db.set_busy_timeout(_BUSY_MS)
    return db


def _prepare(
    db: apsw.Connection, path: Path, stored_format: int, make_tables: Callable[[apsw.Connection], None]
) -> None:
    with db:
        db.execute("CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        found = db.execute("SELECT value FROM meta WHERE name = 'format'").get
        if found is None:
            make_tables(db)
            db.execute("INSERT INTO meta VALUES('format', ?)", (str(stored_format),))
            return
    if found != str(stored_format):
        raise other_format(path.name, found, stored_format)


Telling = Callable[[str, str], TryAgainLater]  # an error of a code and of where


def not_rebuilt(code: str, where: str) -> TryAgainLater:
    """What somebody is told who rebuilds the views."""
    return later(code, "; the live views are as they were", where, "rebuild again")


@contextmanager
def faults_told(where: str, telling: Telling = not_stored) -> Iterator[None]:
    """Faults of the disk while something is stored come out as TryAgainLater."""
    try:
        yield
    except Exception as error:
        told = translated(error, where, telling)
        if told is error:
            raise
        raise told from error


@contextmanager
def reading_told(where: str) -> Iterator[None]:
    """Faults of the disk while a home is opened or read come out as TryAgainLater.

    Anything else comes out as it is, a file that may not be read among it.
    """
    try:
        yield
    except Exception as error:
        told = of_reading(error, where)
        if told is error:
            raise
        raise told from error


def translated(error: Exception, where: str, telling: Telling = not_stored) -> Exception:
    """A fault of the disk as TryAgainLater `disk-full`, `disk-error` or `file-locked`; anything else as it is."""
    code = _code_of(error) or ("disk-error" if isinstance(error, OSError) else None)
    return telling(code, where) if code else error


def of_reading(error: Exception, where: str) -> Exception:
    """The same for what only opens or reads; of the system's errors those alone that come of a full disk."""
    code = _code_of(getattr(error, "orig", error))  # what SQLAlchemy wraps
    if code is None:
        return error
    return later(code, ", and even reading needs a little room" if code == "disk-full" else "", where, "ask again")


def _code_of(error: object) -> str | None:
    """The code of an error that the disk is to blame for, by whichever module SQLite was asked."""
    if isinstance(error, OSError):
        return "disk-full" if error.errno in _NO_ROOM else None
    if isinstance(error, apsw.Error):
        return code_of(error)
    if isinstance(error, sqlite3.Error):
        return code_of_result(getattr(error, "sqlite_errorcode", 0))
    return None


def truncate(path: Path) -> None:
    """Cuts the write-ahead log of a file off, in which what was overwritten still stands.

    Waits for whoever reads. Raises TryAgainLater `file-locked` where somebody reads for too long.
    """
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with faults_told(path.name):
            db.set_busy_timeout(_BUSY_MS)
            db.pragma("journal_mode")  # a connection that has not looked at the file yet takes it for one without
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        db.close()
