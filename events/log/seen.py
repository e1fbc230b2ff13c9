"""Which event ids the log already holds, as a projection of the log: 63 bits of the id lead to the offset.

Random B-tree pages are what makes unique text indexes slow; these are 16 bytes a row, inserted sorted and in bulk.
A hit is always checked against the whole id in the log. The file may be lost at any time: it is caught up from the
log before the writer accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import apsw

from events.log.bulk import insert_rows, select_rows

_FLUSH_AT = 20_000
_MASK = (1 << 63) - 1
_FETCH = "SELECT key, at FROM seen WHERE key IN wanted"


class Seen:
    """Keys of event ids with their offsets, for the one thread that writes the log."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = _opened(path)
        except (apsw.NotADBError, apsw.CorruptError):
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = _opened(path)
        self._recent: dict[int, int] = {}
        self._fetched: dict[int, int | None] = {}
        self.next_offset: int = self._db.execute("SELECT at FROM marks WHERE name = 'next'").get or 0

    def fetch(self, event_ids: Iterable[bytes]) -> None:
        """Reads what the file holds of many ids at once, for the look-ups that follow."""
        keys = {int.from_bytes(event_id[:8], "big") & _MASK for event_id in event_ids} - self._recent.keys()
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
        if len(self._recent) >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Writes what was noted, in key order, with how far it reaches.

        Where the disk takes it not, it stays in memory: the log has committed it, and it can be caught up from there.
        """
        with suppress(apsw.FullError, apsw.IOError):
            self._write()

    def _write(self) -> None:
        with self._db:
            insert_rows(self._db, "INSERT INTO seen VALUES", sorted(self._recent.items()))
            self._db.execute("INSERT OR REPLACE INTO marks VALUES('next', ?)", (self.next_offset,))
        self._recent.clear()
        self._fetched.clear()

    def forget(self) -> None:
        """Empties the set, when the log is not the one it was made from."""
        self._recent.clear()
        self._fetched.clear()
        self.next_offset = 0
        with self._db:
            self._db.execute("DELETE FROM seen")
            self._db.execute("DELETE FROM marks")

    def close(self) -> None:
        self.flush()
        self._db.close()


def _opened(path: Path) -> apsw.Connection:
    path.touch(mode=0o600)
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "normal")
    db.pragma("cache_size", -65536)
    db.execute("CREATE TABLE IF NOT EXISTS seen(key INTEGER PRIMARY KEY, at INTEGER NOT NULL)")
    db.execute("CREATE TABLE IF NOT EXISTS marks(name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID")
    return db
