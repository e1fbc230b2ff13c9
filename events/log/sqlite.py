"""The embedded log: one SQLite file, one writer thread with group commit, no secondary index.

Rows are appended in the order in which they are submitted, group by group. `before_commit` makes new keys durable
first: a key without events is harmless, an event that no key opens is lost. The tree over the leaves grows in the
rows' transaction; what is signed about it was committed before, and leaves the process only once it is durable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from events.checkpoints import ED25519, Checkpoint, Signer, VerifierKey, origin_of, sign_checkpoint
from events.clock import Clock
from events.codec import Sealed, StoredRow, header_id, leaf_hash
from events.errors import Refused, TryAgainLater
from events.groups import GroupThread
from events.ids import EventId, SubjectId
from events.ledger import Tile, Tree, extended, root_of
from events.log import file
from events.log.faults import code_of, not_stored
from events.log.file import Signed
from events.log.port import Act, Cut, Outcome, Position
from events.log.seen import Seen
from events.log.subscription import SqliteSubscription
from events.log.transaction import transaction
from events.sealing import NO_KEY_ID

PARTITION = "main-0"
GROUP_MAX = 4_000
_BEHIND_MAX_US = 120_000_000
SILENCE_MAX_US = 90 * 86_400 * 1_000_000
_KEPT_EVERY_US = 60_000_000
_NO_TIME = 0
T = TypeVar("T")


class _Job(NamedTuple):
    """Rows to append, or, alone, something else for the one thread that writes."""

    rows: Sequence[Sealed]
    done: Future[Any]
    act: Act | None = None
    work: Callable[[], Any] | None = None

    @property
    def size(self) -> int:
        return len(self.rows)

    @property
    def is_alone(self) -> bool:
        return self.act is not None or self.work is not None


class SqliteLog:
    """A Log in one file. Open it once per home; reading is allowed from any thread."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        new_epoch: Callable[[], str],
        signer: Signer,
        before_commit: Callable[[], None] = lambda: None,
        before_sign: Callable[[], None] = lambda: None,
        is_closed: Callable[[str, SubjectId, bytes], bool] = lambda agency, subject, key_id: False,
        accepts_clock: bool = False,
    ) -> None:
        """`is_closed` is asked for each row's agency, subject and key id, in the writer's thread, at the moment in
        which the row would get its place. `before_sign` raises where nothing more may be signed.

        Raises WrongSettings: `home-older`, `home-newer`, `broken-file`, `log-gap`, and `log-changed` where the log is
        not what it last signed.
        """
        self._path = path
        self._clock = clock
        self._signer = signer
        self._before_commit = before_commit
        self._before_sign = before_sign
        self._is_closed = is_closed
        self._accepts_clock = accepts_clock
        with file.damage_told(path):
            self._db = file.connect(path)
            self.name, self._epoch, _ = file.prepare(self._db, path, new_epoch)
            self._next, self._last_known_us = file.check_contiguity(self._db, path)
            self._signed = file.check_signed(self._db, self._next)
            self._edge = Tree(file.nodes_of(self._db)).edge(self._next)
        self._seen = Seen(path.with_name("seen.sqlite"))
        self._catch_up_seen()
        self._readers = threading.local()
        self._subscriptions: list[SqliteSubscription] = []
        self._subscribing = threading.Lock()
        self.commits, self.commit_s = 0, 0.0  # groups since it was opened, and how long they took to be durable
        self._writer: GroupThread[_Job] = GroupThread(
            "log-writer", self._work_on, size_max=GROUP_MAX, is_alone=lambda job: job.is_alone
        )

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def origin(self) -> str:
        """What checkpoints of this epoch are about."""
        return origin_of(self.name, self._epoch)

    @property
    def key(self) -> VerifierKey:
        """What checkpoints are verified with, in every epoch."""
        return VerifierKey(self.name, ED25519, self._signer.public_key)

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

    def submit(self, rows: Sequence[Sealed], act: Act | None = None) -> Future[list[Outcome]]:
        """See Log. Raises Refused `unsealed-row`: what is stored plain would stay so for ever."""
        if any(sealed.header.endswith(NO_KEY_ID) for sealed in rows):
            raise Refused("unsealed-row", "a row was not sealed", where="log", next_step="Nothing was stored.")
        done: Future[list[Outcome]] = Future()
        self._writer.submit(_Job(rows, done, act))
        return done

    def _work_on(self, group: list[_Job]) -> None:
        """In the writer's thread. What the disk does not take is told to everybody who waits."""
        try:
            if group[0].work is not None:
                group[0].done.set_result(group[0].work())
            else:
                self._commit_group(group)
        except apsw.Error as error:
            if code := code_of(error):
                raise not_stored(code, "log") from error
            raise

    def _commit_group(self, group: list[_Job]) -> None:
        act = group[0].act
        if act is not None:
            act.before()
        new, outcomes = self._commit([row for job in group for row in job.rows])
        try:
            if act is not None:
                act.after(outcomes)
            at = 0
            for job in group:
                job.done.set_result(outcomes[at : at + len(job.rows)])
                at += len(job.rows)
        finally:
            self._push(new)
            self._seen.flush_if_due()

    def _push(self, new: list[StoredRow]) -> None:
        if new:
            with self._subscribing:
                for subscription in self._subscriptions:
                    subscription.push(new)

    def _commit(self, rows: list[Sealed]) -> tuple[list[StoredRow], list[Outcome]]:
        new: list[StoredRow] = []
        keys: list[int] = []
        edge = self._edge
        try:
            outcomes = self._placed(rows, new, keys)
            if new:
                begun = time.perf_counter()
                edge, tiles = extended(edge, [row.leaf for row in new])
                self._before_commit()
                self._store(new, tiles)
                self.commits, self.commit_s = self.commits + 1, self.commit_s + time.perf_counter() - begun
            elif rows:
                self._before_commit()  # also for what is known: a new key may seal the part of its receipt
        except BaseException:
            self._seen.take_back(keys, self._next)
            raise
        if new:
            self._next, self._last_known_us, self._edge = edge.size, new[-1].known_us, edge
        return new, outcomes

    def _placed(self, rows: list[Sealed], new: list[StoredRow], keys: list[int]) -> list[Outcome]:
        """Gives each new row its place and its time, and finds the original of each known one."""
        known_us, offset = self._next_known_us(), self._next
        event_ids = [header_id(sealed.header) for sealed in rows]
        self._seen.fetch(event_ids)
        here: dict[bytes, StoredRow] = {}
        outcomes: list[Outcome] = []
        for event_id, sealed in zip(event_ids, rows, strict=True):
            if self._is_closed(*_owner(sealed.header)):
                outcomes.append(Outcome(None, _NO_TIME, False, "subject-erased"))
                continue
            twin = here.get(event_id)
            if twin is not None:
                outcomes.append(Outcome(Position(self._epoch, PARTITION, twin.offset), twin.known_us, True))
                continue
            found, key = self._at(event_id)
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

    def _store(self, new: list[StoredRow], tiles: list[Tile]) -> None:
        with transaction(self._db):
            file.store(self._db, new, tiles)

    # ---- signing

    def checkpoint(self, *, is_kept: bool = True) -> Signed:
        """What the log signs about everything that was committed before it was asked; durable when it is returned.

        One that is not kept, because it was given to nobody, goes when the next one comes; but one a minute stays.
        Raises TryAgainLater where the disk takes nothing.
        """
        signed = self._signed
        if signed is not None and self._is_current(signed) and (signed.is_kept or not is_kept):
            return signed
        return self._alone(lambda: self._sign(is_kept))

    def _is_current(self, signed: Signed) -> bool:
        return signed.checkpoint.size == self._next and signed.checkpoint.origin == self.origin

    def _sign(self, is_kept: bool) -> Signed:
        signed = self._signed
        with transaction(self._db):
            if signed is not None and self._is_current(signed):
                file.keep_checkpoint(self._db)
                signed = signed._replace(is_kept=True)
            else:
                now_us, kept_us = self._clock(), file.last_kept_us(self._db)
                self._before_sign()
                checkpoint = Checkpoint(self.origin, self._edge.size, root_of(self._edge))
                note = sign_checkpoint(checkpoint, self.name, self._signer)
                signed = Signed(note, checkpoint, now_us, is_kept or now_us - kept_us >= _KEPT_EVERY_US)
                file.store_checkpoint(self._db, signed)
        self._signed = signed
        return signed

    # ---- redaction

    def remove_bodies(self, positions: Sequence[int], named_by: int) -> bool:
        """Takes the bodies out of rows that the event at `named_by` names; their leaves stay, and every proof holds.

        Durable, and overwritten in the file, when it returns; False where a reader kept the log's own journal from
        being emptied.
        """

        def work() -> bool:
            with transaction(self._db):
                file.remove_bodies(self._db, positions, named_by)
            return file.truncate_wal(self._db)

        return self._alone(work)

    def _alone(self, work: Callable[[], T]) -> T:
        """Something for the writer's thread, between two groups."""
        done: Future[T] = Future()
        self._writer.submit(_Job((), done, work=work))
        return done.result()

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
        if last_us and now_us - last_us > SILENCE_MAX_US and not self._accepts_clock:
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

    def offsets_of(self, event_ids: Sequence[bytes]) -> dict[bytes, int]:
        """Where the events of some ids are; those that the log does not hold are absent."""

        def work() -> dict[bytes, int]:
            self._seen.fetch(event_ids)
            found = {each: self._at(each)[0] for each in event_ids}
            return {each: at for each, at in found.items() if at is not None}

        return self._alone(work) if event_ids else {}

    def _at(self, event_id: bytes) -> tuple[int | None, int]:
        return self._seen.look_up(event_id, lambda at: self._has_id(at, event_id))

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
        return self._reader().read(partition, start, limit)

    def tree(self) -> Tree:
        """Roots and proofs for any size up to the head; for the calling thread."""
        return self._reader().tree()

    def kept_checkpoint(self, size: int) -> str | None:
        """The note of the newest checkpoint that the log keeps of this size."""
        return self._reader().kept_checkpoint(size)

    def find(self, event_id: EventId) -> int | None:
        """The offset of an event; asked in the writer's thread, which knows."""

        def work() -> int | None:
            self._seen.fetch([event_id])
            return self._seen.look_up(event_id, lambda at: self._has_id(at, event_id))[0]

        return self._alone(work)

    def _reader(self) -> SqliteReader:
        reader: SqliteReader | None = getattr(self._readers, "reader", None)
        if reader is None:
            reader = self._readers.reader = SqliteReader(self._path)
        return reader

    def subscribe(self, start: Cut) -> SqliteSubscription:
        subscription = SqliteSubscription(self, PARTITION, start.get(PARTITION, 0), self._unsubscribe)
        with self._subscribing:
            self._subscriptions.append(subscription)
        return subscription

    def _unsubscribe(self, subscription: SqliteSubscription) -> None:
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
        self._db = file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        """See SqliteLog.read."""
        if partition != PARTITION:
            return iter(())
        return file.rows_from(self._db, start, limit)

    def close(self) -> None:
        self._db.close()

    def tree(self) -> Tree:
        """Roots and proofs for any size up to what is stored."""
        return Tree(file.nodes_of(self._db))

    def kept_checkpoint(self, size: int) -> str | None:
        """The note of the newest checkpoint of this size that is kept."""
        return file.kept_checkpoint(self._db, size)


def _owner(header: bytes) -> tuple[str, SubjectId, bytes]:
    """Agency, subject and key id of a clear header."""
    end = 2 + header[1]
    return header[2:end].decode(), SubjectId(header[end + 32 : end + 48]), header[end + 48 :]
