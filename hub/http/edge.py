"""Around every request: its id, its figures, and an answer where something went wrong in the hub itself."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.http.metrics import Metrics
from hub.http.problems import MEDIA_TYPE, of_bug

log = structlog.get_logger()
_NOWHERE = "none"  # what no route answers: its path was sent, and may be anything
_GONE = 499  # never sent: the client went away before its request was whole


class Edge:
    """Plain ASGI, for its price is paid by every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = new_request_id()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(status, request_id)]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, sending)
            except ClientDisconnect:
                status = _GONE
            except Exception as error:
                await _own_up(error, _route(scope), sending, is_begun=bool(status))
        self._metrics.answered(_route(scope), scope["method"], status, time.perf_counter() - start)


_PROCESS = secrets.token_hex(4)
_count = itertools.count(1)


def new_request_id() -> str:
    """Ours alone: what a sender calls its request may hold anything.

    Counted, not drawn: asking the system for randomness lets go of the interpreter, and 64 other threads take it.
    """
    return f"{_PROCESS}-{next(_count):x}"


def _headers(status: int, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", request_id.encode()), (b"cache-control", b"no-store")]
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body is not wanted
    return headers


def _route(scope: Scope) -> str:
    """The route as it is written in the table: never the address that was asked for."""
    route: Any = scope.get("route")
    return route.path if route is not None else _NOWHERE


async def _own_up(error: Exception, route: str, send: Send, *, is_begun: bool) -> None:
    """Logs a bug without the values it met, and tells its reference. A begun answer is broken off."""
    reference = secrets.token_hex(4)
    log.error("request_failed", reference=reference, route=route, exc_info=error)
    if is_begun:
        raise BrokenOff from None
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": of_bug(reference)})


class BrokenOff(Exception):
    """An answer that had begun cannot be finished; the connection is cut, so that nobody takes it for whole."""
