"""One thread that writes: whatever has queued up while one group was being committed is the next group."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from events.errors import Refused, TryAgainLater
from hub.sqlite import translated

GROUP_MAX = 2_000
BACKLOG_MAX = 1_000
_AGAIN_AFTER_S = 1.0
_RIDE_MAX_S = 0.05  # longer than a group of intake takes, so that outcomes ride with the receipts of the next one

_log = structlog.get_logger()


class Waiter:
    """Somebody waits until a job is done; cheaper than a Future, of which there would be one a message."""

    __slots__ = ("_error", "_lock")

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self) -> None:
        """Returns when it is done. Raises what went wrong."""
        self._lock.acquire()
        if self._error is not None:
            raise self._error

    def release(self, error: BaseException | None = None) -> None:
        if self._lock.locked():
            self._error = error
            self._lock.release()


class Job(Protocol):
    @property
    def waiter(self) -> Waiter | None:
        """Who waits for it; a job that nobody waits for is tried again after a fault of the disk."""
        ...


class Nothing:
    """A job that does nothing: it wakes the thread, and whoever waits for it knows that all before it was tried."""

    __slots__ = ("waiter",)

    def __init__(self, waiter: Waiter | None = None) -> None:
        self.waiter = waiter


_NUDGE = Nothing()


class GroupWriter:
    """Hands groups of jobs to `commit`, which does all of a group durably or raises and does none.

    Jobs that somebody waits for wake the thread; the others ride with them, or go alone when none comes. It is no
    GroupThread: there every job has somebody who waits, and none is kept to be tried again.
    """

    def __init__(self, name: str, commit: Callable[[Sequence[Job]], None]) -> None:
        self._name = name
        self._commit = commit
        self._urgent: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._riding: deque[Job] = deque()
        self._is_nudged = False
        self._kept: list[Job] = []
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, *jobs: Job) -> None:
        """Queues jobs that somebody waits for. Raises Refused `hub-stopping` when they would never be done."""
        with self._closing:
            self._check_open()
            for job in jobs:
                self._urgent.put(job)

    def submit_riding(self, job: Job) -> None:
        """Queues a job nobody waits for; where too many wait already, the caller waits for them.

        Raises TryAgainLater when the disk takes them no more.
        """
        with self._closing:
            self._check_open()
            self._riding.append(job)
        if not self._is_nudged:
            self._is_nudged = True
            self._urgent.put(_NUDGE)
        if len(self._riding) + len(self._kept) > BACKLOG_MAX:
            self.wait()

    def _check_open(self) -> None:
        if self._is_closed or not self._thread.is_alive():
            raise Refused("hub-stopping", "the hub is stopping", next_step="Send the message again later.")

    def wait(self) -> None:
        """Returns when all that was queued before is done. Raises what forbade it."""
        waiter = Waiter()
        self.submit(Nothing(waiter))
        waiter.wait()

    def close(self) -> None:
        """Does what was queued and ends the thread."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._urgent.put(None)
        self._thread.join()

    # ---- the thread

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._next_group()
            try:
                self._kept = self._tried(self._kept + group)
            except BaseException as error:
                self._give_up(group, error)
                raise
        if self._kept:
            _log.error("receipt_notes_lost", count=len(self._kept))  # the start-up sweep works them out again

    def _next_group(self) -> tuple[list[Job], bool]:
        group: list[Job] = []
        is_open = True
        with suppress(queue.Empty):
            job = self._urgent.get(timeout=_AGAIN_AFTER_S if self._kept else None)
            if job is _NUDGE:
                job = self._urgent.get(timeout=_RIDE_MAX_S)
            while True:
                if job is None:
                    is_open = False
                    break
                group.append(job)
                if len(group) >= GROUP_MAX:
                    break
                job = self._urgent.get_nowait()
        self._is_nudged = False  # before the riders are taken: one that comes later nudges again
        riding = self._riding
        return [*(riding.popleft() for _ in range(len(riding))), *group], is_open

    def _tried(self, jobs: list[Job]) -> list[Job]:
        """Does a group; where it fails for a job's own sake, one by one. Returns those to try again."""
        try:
            self._commit(jobs)
        except Exception as error:
            told = translated(error, self._name)
            if len(jobs) > 1 and not isinstance(told, TryAgainLater):
                return [job for each in jobs for job in self._tried([each])]
            return [job for job in jobs if self._is_kept(job, told)]
        for job in jobs:
            if job.waiter is not None:
                job.waiter.release()
        return []

    @staticmethod
    def _is_kept(job: Job, error: Exception) -> bool:
        if job.waiter is not None:
            job.waiter.release(error)
            return False
        if isinstance(error, TryAgainLater):
            return True
        _log.error("receipt_note_failed", action=type(job).__name__, exc_info=error)
        return False

    def _give_up(self, group: list[Job], error: BaseException) -> None:
        """Nobody may wait for ever for a thread that is gone."""
        with self._closing:
            self._is_closed = True
        while self._urgent.qsize():
            job = self._urgent.get()
            if job is not None:
                group.append(job)
        for job in group:
            if job.waiter is not None:
                job.waiter.release(error)
