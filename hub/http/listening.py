"""Listening at an address, and ending on a signal: for whichever server of ours."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from events.errors import WrongSettings


class Quiet(uvicorn.Server):
    """A server that leaves signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for who serves: uvicorn would raise them again at its end, before the hub is closed."""
        yield


def config_of(app: ASGIApp, grace_s: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=grace_s,
        timeout_keep_alive=75,
    )


@contextmanager
def listener_at(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, so that asyncio sends answers at once (TCP_NODELAY) instead of 40 ms later.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise cannot_listen(error, host, port) from error
        listener.set_inheritable(False)
        yield listener


def cannot_listen(error: OSError, host: str, port: int) -> WrongSettings:
    if error.errno == errno.EADDRINUSE:
        return WrongSettings(
            "port-in-use",
            "another process listens there",
            where=f"{host} port {port}",
            next_step="Stop it, or choose another port.",
        )
    return WrongSettings(
        "bad-address",
        f"it cannot be listened at ({errno.errorcode.get(error.errno or 0, 'no such host')})",
        where=f"{host} port {port}",
        next_step="Name an address of this machine, and a port that its user may open (1024 and higher).",
    )


@contextmanager
def signals_to(loop: asyncio.AbstractEventLoop, act: Callable[[signal.Signals], None]) -> Iterator[None]:
    """SIGTERM and SIGINT while it lasts; outside the main thread there are none to be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, act, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
