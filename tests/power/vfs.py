"""The ways to the simulated disk: SQLite's files through a VFS, all others through `os.fsync`.

The VFS becomes the default one, so that the product opens its files as ever. It does what SQLite's own does, and tells
the medium of it; only the syncs go no further than the model, which is what makes hundreds of cuts cheap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from tests.power.medium import NOT_KEPT, Kind, Medium, Step

_BASE = "unix"
# Of these, SQLite syncs the folder too at the first sync after it opened them (os_unix.c, UNIXFILE_DIRSYNC).
_FOLDER_TOO = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class PowerVfs(apsw.VFS):
    """SQLite's own VFS, with a medium under one folder while there is one."""

    def __init__(self) -> None:
        self.medium: Medium | None = None
        super().__init__("power", _BASE)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        medium, path = self.medium, _path_of(name)
        if medium is None or path is None or not medium.covers(path):
            return PlainFile(_BASE, name, flags)
        with medium.lock:
            is_new = not path.exists()
            if is_new:
                medium.watch(Step("create", path.name))
            file = PowerFile(medium, path, name, flags)
            medium.opened(path)
            return file

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """A file that is gone is deleted already."""
        medium = self.medium
        if medium is None or not medium.covers(filename):
            if Path(filename).exists():
                super().xDelete(filename, syncdir)
            return
        with medium.lock:
            medium.watch(Step("delete", Path(filename).name))
            if Path(filename).exists():
                super().xDelete(filename, False)
        if syncdir:
            _sync_folder(medium, Path(filename).parent)


class PlainFile(apsw.VFSFile):
    """A file of SQLite as it always is."""

    def xLock(self, level: int) -> None:  # noqa: N802
        """A connection that only reads and is the last to close asks for a lock that the system does not give it.

        SQLite lets that pass, but an IOError would come out as one that nobody could catch; busy says the same.
        """
        try:
            super().xLock(level)
        except apsw.IOError as error:
            raise apsw.BusyError from error


class PowerFile(PlainFile):
    """A file of SQLite on the simulated disk."""

    def __init__(self, medium: Medium, path: Path, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._medium = medium
        self._path = path
        self._syncs_folder = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _FOLDER_TOO)
        super().__init__(_BASE, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        with self._step("write"):
            super().xWrite(data, offset)
            if self._medium.is_on:
                self._medium.wrote(self._path, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        with self._step("truncate"):
            super().xTruncate(newsize)
            if self._medium.is_on:
                self._medium.truncated(self._path, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        medium = self._medium
        if not medium.is_on:
            super().xSync(flags)
            return
        with self._step("sync"):
            changes = medium.begin_sync(self._path)
        with self._step("synced"):
            medium.end_sync(self._path, changes)
        if self._syncs_folder:
            _sync_folder(medium, self._path.parent)
            self._syncs_folder = False

    @contextmanager
    def _step(self, kind: Kind) -> Iterator[None]:
        with self._medium.lock:
            if self._medium.is_on and kind != "synced":
                self._medium.watch(Step(kind, self._path.name))
            yield
            if self._medium.is_on and kind == "synced":
                self._medium.watch(Step(kind, self._path.name))


def _sync_folder(medium: Medium, path: Path) -> None:
    with medium.lock:
        medium.watch(Step("sync-folder", path.name))
        medium.synced_folder(path)


def _path_of(name: str | apsw.URIFilename | None) -> Path | None:
    if name is None:
        return None
    return Path(name.filename() if isinstance(name, apsw.URIFilename) else name)


_vfs: list[PowerVfs] = []  # made once: it must outlive every connection


@contextmanager
def power(
    root: Path, watch: Callable[[Step], None] = lambda step: None, passes_over: tuple[str, ...] = NOT_KEPT
) -> Iterator[Medium]:
    """While it is entered, all that is written below a folder goes through a medium."""
    if not _vfs:
        _vfs.append(PowerVfs())
    (vfs,) = _vfs
    medium = vfs.medium = Medium(root, watch, passes_over)
    apsw.set_default_vfs("power")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", _fsync_through(medium, os.fsync))
            yield medium
    finally:
        apsw.set_default_vfs(_BASE)
        vfs.medium = None
        medium.end()


def _fsync_through(medium: Medium, real: Callable[[int], None]) -> Callable[[int], None]:
    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not medium.covers(path):
            real(descriptor)
            return
        with medium.lock:
            medium.watch(Step("sync-folder" if path.is_dir() else "sync", path.name))
            medium.synced_whole(descriptor)

    return fsync
