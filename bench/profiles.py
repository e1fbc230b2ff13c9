"""Where the time goes: cProfile in each thread of the hub, for figures below their goal.

A profile counts the processor's time of its own thread, so that waiting (for the disk, for another thread, for the
interpreter) does not look like work. Profiling itself costs about half as much again.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

TOP = 12


class Profiles:
    """A profile of every thread that is started while it watches."""

    def __init__(self) -> None:
        self._by_thread: dict[str, list[cProfile.Profile]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        threading.setprofile(self._started)
        try:
            yield
        finally:
            threading.setprofile(None)

    def _started(self, *event: object) -> None:
        """Called in a new thread at its first call: from here on the thread has a profile of its own."""
        sys.setprofile(None)
        profile = cProfile.Profile(time.thread_time)
        self._by_thread.setdefault(threading.current_thread().name.partition("_")[0], []).append(profile)
        profile.enable()

    def lines(self, top: int = TOP) -> Iterator[str]:
        """Per thread: processor time, and the functions that took most of it by themselves. The threads have ended."""
        for name, profiles in sorted(self._by_thread.items()):
            stats = pstats.Stats(*profiles)
            yield f"{name}: {stats.total_tt:.2f} s"
            costly = sorted(stats.stats.items(), key=lambda entry: -entry[1][2])[:top]
            for (file, line, function), (_, calls, own_s, all_s, _) in costly:
                where = f"{'/'.join(file.split('/')[-3:])}:{line} {function}" if line else function
                yield f"  {own_s:6.2f} s own  {all_s:6.2f} s all  {calls:>9,} calls  {where}"
