"""A disk of a few megabytes to fill, and a folder on a read-only one, where the test may mount them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_BLOCK = b"x" * 65_536


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, but_bytes: int = 0) -> None:
        """Takes all room but so many bytes; without any, until the disk itself says that there is none."""
        disk = os.statvfs(self.folder)
        room = disk.f_bavail * disk.f_frsize - but_bytes
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while room > 0 or not but_bytes:
                room -= file.write(_BLOCK[:room] if but_bytes else _BLOCK) or 0

    def empty(self) -> None:
        """Gives the room back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, size_mb: int) -> Iterator[SmallDisk]:
    """A small disk at a folder; skips where this user may not mount one."""
    _mount("-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", folder)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder as it is on a disk mounted read-only; skips where this user may not mount one."""
    _mount("--bind", folder, folder)
    try:
        _mount("-o", "remount,ro,bind", folder)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _mount(*arguments: str | Path) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a disk")
    told = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if told.returncode != 0:
        pytest.skip(f"no disk could be mounted: {told.stderr.strip()}")
