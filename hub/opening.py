"""Whether this process may use a home's files, and how it is told where it may not."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from events.errors import WrongSettings

_WRITTEN = ("home.lock", "kms.key", "*.sqlite", "*.sqlite-wal", "*.sqlite-shm", "receipts")
_ONLY_READ = ("agencies.toml", "token-key.pem", "views.current")  # the last is replaced, never written
_PRIMARY = 0xFF  # of a result code of SQLite
_NO_ACCESS = (sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def check_access(home: Path) -> None:
    """Raises WrongSettings `read-only-disk` or `file-permissions` where this user cannot use a file that is there.

    SQLite opens a file that may not be written all the same, and would fail only at its first row.
    """
    if not home.is_dir():
        return
    if not _may(home, os.R_OK | os.W_OK | os.X_OK):
        raise _closed(home)
    for names, mode in ((_WRITTEN, os.R_OK | os.W_OK), (_ONLY_READ, os.R_OK)):
        for path in (path for name in names for path in sorted(home.glob(name))):
            if not _may(path, mode | (os.X_OK if path.is_dir() else 0)):
                raise _closed(path)


@contextmanager
def access_told(folder: Path) -> Iterator[None]:
    """What the system does not allow in a home or a copy of one comes out as WrongSettings.

    That is `read-only-disk`, `file-permissions` or `not-a-folder`; anything else comes out as it is.
    """
    try:
        yield
    except OSError as error:
        told = _of_system(error, folder)
        if told is None:
            raise
        raise told from error
    except Exception as error:
        if _result_of(error) & _PRIMARY in _NO_ACCESS:
            check_access(folder)
        raise


def _of_system(error: OSError, folder: Path) -> WrongSettings | None:
    where = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes, os.PathLike)) else folder
    if error.errno == errno.EROFS:
        return _read_only(folder)
    if error.errno in (errno.EACCES, errno.EPERM):
        return _not_allowed(where)
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and where == folder:
        return WrongSettings(
            "not-a-folder", "a file stands where a folder should be", where=str(folder), next_step="Name another one."
        )
    return None


def _result_of(error: Exception) -> int:
    """SQLite's result code, by whichever module it was asked; 0 of anything else."""
    result: int = getattr(error, "extendedresult", 0) or getattr(error, "sqlite_errorcode", 0)
    return result


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=True)


def _closed(path: Path) -> WrongSettings:
    return _read_only(path) if os.statvfs(path).f_flag & os.ST_RDONLY else _not_allowed(path)


def _read_only(path: Path) -> WrongSettings:
    return WrongSettings(
        "read-only-disk",
        "the disk is mounted read-only, and whoever opens a home writes in it, also to read",
        where=str(path),
        next_step="Mount it so that it can be written, or copy the home to a disk that can.",
    )


def _not_allowed(path: Path) -> WrongSettings:
    return WrongSettings(
        "file-permissions",
        "this user may not read and write it",
        where=str(path),
        next_step="Run as the user that owns the home; all that is in it should be that user's alone "
        "(chmod 700 folders and 600 files).",
    )
