"""Raw bytes too long for a row, each in a file of its own beside the database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hub.durable import make_folder, sync_folder
from hub.sqlite import faults_told

CHUNK_BYTES = 1 << 20
_WHERE = "receipts"
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY


class ReceiptFiles:
    """Files named by receipt; one counts only when a row of receipts.sqlite names it."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder

    def write(self, name: str, head: bytes, rest: BinaryIO) -> tuple[int, bytes]:
        """Durable when it returns: size and SHA-256. Leaves no file behind where it fails.

        Raises TryAgainLater (`disk-full`, `disk-error`), and what reading the rest raises, as it is.
        """
        with faults_told(_WHERE):
            descriptor = os.open(self._folder / name, _NEW, 0o600)
        digest = hashlib.sha256()
        size = 0
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for chunk in _chunks(head, rest):
                    digest.update(chunk)
                    size += len(chunk)
                    with faults_told(_WHERE):
                        _write_all(file, chunk)
                with faults_told(_WHERE):
                    os.fsync(file.fileno())
                    sync_folder(self._folder)
        except BaseException:
            self.remove(name)
            raise
        return size, digest.digest()

    def open(self, name: str) -> BinaryIO:
        return (self._folder / name).open("rb")

    def size_bytes(self, name: str) -> int | None:
        """Its size, or None where there is no such file."""
        try:
            return (self._folder / name).stat().st_size
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir())


def _chunks(head: bytes, rest: BinaryIO) -> Iterator[bytes]:
    for at in range(0, len(head), CHUNK_BYTES):
        yield head[at : at + CHUNK_BYTES]
    while chunk := rest.read(CHUNK_BYTES):
        yield chunk


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]
