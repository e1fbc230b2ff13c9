"""One thread that works in groups: whatever has queued up while one group was worked on is the next one.

No artificial delay: a lone job is worked on at once, and under load the work before is the window in which a group
comes together.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from events.errors import Refused


class Job(Protocol):
    @property
    def size(self) -> int:
        """Its share of what a group may hold."""
        ...

    @property
    def done(self) -> Future[Any]:
        """Its answer; whoever asked for it waits here, or has given up by cancelling it."""
        ...


J = TypeVar("J", bound=Job)


class GroupThread(Generic[J]):
    """Hands jobs, in the order in which they came, to `work`, which answers each of them or raises for all."""

    def __init__(
        self,
        name: str,
        work: Callable[[list[J]], None],
        *,
        size_max: int,
        is_alone: Callable[[J], bool] = lambda job: False,
    ) -> None:
        """`is_alone` names jobs that are a group of their own."""
        self._work = work
        self._size_max = size_max
        self._is_alone = is_alone
        self._held: J | None = None  # it came in its turn, but belongs to no group with others
        self._jobs: queue.SimpleQueue[J | None] = queue.SimpleQueue()
        self._group: list[J] = []
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: J) -> None:
        """Raises Refused `hub-stopping` when the job would never be done."""
        with self._closing:
            if self._is_closed or not self._thread.is_alive():  # it is gone in a forked process too
                raise Refused("hub-stopping", "the hub is stopping", next_step="Send the message again later.")
            self._jobs.put(job)

    def close(self) -> bool:
        """Does what was submitted and ends the thread; False where it was closed before."""
        with self._closing:
            was_open, self._is_closed = not self._is_closed, True
            if was_open:
                self._jobs.put(None)
        self._thread.join()
        return was_open

    # ---- the thread

    def _run(self) -> None:
        try:
            is_open = True
            while is_open:
                taken, is_open = self._next_group()
                self._group = [job for job in taken if job.done.set_running_or_notify_cancel()]
                if self._group:
                    self._work_on(self._group)
        except BaseException as error:
            self._give_up(error)
            raise

    def _next_group(self) -> tuple[list[J], bool]:
        """What waits, at least one job; and whether more may come."""
        job, self._held = self._held or self._jobs.get(), None
        group: list[J] = []
        size = 0
        while job is not None:
            is_alone = self._is_alone(job)
            if is_alone and group:
                self._held = job
                return group, True
            group.append(job)
            size += job.size
            if is_alone or size >= self._size_max:
                return group, True
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _work_on(self, group: list[J]) -> None:
        try:
            self._work(group)
        except Exception as error:
            waiting = [job for job in group if not job.done.done()]
            if not waiting:
                raise  # nobody else would hear of it
            for job in waiting:
                job.done.set_exception(error)

    def _give_up(self, error: BaseException) -> None:
        """Nobody may wait for ever for a thread that is gone."""
        with self._closing:
            self._is_closed = True
        if self._held is not None:
            self._group.append(self._held)
        while not self._jobs.empty():
            self._group.extend(filter(None, (self._jobs.get(),)))
        for job in self._group:
            if not job.done.done():
                job.done.set_exception(error)
