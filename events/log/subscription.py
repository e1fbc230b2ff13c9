"""Following the embedded log."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from events.codec import StoredRow
from events.log.port import Log, page

_PUSH_MAX_ROWS = 20_000
_PUSH_MAX_BYTES = 64 << 20


class SqliteSubscription:
    """Rows as the writer commits them; what was missed (start, overflow) is read from the file."""

    def __init__(self, log: Log, partition: str, start: int, forget: Callable[[SqliteSubscription], None]) -> None:
        self._log = log
        self._forget = forget
        self._partition = partition
        self._next = start
        self._pushed: deque[StoredRow] = deque()
        self._pushed_bytes = 0
        self._news = threading.Condition()

    def push(self, rows: list[StoredRow]) -> None:
        with self._news:
            if len(self._pushed) > _PUSH_MAX_ROWS or self._pushed_bytes > _PUSH_MAX_BYTES:
                self._pushed.clear()  # the reader is far behind: the file has them all
                self._pushed_bytes = 0
            self._pushed.extend(rows)
            self._pushed_bytes += sum(len(row.body) for row in rows)
            self._news.notify()

    def poll(self, timeout_s: float, limit: int = 2_000) -> list[tuple[str, StoredRow]]:
        """Rows after those given before; empty when none came within the timeout."""
        rows = self._take(limit)
        if not rows:
            with self._news:
                if not self._pushed and timeout_s > 0:
                    self._news.wait(timeout_s)
            rows = self._take(limit)
        if rows:
            self._next = rows[-1].offset + 1
        return [(self._partition, row) for row in rows]

    def _take(self, limit: int) -> list[StoredRow]:
        with self._news:
            pushed = self._pushed
            while pushed and pushed[0].offset < self._next:
                self._shift()
            if pushed and pushed[0].offset == self._next:
                return page(self._shift() for _ in range(min(limit, len(pushed))))
        if self._next < self._log.head()[self._partition]:
            return page(self._log.read(self._partition, self._next, limit))
        return []

    def _shift(self) -> StoredRow:
        row = self._pushed.popleft()
        self._pushed_bytes -= len(row.body)
        return row

    def wake(self) -> None:
        """Ends a poll that waits in another thread."""
        with self._news:
            self._news.notify_all()

    def close(self) -> None:
        self._forget(self)
