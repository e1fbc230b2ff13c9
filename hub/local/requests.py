"""One call of an operation, and where its socket lies: all that a command needs to know to ask a serving hub."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.access.door import Caller

Document = dict[str, Any]
Progress = Callable[[int, int], None]
SOCKET = "hub.sock"
PATH_BYTES_MAX = 107  # of a socket's address, without the closing NUL (unix(7))


@dataclass(frozen=True, slots=True)
class Request:
    """An operation's name, who asks, and its arguments as parsed JSON.

    An empty role stands for the local user's usual one for the operation, an empty purpose for the role's own.
    """

    operation: str
    caller: Caller
    arguments: Mapping[str, Any]


def quiet(done: int, of: int) -> None:
    """Shows no progress."""


@contextmanager
def address(home: Path) -> Iterator[str]:
    """An address of the home's socket that fits, however long the home's path is."""
    plain = os.fspath(home / SOCKET)
    if len(os.fsencode(plain)) <= PATH_BYTES_MAX:
        yield plain
        return
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
