"""Which event ids the log already holds, as a projection of the log: 63 bits of the id lead to the offset.

Random B-tree pages are what makes unique text indexes slow; these are 16 bytes a row, inserted sorted and in bulk.
A hit is always checked against the whole id in the log. The file may be lost at any time: it is caught up from the
log before the writer accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import apsw

from events.log.bulk import insert_rows, select_rows

_FLUSH_AT = 20_000
_WAIT_AT = 100_000  # so many more while the disk is still busy with the ones before: memory is bounded
_MASK = (1 << 63) - 1
_FETCH = "SELECT key, at FROM seen WHERE key IN wanted"


class Seen:
    """Keys of event ids with their offsets, for the one thread that writes the log.

    What was noted is written beside that thread: 20,000 keys touch most pages of the file, and from 300,000 events on
    nobody should wait so long (100 ms and more) for an acknowledgement.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._db = _opened(path)
        except (apsw.NotADBError, apsw.CorruptError):
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = _opened(path)
        self._path = path
        self._recent: dict[int, int] = {}
        self._leaving: dict[int, int] = {}  # on its way into the file
        self._flush: Future[None] | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="log-seen")
        self._fetched: dict[int, int | None] = {}
        self.next_offset: int = self._db.execute("SELECT at FROM marks WHERE name = 'next'").get or 0

    def fetch(self, event_ids: Iterable[bytes]) -> None:
        """Reads what the file holds of many ids at once, for the look-ups that follow."""
        keys = {int.from_bytes(event_id[:8], "big") & _MASK for event_id in event_ids}
        keys -= self._recent.keys()
        keys -= self._leaving.keys()
        self._fetched = dict.fromkeys(keys)
        self._fetched.update(select_rows(self._db, _FETCH, [(key,) for key in sorted(keys)], 1))

    def look_up(self, event_id: bytes, is_same: Callable[[int], bool]) -> tuple[int | None, int]:
        """The offset of the row with this id or None, and the key to add it under.

        `is_same` tells whether the row at an offset has the whole id: two ids may share 63 bits, and a collision
        lives next door.
        """
        key = int.from_bytes(event_id[:8], "big") & _MASK
        while True:
            at = self._recent.get(key)
            if at is None:
                at = self._leaving.get(key)
            if at is None:
                at = self._fetched[key] if key in self._fetched else self._stored(key)
            if at is None:
                return None, key
            if is_same(at):
                return at, key
            key = (key + 1) & _MASK

    def _stored(self, key: int) -> int | None:
        at: int | None = self._db.execute("SELECT at FROM seen WHERE key = ?", (key,)).get
        return at

    def add(self, key: int, offset: int) -> None:
        """Notes a row that the log is about to commit, under the key that `look_up` gave."""
        self._recent[key] = offset
        self.next_offset = offset + 1

    def take_back(self, keys: Iterable[int], next_offset: int) -> None:
        """Forgets rows that the log could not commit."""
        for key in keys:
            del self._recent[key]
        self.next_offset = next_offset

    def flush_if_due(self) -> None:
        """Called between groups: begins to write what was noted, when there is enough of it."""
        if self._flush is not None and (self._flush.done() or len(self._recent) >= _WAIT_AT):
            self._end_flush()
        if self._flush is None and len(self._recent) >= _FLUSH_AT:
            self._begin_flush()

    def _begin_flush(self) -> None:
        self._leaving, self._recent = self._recent, {}
        self._flush = self._beside.submit(_write, self._path, self._leaving, self.next_offset)

    def _end_flush(self) -> None:
        """Waits for what is being written.

        What the disk does not take stays in memory: the log has committed it, and it can be caught up from there.
        """
        if self._flush is None:
            return
        try:
            self._flush.result()
        except apsw.Error:
            self._recent = self._leaving | self._recent
        self._leaving = {}
        self._flush = None
        self._fetched.clear()

    def forget(self) -> None:
        """Empties the set, when the log is not the one it was made from."""
        self._end_flush()
        self._recent.clear()
        self._fetched.clear()
        self.next_offset = 0
        with self._db:
            self._db.execute("DELETE FROM seen")
            self._db.execute("DELETE FROM marks")

    def close(self) -> None:
        self._end_flush()
        self._begin_flush()
        self._end_flush()
        self._beside.shutdown()
        self._db.close()


def _write(path: Path, keys: Mapping[int, int], next_offset: int) -> None:
    """Writes keys in their order, with how far they reach."""
    db = _opened(path)
    try:
        with db:
            insert_rows(db, "INSERT OR REPLACE INTO seen VALUES", sorted(keys.items()))
            db.execute("INSERT OR REPLACE INTO marks VALUES('next', ?)", (next_offset,))
    finally:
        db.close()


def _opened(path: Path) -> apsw.Connection:
    path.touch(mode=0o600)
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "normal")
    db.pragma("cache_size", -65536)
    db.execute("CREATE TABLE IF NOT EXISTS seen(key INTEGER PRIMARY KEY, at INTEGER NOT NULL)")
    db.execute("CREATE TABLE IF NOT EXISTS marks(name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID")
    return db
