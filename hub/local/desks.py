"""Where a command asks: the hub that serves the home, or the home opened by the command itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from events.errors import TryAgainLater, WrongSettings
from hub.local.requests import Document, Progress, Request, quiet
from hub.local.served import AGAIN_S, WAIT_S, ServedHome, is_served
from hub.opening import access_told
from hub.settings import Settings


class Desk(Protocol):
    """Answers requests, the same wherever it stands."""

    def ask(self, request: Request, *, upload: BinaryIO | None = None, progress: Progress = quiet) -> Document: ...

    def stream(self, request: Request) -> Iterator[Document]: ...


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
