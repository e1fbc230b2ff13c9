"""Where a command asks: the hub that serves the home, or the home opened by the command itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from events.errors import HubError, TryAgainLater, WrongSettings
from hub.local import wire
from hub.local.requests import SOCKET, Document, Progress, Request, address, quiet
from hub.opening import access_told
from hub.settings import Settings

WAIT_S = 10.0  # for another command to finish with the home
AGAIN_S = 0.05


class Desk(Protocol):
    """Answers requests, the same wherever it stands."""

    def ask(self, request: Request, *, upload: BinaryIO | None = None, progress: Progress = quiet) -> Document: ...

    def stream(self, request: Request) -> Iterator[Document]: ...


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
def reached(settings: Settings, *, may_make_home: bool = False, wait_s: float = WAIT_S) -> Iterator[Desk]:
    """A desk for the home: a serving hub if one answers, else the home opened here.

    Raises WrongSettings `no-home`, and TryAgainLater `home-busy` where another command holds the home too long.
    """
    with access_told(settings.home):
        if not may_make_home and not (settings.home / "log.sqlite").exists():
            raise _no_home(settings.home)
    deadline = time.monotonic() + wait_s
    while not is_served(settings.home):
        from hub.local import opened  # it takes a second to import all that a hub is made of: only where one is opened

        hub = opened.open_free(settings)
        if hub is not None:
            with opened.working(hub) as desk:
                yield desk
            return
        if time.monotonic() > deadline:
            raise _busy(settings.home)
        time.sleep(AGAIN_S)
    yield ServedHome(settings.home)


@contextmanager
def _connected(home: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        with address(home) as where:
            connection.connect(where)
        yield connection


def _no_home(home: Path) -> WrongSettings:
    return WrongSettings(
        "no-home",
        "there is no hub's home here",
        where=str(home),
        next_step="Name another with --home or TELLONCE_HOME; `tellonce serve` makes a new one.",
    )


def _busy(home: Path) -> TryAgainLater:
    return TryAgainLater(
        "home-busy",
        "another command is still at work in this home",
        where=str(home),
        next_step="Wait for it to end, or start `tellonce serve`, which answers many commands at once.",
    )


def _went_away() -> HubError:
    return TryAgainLater(
        "hub-went-away",
        "the hub that serves this home stopped before it had answered",
        where=SOCKET,
        next_step="Give the command again: what was done already is not done twice.",
    )
