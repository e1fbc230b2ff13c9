"""The embedded log: one SQLite file, one writer thread with group commit, no secondary index.

Rows are appended in the order in which they are submitted, group by group. `before_commit` makes new keys durable
first: a key without events is harmless, an event that no key opens is lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

import apsw

from events.clock import Clock
from events.codec import Sealed, StoredRow, header_id, leaf_hash
from events.errors import TryAgainLater, WrongSettings
from events.groups import GroupThread
from events.log.bulk import insert_rows
from events.log.faults import code_of, not_stored
from events.log.port import Cut, Outcome, Position
from events.log.seen import Seen
from events.log.subscription import SqliteSubscription

PARTITION = "main-0"
STORED_FORMAT = 1
GROUP_MAX = 4_000
_BEHIND_MAX_US = 120_000_000
_SILENCE_MAX_US = 90 * 86_400 * 1_000_000
_INSERT = "INSERT INTO log VALUES"
_SELECT = "SELECT position, known_us, header, nonce, body, leaf FROM log WHERE position >= ? ORDER BY position LIMIT ?"


class _Job(NamedTuple):
    rows: Sequence[Sealed]
    done: Future[list[Outcome]]

    @property
    def size(self) -> int:
        return len(self.rows)


class SqliteLog:
    """A Log in one file. Open it once per home; reading is allowed from any thread."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        new_epoch: Callable[[], str],
        before_commit: Callable[[], None] = lambda: None,
        accepts_clock: bool = False,
    ) -> None:
        self._path = path
        self._clock = clock
        self._before_commit = before_commit
        self._accepts_clock = accepts_clock
        try:
            self._db = _connect(path)
            self._epoch = _prepare(self._db, path, new_epoch)
            self._next, self._last_known_us = _check_contiguity(self._db, path)
        except (apsw.NotADBError, apsw.CorruptError) as error:
            raise WrongSettings(
                "broken-file",
                "this is no database, or a damaged one",
                where=path.name,
                next_step="Restore the home from a backup.",
            ) from error
        self._seen = Seen(path.with_name("seen.sqlite"))
        self._catch_up_seen()
        self._readers = threading.local()
        self._subscriptions: list[SqliteSubscription] = []
        self._subscribing = threading.Lock()
        self.commits, self.commit_s = 0, 0.0  # groups since it was opened, and how long they took to be durable
        self._writer: GroupThread[_Job] = GroupThread("log-writer", self._commit_group, size_max=GROUP_MAX)

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def last_known_us(self) -> int:
        """Known time of the newest event, 0 when there is none."""
        return self._last_known_us

    def head(self) -> Cut:
        return {PARTITION: self._next}

    # ---- appending

    def append(self, rows: Sequence[Sealed]) -> list[Outcome]:
        """See Log. Also raises `clock-behind` and `clock-far-ahead` when the clock can't be trusted."""
        return self.submit(rows).result()

    def submit(self, rows: Sequence[Sealed]) -> Future[list[Outcome]]:
        job = _Job(rows, Future())
        self._writer.submit(job)
        return job.done

    def _commit_group(self, group: list[_Job]) -> None:
        try:
            new, outcomes = self._commit([row for job in group for row in job.rows])
        except apsw.Error as error:
            if code := code_of(error):
                raise not_stored(code, "log") from error
            raise
        at = 0
        for job in group:
            job.done.set_result(outcomes[at : at + len(job.rows)])
            at += len(job.rows)
        if new:
            with self._subscribing:
                for subscription in self._subscriptions:
                    subscription.push(new)
        self._seen.flush_if_due()

    def _commit(self, rows: list[Sealed]) -> tuple[list[StoredRow], list[Outcome]]:
        new: list[StoredRow] = []
        keys: list[int] = []
        try:
            outcomes = self._placed(rows, new, keys)
            if new:
                begun = time.perf_counter()
                self._before_commit()
                self._store(new)
                self.commits, self.commit_s = self.commits + 1, self.commit_s + time.perf_counter() - begun
        except BaseException:
            self._seen.take_back(keys, self._next)
            raise
        if new:
            self._next, self._last_known_us = new[-1].offset + 1, new[-1].known_us
        return new, outcomes

    def _placed(self, rows: list[Sealed], new: list[StoredRow], keys: list[int]) -> list[Outcome]:
        """Gives each new row its place and its time, and finds the original of each known one."""
        known_us, offset = self._next_known_us(), self._next
        event_ids = [header_id(sealed.header) for sealed in rows]
        self._seen.fetch(event_ids)
        here: dict[bytes, StoredRow] = {}
        outcomes: list[Outcome] = []
        for event_id, sealed in zip(event_ids, rows, strict=True):
            twin = here.get(event_id)
            if twin is not None:
                outcomes.append(Outcome(Position(self._epoch, PARTITION, twin.offset), twin.known_us, True))
                continue
            found, key = self._seen.look_up(event_id, lambda at, wanted=event_id: self._has_id(at, wanted))  # type: ignore[misc]
            if found is not None:
                outcomes.append(Outcome(Position(self._epoch, PARTITION, found), self._known_of(found), True))
                continue
            row = here[event_id] = StoredRow(offset, known_us, *sealed, leaf_hash(offset, known_us, sealed))
            outcomes.append(Outcome(Position(self._epoch, PARTITION, offset), known_us, False))
            new.append(row)
            keys.append(key)
            self._seen.add(key, offset)  # at once: the next row may share its first bytes
            offset += 1
            known_us += 1
        return outcomes

    def _store(self, new: list[StoredRow]) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            insert_rows(db, _INSERT, new)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _next_known_us(self) -> int:
        """The first known time of a group: the clock's, but always above the last one.

        Raises TryAgainLater where the clock and the log contradict each other: a wrong known time can't be taken back.
        """
        now_us, last_us = self._clock(), self._last_known_us
        if last_us - now_us > _BEHIND_MAX_US:
            raise TryAgainLater(
                "clock-behind",
                f"the clock is {(last_us - now_us) // 1_000_000} seconds behind the newest event in the log",
                where="clock",
                next_step="Set the machine's clock right; nothing was stored.",
            )
        if last_us and now_us - last_us > _SILENCE_MAX_US and not self._accepts_clock:
            raise TryAgainLater(
                "clock-far-ahead",
                f"the clock is {(now_us - last_us) // 86_400_000_000} days ahead of the newest event in the log",
                where="clock",
                next_step="Set the machine's clock right, or, if it is right, start with TELLONCE_ACCEPT_CLOCK=1.",
            )
        self._accepts_clock = False
        return max(now_us, last_us + 1)

    def _has_id(self, offset: int, event_id: bytes) -> bool:
        header = self._db.execute("SELECT header FROM log WHERE position = ?", (offset,)).get
        return header is not None and header_id(header) == event_id

    def _known_of(self, offset: int) -> int:
        return int(self._db.execute("SELECT known_us FROM log WHERE position = ?", (offset,)).get)

    def _catch_up_seen(self) -> None:
        seen = self._seen
        if seen.next_offset > self._next or (seen.next_offset and not self._is_of_this_log(seen.next_offset - 1)):
            seen.forget()
        rows = self._db.execute("SELECT position, header FROM log WHERE position >= ?", (seen.next_offset,))
        for offset, header in rows:
            _, key = seen.look_up(header_id(header), lambda at: False)
            seen.add(key, offset)
            seen.flush_if_due()

    def _is_of_this_log(self, offset: int) -> bool:
        header = self._db.execute("SELECT header FROM log WHERE position = ?", (offset,)).get
        return self._seen.look_up(header_id(header), lambda at: at == offset)[0] == offset

    # ---- reading

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        """At most `limit` rows from an offset on, from a snapshot of now."""
        reader: SqliteReader | None = getattr(self._readers, "reader", None)
        if reader is None:
            reader = self._readers.reader = SqliteReader(self._path)
        return reader.read(partition, start, limit)

    def subscribe(self, start: Cut) -> SqliteSubscription:
        subscription = SqliteSubscription(self, PARTITION, start.get(PARTITION, 0))
        with self._subscribing:
            self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: SqliteSubscription) -> None:
        with self._subscribing:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        """Commits what was submitted and closes the file."""
        if self._writer.close():
            self._seen.close()
            self._db.close()


class SqliteReader:
    """Reads the file of a log, whichever process writes it. For one thread."""

    def __init__(self, path: Path) -> None:
        self._db = _connect(path, flags=apsw.SQLITE_OPEN_READONLY)

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        """See SqliteLog.read."""
        if partition != PARTITION:
            return iter(())
        return map(StoredRow._make, self._db.execute(_SELECT, (start, limit)))


def _connect(path: Path, flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) -> apsw.Connection:
    if flags & apsw.SQLITE_OPEN_CREATE:
        path.touch(mode=0o600)  # SQLite gives its -wal and -shm files the same mode
    db = apsw.Connection(str(path), flags=flags)
    db.set_busy_timeout(10_000)
    if flags & apsw.SQLITE_OPEN_CREATE:
        db.pragma("page_size", 8192)
        db.pragma("journal_mode", "wal")
        db.pragma("synchronous", "full")
        db.pragma("wal_autocheckpoint", 4000)
    return db


def _prepare(db: apsw.Connection, path: Path, new_epoch: Callable[[], str]) -> str:
    """Makes the tables of a new log; the epoch of either."""
    with db:
        db.execute("CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        meta = dict(db.execute("SELECT name, value FROM meta"))
        if not meta:
            meta = {"format": str(STORED_FORMAT), "epoch": new_epoch()}
            db.executemany("INSERT INTO meta VALUES(?, ?)", list(meta.items()))
            db.execute(
                "CREATE TABLE log(position INTEGER PRIMARY KEY, known_us INTEGER NOT NULL, header BLOB NOT NULL, "
                "nonce BLOB NOT NULL, body BLOB NOT NULL, leaf BLOB NOT NULL)"
            )
    if meta["format"] != str(STORED_FORMAT):
        raise WrongSettings(
            "home-newer",
            f"the log has stored format {meta['format']}, this program reads {STORED_FORMAT}",
            where=path.name,
            next_step="Use the version of tellonce that wrote it, or a newer one.",
        )
    return str(meta["epoch"])


def _check_contiguity(db: apsw.Connection, path: Path) -> tuple[int, int]:
    """Next offset and last known time. Raises WrongSettings `log-gap` where a row is missing."""
    count, low, high = db.execute("SELECT count(*), min(position), max(position) FROM log").fetchone()  # type: ignore[misc]
    if not count:
        return 0, 0
    if low != 0 or high != count - 1:
        raise WrongSettings(
            "log-gap",
            f"the log holds {count} rows, but its positions run from {low} to {high}",
            where=path.name,
            next_step="Rows are missing: restore from a backup; `tellonce log verify` names the first gap.",
        )
    return count, int(db.execute("SELECT known_us FROM log WHERE position = ?", (high,)).get)
