"""One line of a stream as a stream of its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from adapters.sdk.window import Window

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class RestOfLine(io.RawIOBase):
    """What a window holds up to its next line feed, taken from it as it is read, and nothing beyond."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        window = self._window
        if self._is_over or (window.at == len(window.buffer) and not window.more()):
            return 0
        room = memoryview(buffer).cast("B")
        limit = min(window.at + len(room), len(window.buffer))
        found = window.buffer.find(b"\n", window.at, limit)
        self._is_over = found >= 0
        part = window.take(found if self._is_over else limit)
        window.at += self._is_over  # the line feed itself
        room[: len(part)] = part
        return len(part)
