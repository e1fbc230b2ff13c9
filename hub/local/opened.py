"""A home opened by the process that asks: for one command, or to be served."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import structlog

from events.errors import WrongSettings
from hub.assembly import Hub
from hub.local.operations import answer
from hub.local.requests import Document, Progress, Request, quiet
from hub.local.served import AGAIN_S, WAIT_S, is_served
from hub.logs import configure_logs
from hub.settings import Settings

_SETTLE_S = 600.0


class OpenedHome:
    """The home, opened by this process for as long as the command runs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def ask(self, request: Request, *, upload: BinaryIO | None = None, progress: Progress = quiet) -> Document:
        found = answer(self._hub, request, upload=upload, progress=progress)
        if not isinstance(found, dict):
            raise TypeError(f"{request.operation} answers with rows")
        return found

    def stream(self, request: Request) -> Iterator[Document]:
        found = answer(self._hub, request)
        if isinstance(found, dict):
            raise TypeError(f"{request.operation} answers with one document")
        return found


@contextmanager
def working(hub: Hub) -> Iterator[OpenedHome]:
    """A desk at a hub that is closed afterwards, when its views hold what was written."""
    with hub:
        yield OpenedHome(hub)
        if hub.runner.fault is None and hub.continuity.fault is None:  # else what is missing never comes
            hub.wait_until_read(_SETTLE_S)  # the next command finds it


@contextmanager
def held(settings: Settings, *, wait_s: float = WAIT_S) -> Iterator[Hub]:
    """The home, opened to be served. A command is waited for; another server is WrongSettings `home-in-use`."""
    deadline = time.monotonic() + wait_s
    while (hub := open_free(settings, is_last=is_served(settings.home) or time.monotonic() > deadline)) is None:
        time.sleep(AGAIN_S)
    with hub:
        yield hub


def open_free(settings: Settings, *, is_last: bool = False) -> Hub | None:
    """The open hub, or None while another process holds the home."""
    if not structlog.is_configured():  # a command says itself how it went: a log line would only say it twice
        configure_logs(level=settings.log_level or "silent")
    os.umask(0o077)  # whatever is made in a home from here on is its owner's alone
    try:
        return Hub(settings)
    except WrongSettings as error:
        if is_last or error.code != "home-in-use":
            raise
        return None
