"""Keeps the views at the log's head: one thread that folds what the log pushes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import structlog

from events.codec import Opener, StoredRow
from events.envelope import Logged
from events.errors import TryAgainLater
from events.log.port import Log
from projections.engine.beside import Beside, Progress, pages_to
from projections.engine.projection import Projection
from projections.engine.store import ViewStore, connect, remove_generation
from projections.engine.target import Target

log = structlog.get_logger()
_BATCH = 2_000
_POLL_S = 0.5
_RETRY_S = 1.0
# Where messages come one by one, one after the other, what comes within a moment is folded together: a row costs a
# quarter in a batch of a thousand of what it costs in one of twenty. Nobody who waits for the views waits for that.
_STREAM_AFTER = 4  # so many small batches close together are a stream
_SMALL = 500
_MOMENT_S = 0.05
_CHASES_MAX = 5


class Runner:
    """Folds the log into the current generation and swaps in rebuilt ones.

    `beside` folds a rebuilt generation's file until it is at the live one. `decide` sees every batch after it is
    folded and how far that goes, and an empty one when nothing comes: the linkage process appends its decisions there.
    """

    def __init__(
        self,
        log_: Log,
        store: ViewStore,
        projections: Sequence[Projection],
        opener: Opener,
        beside: Callable[[Path], AbstractContextManager[Beside]],
        decide: Callable[[Sequence[Logged], int], None] = lambda batch, end: None,
    ) -> None:
        self._log = log_
        self._store = store
        self._projections = tuple(projections)
        self._opener = opener
        self._beside = beside
        self._decide = decide
        self._partition = next(iter(log_.head()))
        self._target = Target(store.writer(), projections, log_.epoch, log_, opener)
        self._target.retry_lanes(self._partition, lambda at: next(log_.read(self._partition, at, 1)))
        self._moved = threading.Condition()
        self._applied = self._target.next_of(self._partition)
        self._hurrying = 0  # how many wait for the views
        self._close_together = 0
        self._folded_at = 0.0
        self._subscription = log_.subscribe({self._partition: self._applied})
        self._shadow: tuple[Path, threading.Event] | None = None
        self._swap_fault: Exception | None = None
        self._rebuilding = threading.Lock()
        self._stopping = threading.Event()
        self._is_refused = False  # the disk takes no batch: nobody waits for the views meanwhile
        self.fault: Exception | None = None
        self.batches = 0  # folded since it was started
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch at hand."""
        self._stopping.set()
        self._subscription.wake()
        with self._moved:
            self._moved.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._target.db.close()

    @property
    def applied(self) -> int:
        """The offset up to which (not included) all views are folded."""
        return self._applied

    @property
    def lag(self) -> int:
        """How many events the views are behind the log's head; none where they are ahead of a log of before."""
        return max(0, self._log.head()[self._partition] - self._applied)

    @property
    def is_waiting_for_room(self) -> bool:
        """Whether the disk refuses the batch at hand: it is tried again by itself until there is room."""
        return self._is_refused

    @property
    def checkpoints(self) -> dict[str, dict[str, int]]:
        return self._target.checkpoints

    def wait_for(self, offset: int, timeout_s: float) -> bool:
        """Waits until the views hold the event at an offset; False when the time is over or the disk refuses it."""
        with self.hurry(), self._moved:
            self._moved.wait_for(lambda: self._applied > offset or self._is_refused, timeout_s)
            return self._applied > offset

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Everything that comes is folded at once, while somebody waits for it."""
        with self._moved:
            self._hurrying += 1
            self._moved.notify_all()
        try:
            yield
        finally:
            with self._moved:
                self._hurrying -= 1

    # ---- the thread

    def _run(self) -> None:
        subscription = self._subscription
        try:
            while not self._stopping.is_set():
                if self._shadow is not None:
                    self._try_to_swap(*self._shadow)
                rows = [row for _, row in subscription.poll(_POLL_S)]
                if not rows:
                    self._decide((), 0)  # what could not be appended may be now
                for start in range(0, len(rows), _BATCH):
                    self._apply(rows[start : start + _BATCH])
                self._gather(len(rows))
        except Exception as error:
            self.fault = error
            log.error("projections_stopped", code=getattr(error, "code", type(error).__name__), position=self._applied)
        finally:
            subscription.close()

    def _gather(self, folded: int) -> None:
        """In a stream of small batches: lets a moment's worth come together."""
        now = time.monotonic()
        is_close = 0 < folded < _SMALL and now - self._folded_at < 2 * _MOMENT_S
        self._close_together = self._close_together + 1 if is_close else 0
        if self._close_together >= _STREAM_AFTER:
            with self._moved:
                self._moved.wait_for(lambda: self._hurrying > 0 or self._stopping.is_set(), _MOMENT_S)
        self._folded_at = time.monotonic()

    def _apply(self, rows: list[StoredRow]) -> None:
        batch = self._applied_batch(rows)
        if batch is None:
            return
        with self._moved:
            self._applied, self._is_refused = rows[-1].offset + 1, False
            self.batches += 1
            self._moved.notify_all()
        self._decide(batch, rows[-1].offset + 1)

    def _applied_batch(self, rows: list[StoredRow]) -> list[Logged] | None:
        """Folds rows, waiting out what the disk refuses; None when the runner is stopped meanwhile."""
        refusals = 0
        while not self._stopping.is_set():
            try:
                return self._target.apply(self._partition, rows)
            except (sqlite3.OperationalError, TryAgainLater) as error:  # the disk of the views, or of the keys
                log.error("projections_waiting", code=type(error).__name__, position=self._applied)
                refusals += 1
                with self._moved:  # a lock passes; what is refused twice may be refused for hours
                    self._is_refused = refusals > 1
                    self._moved.notify_all()
                self._stopping.wait(_RETRY_S)
        return None

    # ---- rebuilding

    @property
    def is_rebuilding(self) -> bool:
        return self._rebuilding.locked()

    def rebuild(self, name: str | None = None, progress: Progress = lambda done, of: None) -> None:
        """Folds one view or all of them again beside the live ones, catches up and swaps.

        Raises what `progress` raises, and what the disk says where it takes no second generation; the live views
        then stay. Readers never wait for it; a second rebuild waits for the first.
        """
        while not self._rebuilding.acquire(timeout=_RETRY_S):
            progress(0, self._applied)
        try:
            self._rebuild(name, progress)
        finally:
            self._rebuilding.release()

    def _rebuild(self, name: str | None, progress: Progress) -> None:
        path = self._store.new_generation()
        with _given_up(path):
            with self._beside(path) as shadow:
                self._store.create(path)
                if name is not None:
                    self._store.copy(path, without=name)
                # What comes meanwhile is shorter from chase to chase. Under a load that outruns them, what is left
                # is folded at the swap, where the live views stand still.
                for _ in range(_CHASES_MAX):
                    shadow.fold_to(self._applied, progress)
            _fsync(path)
        self._await_swap(path)

    def renew(self, timeout_s: float) -> bool:
        """Puts a copy in the views' place, in which nothing is left of what was taken out of them.

        SQLite overwrites what is deleted, but not what it moved about before. False where a rebuild that is under way
        takes longer than one may wait. Raises what the disk says where it takes no second generation.
        """
        if not self._rebuilding.acquire(timeout=timeout_s):
            return False
        try:
            path = self._store.new_generation()
            with _given_up(path):
                self._store.create(path)
                self._store.copy(path)
                _fsync(path)
            self._await_swap(path)
        finally:
            self._rebuilding.release()
        return True

    def _await_swap(self, path: Path) -> None:
        swapped = threading.Event()
        self._shadow = (path, swapped)
        self._subscription.wake()
        while not swapped.wait(0.1):
            if not self._thread.is_alive():
                raise RuntimeError("the projections stopped while a rebuild was to be swapped in") from self.fault
        if (fault := self._swap_fault) is not None:
            self._swap_fault = None
            remove_generation(path)
            raise fault

    def _try_to_swap(self, path: Path, swapped: threading.Event) -> None:
        """In the folding thread: swaps, or says why not; the live views then go on as they are."""
        try:
            self._swap(path)
        except (sqlite3.Error, OSError) as error:
            self._swap_fault = error
            log.error("swap_failed", code=type(error).__name__, position=self._applied)
        self._shadow = None
        swapped.set()

    def _swap(self, path: Path) -> None:
        """The shadow takes the live generation's place."""
        shadow = connect(path)
        try:
            target = Target(shadow, self._projections, self._log.epoch, self._log, self._opener)
            for _ in pages_to(target, self._log, self._partition, self._applied):
                pass
        finally:
            shadow.close()
        self._store.swap(path)
        self._target.db.close()
        self._target = Target(self._store.writer(), self._projections, self._log.epoch, self._log, self._opener)
        log.info("views_swapped", position=self._applied)


@contextmanager
def _given_up(path: Path) -> Iterator[None]:
    """A generation that does not get whole goes."""
    try:
        yield
    except BaseException:
        remove_generation(path)
        raise


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
