"""Received bytes too long for a row, each in a sealed file of its own beside the database.

A file is sealed in chunks under the receipt's key, which seals nothing else: chunk n of up to 1 MiB has the nonce
u64 n ‖ 3 zero bytes ‖ u8 1 for the last one, so that a chunk that is cut off, swapped or put in twice does not open.
The last one ends in 0x80 and zeros up to a multiple of 256 bytes.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.sealing import TAG_BYTES
from hub.durable import make_folder, sync_folder
from hub.receipts.sealing import PAD_BYTES
from hub.sqlite import faults_told

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES = 1 << 20
_WHERE = "receipts"
_LABEL = b"tellonce/receipt-file/1"
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY


class ReceiptFiles:
    """Files named by receipt; one counts only when a row of receipts.sqlite names it."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder

    def write(self, name: str, key: bytes, head: bytes, rest: BinaryIO) -> int:
        """Durable when it returns: how many bytes were received. Leaves no file behind where it fails.

        Raises TryAgainLater (`disk-full`, `disk-error`), and what reading the rest raises, as it is.
        """
        with faults_told(_WHERE):
            descriptor = os.open(self._folder / name, _NEW, 0o600)
        counted = _Counted(_chunks(head, rest))
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for chunk in _sealed(AESGCM(key), counted):
                    with faults_told(_WHERE):
                        _write_all(file, chunk)
                with faults_told(_WHERE):
                    os.fsync(file.fileno())
                    sync_folder(self._folder)
        except BaseException:
            self.remove(name)
            raise
        return counted.size_bytes

    def open(self, name: str, key: bytes, damaged: Callable[[], Exception]) -> BinaryIO:
        """The bytes as they came. Reading raises what `damaged` gives where a chunk does not open."""
        return io.BufferedReader(_Opened((self._folder / name).open("rb"), key, damaged), CHUNK_BYTES)

    def is_whole(self, name: str, size_bytes: int) -> bool:
        """Whether there is such a file, as long as that of so many bytes (padded) is."""
        chunks = -(-size_bytes // CHUNK_BYTES)
        try:
            return (self._folder / name).stat().st_size == size_bytes + chunks * TAG_BYTES
        except FileNotFoundError:
            return False

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir())


class _Counted:
    """Counts the bytes that go by."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size_bytes += len(chunk)
            yield chunk


class _Opened(io.RawIOBase):
    """A sealed file, opened chunk by chunk."""

    def __init__(self, file: BinaryIO, key: bytes, damaged: Callable[[], Exception]) -> None:
        self._file = file
        self._aead = AESGCM(key)
        self._damaged = damaged
        self._number = 0
        self._ahead = self._read_chunk()
        self._is_done = False
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        if not self._left and not self._is_done:
            self._left = memoryview(self._next())
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._left))
        view[:size], self._left = self._left[:size], self._left[size:]
        return size

    def _read_chunk(self) -> bytes:
        return self._file.read(CHUNK_BYTES + TAG_BYTES)

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._read_chunk()
        self._is_done = is_last = not self._ahead
        try:
            chunk = self._aead.decrypt(_nonce(self._number, is_last), sealed, _LABEL)
        except InvalidTag as error:
            raise self._damaged() from error
        self._number += 1
        if not is_last:
            return chunk
        text = chunk.rstrip(b"\0")
        return text[:-1]

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(8, "big") + bytes((0, 0, 0, is_last))


def _sealed(aead: AESGCM, chunks: _Counted) -> Iterator[bytes]:
    """Sealed chunks of equal length, the last one padded."""
    held = bytearray()
    number = 0
    for chunk in chunks:
        held += chunk
        while len(held) >= CHUNK_BYTES:
            yield aead.encrypt(_nonce(number, False), bytes(held[:CHUNK_BYTES]), _LABEL)
            del held[:CHUNK_BYTES]
            number += 1
    held += b"\x80"
    held += bytes(-len(held) % PAD_BYTES)
    yield aead.encrypt(_nonce(number, True), bytes(held), _LABEL)


def _chunks(head: bytes, rest: BinaryIO) -> Iterator[bytes]:
    for at in range(0, len(head), CHUNK_BYTES):
        yield head[at : at + CHUNK_BYTES]
    while chunk := rest.read(CHUNK_BYTES):
        yield chunk


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]
