"""The hub that serves a home, as another process reaches it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from events.errors import HubError, TryAgainLater
from hub.local import wire
from hub.local.requests import SOCKET, Document, Progress, Request, address, quiet

WAIT_S = 10.0  # for another command to finish with the home
AGAIN_S = 0.05


class ServedHome:
    """The hub that serves the home, asked over its socket; a connection for each request."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def ask(self, request: Request, *, upload: BinaryIO | None = None, progress: Progress = quiet) -> Document:
        for told in self._told(request, upload):
            if "progress" in told:
                progress(*told["progress"])
            elif "answer" in told:
                found: Document = told["answer"]
                return found
        raise _went_away()

    def stream(self, request: Request) -> Iterator[Document]:
        for told in self._told(request, None):
            if "answer" in told:
                return
            yield told["row"]
        raise _went_away()

    def _told(self, request: Request, upload: BinaryIO | None) -> Iterator[dict[str, Any]]:
        with _connected(self._home) as connection, connection.makefile("rb") as source:
            # A hub that refuses early stops listening to the upload: its answer is there all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(wire.request_line(request, has_upload=upload is not None))
                if upload is not None:
                    wire.send_upload(upload, connection.sendall)
            try:
                for told in wire.answers(source):
                    if "error" in told:
                        raise wire.error_of(told["error"])
                    yield told
            except OSError as error:
                raise _went_away() from error


def is_served(home: Path) -> bool:
    """Whether a hub answers at the home's socket."""
    try:
        with _connected(home):
            return True
    except OSError:
        return False


@contextmanager
def _connected(home: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        with address(home) as where:
            connection.connect(where)
        yield connection


def _went_away() -> HubError:
    return TryAgainLater(
        "hub-went-away",
        "the hub that serves this home stopped before it had answered",
        where=SOCKET,
        next_step="Give the command again: what was done already is not done twice.",
    )
