"""The application: the table of routes with the door before each, and problem details for whatever goes wrong."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import apsw
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from events.errors import HubError
from hub.access.tokens import Tokens
from hub.assembly import Hub
from hub.http import custody, health, intake, links, log, people, problems, receipts, sources, timeline
from hub.http.asking import BadQuestion, Desk, DoorOf, QueryOf, no_question
from hub.http.edge import Edge
from hub.http.health import Pulse
from hub.http.metrics import Metrics
from hub.http.ways import Way
from hub.services import Services

WAYS: tuple[Way, ...] = (
    *intake.WAYS,
    *receipts.WAYS,
    *people.WAYS,
    *timeline.WAYS,
    *links.WAYS,
    *custody.WAYS,
    *log.WAYS,
    *sources.WAYS,
    *health.WAYS,
)
TITLE = "Tell It Once"
API_VERSION = "1"
_BEAT_S = 1.0


def build_app(hub: Hub, tokens: Tokens) -> FastAPI:
    """The application for an open hub; `close_app` ends what it began."""
    services = Services(hub)
    metrics = Metrics(hub, services)
    app = bare_app()
    app.state.desk = Desk(hub, services, tokens, metrics)
    app.state.pulse = Pulse(hub)
    app.add_middleware(Edge, metrics=metrics)
    return app


def close_app(app: FastAPI) -> None:
    """Returns when every request that was taken is worked off."""
    app.state.desk.close()


def bare_app() -> FastAPI:
    """The routes alone, with nothing behind them: enough to describe them."""
    # The document is a file in schemas/: pages about it would load scripts from elsewhere.
    app = FastAPI(
        title=TITLE,
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_beating,
    )
    for way in WAYS:
        app.add_api_route(
            way.path,
            way.handler,
            methods=[way.method],
            dependencies=list(_asked_before(way)),
            response_model=None,
        )
    app.add_exception_handler(BadQuestion, _on_bad_question)
    app.add_exception_handler(HubError, problems.on_hub_error)
    for kind in (apsw.Error, sqlite3.Error):
        app.add_exception_handler(kind, problems.on_fault_of_a_file)
    app.add_exception_handler(RequestValidationError, problems.on_bad_question)
    app.add_exception_handler(HTTPException, problems.on_http_error)
    return app


def _asked_before(way: Way) -> Iterator[Any]:
    """What is looked at before a route's handler: the door first, then the address, then a body that nobody reads."""
    if way.action:
        yield Depends(DoorOf(way.action))
    yield Depends(QueryOf(way.families))
    if way.method == "POST" and way.asks is None and not way.raw:
        yield Depends(no_question)


def _on_bad_question(request: Request, error: Exception) -> Response:
    if not isinstance(error, BadQuestion):
        raise error
    return problems.answer(error, errors=error.errors)


@asynccontextmanager
async def _beating(app: FastAPI) -> AsyncIterator[None]:
    """Looks at the views every second, so that a standstill is known before anybody asks."""
    task = asyncio.create_task(_beat(app.state.pulse))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _beat(pulse: Any) -> None:
    while True:
        pulse.beat()
        await asyncio.sleep(_BEAT_S)
