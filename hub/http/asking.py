"""How a route gets its caller, its body and its answer; what every route shares."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, ParamSpec, TypeVar, cast

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from events.canonical import strict_loads
from events.errors import RejectedMessage
from hub.access.door import Caller, permit
from hub.access.tokens import Tokens
from hub.assembly import Hub
from hub.http.metrics import Metrics
from hub.http.problems import bad_parameters, bad_question
from hub.services import Services
from hub.sqlite import translated

QUESTION_MAX_BYTES = 64 << 10
SPOOLED_ABOVE_BYTES = 1 << 20
PART_TIMEOUT_S = 30.0
_WRITERS, _READERS, _WATCHERS = 64, 32, 2

P = ParamSpec("P")
T = TypeVar("T")
Question = TypeVar("Question", bound=BaseModel)


@dataclass(slots=True)
class Desk:
    """What the routes work with. Each kind of work has its own threads, so that none can starve another.

    Small messages need none: intake has a thread that takes in together whatever waits.
    """

    hub: Hub
    services: Services
    tokens: Tokens
    metrics: Metrics
    writing: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WRITERS, "intake"))
    reading: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_READERS, "reading"))
    watching: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_WATCHERS, "watching"))

    def close(self) -> None:
        """Returns when everything that was begun is done."""
        for pool in (self.writing, self.reading, self.watching):
            pool.shutdown(wait=True)


def desk_of(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


def caller_of(request: Request) -> Caller:
    """The caller that the door of this route has let in."""
    return cast("Caller", request.state.caller)


class DoorOf:
    """Asks the door before anything of a request is read: whose token it is, and whether its role may."""

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, request: Request) -> None:
        caller = desk_of(request).tokens.verify_token(request.headers.get("authorization"))
        permit(caller, self.action)
        request.state.caller = caller


class QueryOf:
    """Refuses what an address asks besides its route's own parameters, and what it asks twice.

    A misspelt `as_of` that nobody read would be answered with the present. `families` begin names that are free
    after them, as `option.` does.
    """

    def __init__(self, families: tuple[str, ...] = ()) -> None:
        self._families = families

    async def __call__(self, request: Request) -> None:
        names = [name for name, _ in request.query_params.multi_items()]
        if not names:
            return
        route = cast("APIRoute", request.scope["route"])
        known = [field.alias for field in route.dependant.query_params]
        strange = [name for name in names if name not in known and not name.startswith(self._families)]
        doubled = [name for name in known if names.count(name) > 1]
        if strange or doubled:
            told, errors = bad_parameters(strange, doubled, [*known, *(f"{each}<name>" for each in self._families)])
            raise BadQuestion(told, errors)


async def run(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The function's answer, worked out in a thread that knows the request's log keys."""
    context = contextvars.copy_context()
    work = partial(context.run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, work)


async def written(request: Request, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Response:
    """The JSON answer of something that appends to the log."""
    return json_answer(await run(desk_of(request).writing, function, *args, **kwargs))


async def read(request: Request, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Response:
    """The JSON answer of something that only reads."""
    return json_answer(await run(desk_of(request).reading, function, *args, **kwargs))


def json_answer(told: object, status: int = 200) -> Response:
    return Response(orjson.dumps(told), status, media_type="application/json")


# ---- bodies


async def body_of(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises RejectedMessage `body-too-large` or `body-too-slow`."""
    _check_length(request, max_bytes)
    parts: list[bytes] = []
    size = 0
    async for part in _parts(request):
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def question_of(request: Request, model: type[Question]) -> Question:
    """The body as a question. Raises RejectedMessage for what is no JSON, or not as the model says."""
    parsed = strict_loads(await body_of(request, QUESTION_MAX_BYTES) or b"{}")
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        told, errors = bad_question(error.errors(include_input=False, include_context=False, include_url=False))
        raise BadQuestion(told, errors) from error


class _Nothing(BaseModel):
    """Of a route whose address asks all there is to ask."""

    model_config = ConfigDict(extra="forbid")


async def no_question(request: Request) -> None:
    """Refuses a body where a route asks nothing: who writes `{"dry": true}` means something by it."""
    await question_of(request, _Nothing)


class BadQuestion(RejectedMessage):
    """A question with its faults, field by field."""

    def __init__(self, told: RejectedMessage, errors: list[dict[str, str]]) -> None:
        super().__init__(told.code, told.what, where=told.where, next_step=told.next_step)
        self.errors = errors


@contextmanager
def spool(desk: Desk) -> Iterator[BinaryIO]:
    """A file for a body: in memory while it is small, then in the home, without a name that could be left behind."""
    with SpooledTemporaryFile(SPOOLED_ABOVE_BYTES, dir=str(desk.hub.home)) as file:
        yield cast("BinaryIO", file)


async def upload_of(request: Request, file: BinaryIO, max_bytes: int) -> bytes | BinaryIO:
    """The body: as bytes while it is small, else the file, filled and rewound.

    Raises as `body_of` does, and TryAgainLater `disk-full`.
    """
    _check_length(request, max_bytes)
    desk = desk_of(request)
    size = waiting_bytes = 0
    waiting: list[bytes] = []
    async for part in _parts(request):
        size += len(part)
        waiting_bytes += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        waiting.append(part)
        if waiting_bytes > SPOOLED_ABOVE_BYTES:
            await run(desk.writing, _write, file, waiting)
            waiting, waiting_bytes = [], 0
    if size == waiting_bytes:
        return b"".join(waiting)
    await run(desk.writing, _write, file, waiting)
    file.seek(0)
    return file


def _write(file: BinaryIO, parts: Iterable[bytes]) -> None:
    try:
        file.writelines(parts)
        file.flush()
    except OSError as error:
        raise translated(error, "body") from error


async def _parts(request: Request) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(PART_TIMEOUT_S):
                message = await request.receive()
        except TimeoutError as error:
            raise RejectedMessage(
                "body-too-slow",
                f"nothing came for {PART_TIMEOUT_S:.0f} seconds",
                where="body",
                next_step="Send it again, without pauses.",
            ) from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if part := message.get("body", b""):
            yield part
        if not message.get("more_body", False):
            return


def _check_length(request: Request, max_bytes: int) -> None:
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told[:20]) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> RejectedMessage:
    return RejectedMessage(
        "body-too-large",
        f"this route takes {max_bytes} bytes at most",
        where="body",
        next_step="Send it in parts, or as a file to /v1/intake/{agency}/{system}/{adapter}.",
    )
