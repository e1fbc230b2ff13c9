"""The log itself, for auditors: a line of JSON an event, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Annotated, Any

import orjson
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hub.http.asking import Desk, caller_of, desk_of, run
from hub.http.shapes.running import LogRow
from hub.http.ways import Way

MEDIA_TYPE = "application/x-ndjson"
_AT_ONCE = 250


async def read_log(
    request: Request,
    start: Annotated[str | None, Query(description="Begin with the event at this position.")] = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Events in the order of the log, with what the log assigned to them: position, known time, leaf."""
    desk = desk_of(request)
    rows = await run(desk.reading, desk.services.read_log, caller_of(request), start=start, limit=limit)
    return StreamingResponse(_lines(desk, rows), media_type=MEDIA_TYPE)


async def _lines(desk: Desk, rows: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    while part := await run(desk.reading, _part, rows):
        yield part


def _part(rows: Iterator[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in islice(rows, _AT_ONCE))


WAYS = (
    Way(
        method="GET",
        path="/v1/log",
        action="log",
        handler=read_log,
        summary="Read the log",
        area="The hub",
        answers=LogRow,
        media_type=MEDIA_TYPE,
        codes=("bad-position", "other-epoch"),
    ),
)
