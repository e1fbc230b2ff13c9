"""What a disk would hold after the power went: a model beside the real files, fed by whoever writes them.

The files themselves lie in an ordinary folder and are what the running program sees. Beside them the model keeps, for
every file, what was synced and each write since, and for every folder, which names were synced and which stand there
now. An `Image` is that state at one moment; `Image.restore` draws one of the disks that it allows. Files are told apart
by their inode, which a descriptor keeps from being given out again, so that a renamed or deleted file stays itself.
"""

from __future__ import annotations

import os
import random
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

SECTOR_BYTES = 512  # what a disk writes whole or not at all
_BLOCK_BYTES = 4_096
_DATABASE = (".sqlite", ".sqlite-wal", ".sqlite-journal")
# Views are folded again at any time, and are written through another SQLite; locks and shared memory mean nothing
# after a start.
NOT_KEPT = ("views", "-shm", ".lock")

Kind = Literal["create", "write", "truncate", "sync", "synced", "delete", "sync-folder"]
Manner = Literal["lost", "kept", "in-order", "prefixes", "any", "sectors"]
MANNERS: tuple[Manner, ...] = ("lost", "kept", "in-order", "prefixes", "any", "sectors")


class Step(NamedTuple):
    """Something that is about to reach the disk, or that just did; `name` is the file's."""

    kind: Kind
    name: str


class Write(NamedTuple):
    turn: int  # over all files, in the order of time
    at: int
    data: bytes

    def sectors(self) -> Iterator[Write]:
        """Its parts that a disk may keep one without the other."""
        begin = self.at
        while begin < self.at + len(self.data):
            end = min((begin // SECTOR_BYTES + 1) * SECTOR_BYTES, self.at + len(self.data))
            yield Write(self.turn, begin, self.data[begin - self.at : end - self.at])
            begin = end


class Truncate(NamedTuple):
    turn: int
    size: int


Change = Write | Truncate


@dataclass(eq=False)
class File:
    """One inode. Of a database, each write is known; of another file, what it held when it was last synced."""

    held: int  # a descriptor that only keeps the inode
    is_database: bool
    durable: bytes = b""
    changes: list[Change] = field(default_factory=list)
    synced: int = 0  # how many of the changes are durable
    stamp: tuple[int, int] | None = None  # size and time of change when it was last synced

    def pending(self, turn: int) -> list[Change]:
        """What is not durable yet."""
        if self.is_database:
            return self.changes[self.synced :]
        now = os.fstat(self.held)
        if (now.st_size, now.st_mtime_ns) == self.stamp:
            return []
        content = Path(f"/proc/self/fd/{self.held}").read_bytes()
        blocks = range(0, len(content), _BLOCK_BYTES)
        differ = [at for at in blocks if content[at : at + _BLOCK_BYTES] != self.durable[at : at + _BLOCK_BYTES]]
        writes: list[Change] = [Write(turn, at, content[at : at + _BLOCK_BYTES]) for at in differ]
        return writes + ([Truncate(turn, len(content))] if len(content) < len(self.durable) else [])


class Frozen(NamedTuple):
    """A file at a moment: what is durable, as it was at first and changed since, and what is not."""

    first: bytes
    done: Sequence[Change]
    pending: Sequence[Change]


class Folder(NamedTuple):
    """Names of a folder with their inodes: as they were synced, and as they stand."""

    durable: dict[str, int]
    current: dict[str, int]

    def changes(self) -> list[set[str]]:
        """What differs, name by name; a renamed file's old and new name change together or not at all."""
        names = self.durable.keys() | self.current.keys()
        groups = [{name} for name in sorted(names) if self.durable.get(name) != self.current.get(name)]
        for inode in set(self.durable.values()) & set(self.current.values()):
            moved = {name for name, at in (*self.durable.items(), *self.current.items()) if at == inode}
            touched = [group for group in groups if group & moved]
            if len(touched) > 1:
                groups = [group for group in groups if not group & moved] + [set[str]().union(*touched)]
        return groups


class Image(NamedTuple):
    """All that may be found after a cut at one moment."""

    folders: dict[int, Folder]
    files: dict[int, Frozen]
    root: int

    def restore(self, target: Path, rng: random.Random, manner: Manner) -> None:
        """Writes one of the disks that the moment allows into a new folder."""
        turns = [change.turn for file in self.files.values() for change in file.pending]
        last = rng.randint(min(turns), max(turns)) if turns else 0
        self._restore_folder(self.root, target, rng, manner, last)

    def _restore_folder(self, inode: int, target: Path, rng: random.Random, manner: Manner, last: int) -> None:
        target.mkdir(mode=0o700)
        folder = self.folders[inode]
        names = dict(folder.durable)
        for group in folder.changes():
            if _is_kept(rng, manner):
                for name in group:
                    names.pop(name, None)
                names.update((name, folder.current[name]) for name in group if name in folder.current)
        for name, at in names.items():
            if at in self.folders:
                self._restore_folder(at, target / name, rng, manner, last)
            else:
                content = content_of(self.files[at], rng, manner, last)
                (target / name).write_bytes(content)
                (target / name).chmod(0o600)


def content_of(file: Frozen, rng: random.Random, manner: Manner, last: int) -> bytes:
    """What a file may hold after the cut. `last` is the last turn that `in-order` keeps."""
    content = bytearray(file.first)
    for change in (*file.done, *_surviving(file.pending, rng, manner, last)):
        if isinstance(change, Truncate):
            del content[change.size :]
            content.extend(bytes(change.size - len(content)))
        else:
            content.extend(bytes(max(0, change.at - len(content))))
            content[change.at : change.at + len(change.data)] = change.data
    return bytes(content)


def _surviving(pending: Sequence[Change], rng: random.Random, manner: Manner, last: int) -> Iterator[Change]:
    if manner == "in-order":
        yield from (change for change in pending if change.turn <= last)
    elif manner == "prefixes":
        whole = rng.randint(0, len(pending))
        yield from pending[:whole]
        torn = pending[whole] if whole < len(pending) else None
        if isinstance(torn, Write):
            sectors = list(torn.sectors())
            yield from sectors[: rng.randint(0, len(sectors))]
    elif manner == "sectors":
        for change in pending:
            parts = change.sectors() if isinstance(change, Write) else (change,)
            yield from (part for part in parts if rng.random() < 0.5)
    else:
        yield from (change for change in pending if _is_kept(rng, manner))


def _is_kept(rng: random.Random, manner: Manner) -> bool:
    return manner == "kept" or (manner != "lost" and rng.random() < 0.5)


class Medium:
    """The disk under a folder, for as long as somebody tells it what is written there."""

    def __init__(
        self, root: Path, watch: Callable[[Step], None] = lambda step: None, passes_over: tuple[str, ...] = NOT_KEPT
    ) -> None:
        """What lies there already is durable. `watch` is told of each step, under the lock, before and after it."""
        self.root = root.resolve()
        self._passes_over = passes_over
        self.lock = threading.RLock()
        self.watch = watch
        self.is_on = True
        self._turn = 0
        self._files: dict[int, File] = {}
        self._folders: dict[int, dict[str, int]] = {}  # names that are durable
        self._root = self._adopt(self.root)

    def covers(self, path: str | Path) -> bool:
        """Whether it is a file or folder of this disk that a start reads."""
        path = Path(path)
        return self.is_on and path.is_relative_to(self.root) and not self._is_not_kept(path.name)

    def _is_not_kept(self, name: str) -> bool:
        return name.startswith(self._passes_over) or name.endswith(self._passes_over)

    def end(self) -> None:
        """The real folder goes on alone."""
        with self.lock:
            self.is_on = False
            for file in self._files.values():
                os.close(file.held)
            self._files.clear()

    def image(self) -> Image:
        """The disk at this moment."""
        with self.lock:
            folders = self._scan(self.root)
            files = {at: self._freeze(file) for at, file in self._files.items()}
            return Image(folders, files, self._root)

    def _freeze(self, file: File) -> Frozen:
        return Frozen(file.durable, file.changes[: file.synced], file.pending(self._turn))

    # ---- what is told

    def opened(self, path: Path) -> None:
        """A database file is open; what something else than SQLite has put there is not durable."""
        inode = path.stat().st_ino
        if inode not in self._files:
            file = self._keep(path, inode)
            if content := path.read_bytes():
                file.changes.append(Write(self._turn, 0, content))

    def wrote(self, path: Path, at: int, data: bytes) -> None:
        self._turn += 1
        self._file(path).changes.append(Write(self._turn, at, data))

    def truncated(self, path: Path, size: int) -> None:
        self._turn += 1
        self._file(path).changes.append(Truncate(self._turn, size))

    def begin_sync(self, path: Path) -> int:
        """How many changes a sync that begins now makes durable."""
        return len(self._file(path).changes)

    def end_sync(self, path: Path, changes: int) -> None:
        file = self._file(path)
        file.synced = max(file.synced, changes)

    def synced_whole(self, descriptor: int) -> None:
        """A file that is no database was synced as it is now."""
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self.synced_folder(Path(f"/proc/self/fd/{descriptor}").readlink())
            return
        file = self._files.get(status.st_ino) or self._keep(Path(f"/proc/self/fd/{descriptor}"), status.st_ino)
        if file.is_database:
            file.synced = len(file.changes)
            return
        file.durable = Path(f"/proc/self/fd/{file.held}").read_bytes()
        file.stamp = (status.st_size, status.st_mtime_ns)

    def synced_folder(self, path: Path) -> None:
        """The names in a folder are durable as they stand; what is in the files need not be."""
        with self.lock:
            self._folders[path.stat().st_ino] = self._names(path)

    # ---- what lies there

    def _file(self, path: Path) -> File:
        inode = path.stat().st_ino
        return self._files.get(inode) or self._keep(path, inode)

    def _keep(self, path: Path, inode: int) -> File:
        """A file that is new, or that something without a model made: nothing of it is durable."""
        held = os.open(path, os.O_PATH)
        is_database = path.name.endswith(_DATABASE)
        file = self._files[inode] = File(held, is_database)
        return file

    def _adopt(self, path: Path) -> int:
        """Everything below is durable as it lies there."""
        for each in sorted(path.iterdir()):
            if each.is_dir():
                self._adopt(each)
            elif not self._is_not_kept(each.name) and each.is_file():
                status = each.stat()
                file = self._keep(each, status.st_ino)
                file.durable, file.stamp = each.read_bytes(), (status.st_size, status.st_mtime_ns)
        inode = path.stat().st_ino
        self._folders[inode] = self._names(path)
        return inode

    def _names(self, path: Path) -> dict[str, int]:
        """Names in a folder with their inodes; each is kept from being given out again."""
        names: dict[str, int] = {}
        for each in sorted(path.iterdir()):
            try:
                status = each.lstat()
                if (
                    not self._is_not_kept(each.name)
                    and stat.S_ISREG(status.st_mode)
                    and status.st_ino not in self._files
                ):
                    self._keep(each, status.st_ino)
            except FileNotFoundError:
                continue  # gone between the listing and the look
            if not self._is_not_kept(each.name) and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                names[each.name] = status.st_ino
        return names

    def _scan(self, path: Path) -> dict[int, Folder]:
        inode = path.stat().st_ino
        current = self._names(path)
        folders = {inode: Folder(dict(self._folders.get(inode, {})), current)}
        for name in current:
            if (path / name).is_dir():
                folders |= self._scan(path / name)
        return folders
