"""A stream seen through a window: what was read and not yet taken, so that memory stays bounded."""

from __future__ import annotations

from typing import BinaryIO

BLOCK_BYTES = 1 << 19


class Window:
    """Bytes of a stream from `at` on; reads on by whole blocks, whatever the stream hands out at a time."""

    __slots__ = ("_block_bytes", "_raw", "at", "behind", "buffer", "is_at_end")

    def __init__(self, raw: BinaryIO, block_bytes: int = BLOCK_BYTES) -> None:
        self._raw = raw
        self._block_bytes = block_bytes
        self.buffer = b""
        self.at = 0
        self.behind = 0  # bytes of the stream before the buffer
        self.is_at_end = False

    def more(self) -> bool:
        """Reads on and drops what lies before `at`, which becomes 0. False at the stream's end."""
        if self.is_at_end:
            return False
        parts = [self.buffer[self.at :]]
        wanted = self._block_bytes
        while wanted > 0:
            part = self._raw.read(wanted)
            if not part:
                self.is_at_end = True
                break
            parts.append(part)
            wanted -= len(part)
        self.buffer = b"".join(parts)
        self.behind += self.at
        self.at = 0
        return len(parts) > 1

    @property
    def size_bytes(self) -> int:
        """Bytes in sight."""
        return len(self.buffer) - self.at

    def take(self, end: int) -> bytes:
        """The bytes from `at` to `end`, which are then behind."""
        taken = self.buffer[self.at : end]
        self.at = end
        return taken

    def line(self, limit_bytes: int) -> tuple[bytes, bool] | None:
        """The next line without its line feed, and whether it was cut off at the limit; None at the end."""
        searched = 0
        while True:
            found = self.buffer.find(b"\n", self.at + searched)
            if found >= 0:
                line, self.at = self.buffer[self.at : found], found + 1
                return line[:limit_bytes], len(line) > limit_bytes
            searched = self.size_bytes
            if searched > limit_bytes:
                return self._long_line(limit_bytes), True
            if not self.more():
                return (self.take(len(self.buffer)), False) if self.size_bytes else None

    def _long_line(self, limit_bytes: int) -> bytes:
        """The head of a line beyond the limit; the rest of it is read and dropped."""
        head = self.buffer[self.at : self.at + limit_bytes]
        while (found := self.buffer.find(b"\n", self.at)) < 0:
            self.at = len(self.buffer)
            if not self.more():
                return head
        self.at = found + 1
        return head
