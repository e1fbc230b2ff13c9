"""Looking ahead in a stream for what comes next, again and again, without reading it again and again."""

from __future__ import annotations

import re

from adapters.sdk.window import Window


class Ahead:
    """Finds a pattern's next match from ever later places; what was searched once is not searched again."""

    __slots__ = ("_clear_to", "_end", "_first", "_pattern", "_seen", "_start", "_window")

    def __init__(self, window: Window, pattern: re.Pattern[bytes], first: bytes) -> None:
        """`first` is what every match begins with."""
        self._window = window
        self._pattern = pattern
        self._first = first
        # Places count from the beginning of the stream, for the window moves.
        self._start = self._end = -1  # of the match that was found last
        self._clear_to = 0  # nothing begins between that and here
        self._seen = -1  # how much was in sight when nothing was found

    def next(self, at: int, until: int) -> tuple[int, int] | None:
        """Where in the window's buffer the next match begins and ends; None if it does not end before `until`."""
        behind = self._window.behind
        if self._start < behind + at:
            self._seek(at)
        start, end = self._start - behind, self._end - behind
        return (start, end) if at <= start and end <= until else None

    def _seek(self, at: int) -> None:
        behind, buffer = self._window.behind, self._window.buffer
        seen = behind + len(buffer)
        if seen == self._seen:
            return
        begin = max(at, self._clear_to - behind)
        found = self._pattern.search(buffer, begin)
        if found is not None:
            self._start, self._end = behind + found.start(), behind + found.end()
            self._clear_to = self._start
            return
        # A match that only begins in what is in sight may yet be completed.
        begun = buffer.rfind(self._first, begin)
        self._clear_to = seen if begun < 0 else behind + begun
        self._seen = seen
