"""What became of what was sent: receipts and the quarantine."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from hub.http.asking import caller_of, desk_of, read, written
from hub.http.shapes.received import FoundMessages, Quarantine, Quarantined, Receipt, Retried
from hub.http.ways import Way


async def get_receipt(
    request: Request,
    receipt: str,
    after: Annotated[int, Query(ge=0, description="How many outcomes to pass over.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 1_000,
) -> Response:
    """A receipt with the outcome of each of its messages, a thousand at a time."""
    return await read(request, desk_of(request).services.receipt, caller_of(request), receipt, after=after, limit=limit)


async def find_message(
    request: Request,
    sender_id: Annotated[str, Query(min_length=1, max_length=512, description="MSH-10, or a CloudEvent's id.")],
    agency: str | None = None,
) -> Response:
    """What happened to a message, by the sender's own id; an adapter's token finds its own agency's."""
    return await read(request, desk_of(request).services.find_message, caller_of(request), sender_id, agency)


async def get_quarantine(
    request: Request,
    agency: str | None = None,
    state: Literal["waiting", "released", "expired", "all"] = "waiting",
    after: Annotated[int, Query(ge=0, description="The number after which to go on.")] = 0,
) -> Response:
    """Messages that could not be understood, each with its reason."""
    wanted = None if state == "all" else state
    services = desk_of(request).services
    return await read(request, services.quarantine, caller_of(request), agency=agency, state=wanted, after=after)


async def get_quarantined(request: Request, number: str) -> Response:
    """One message in quarantine, with its reason."""
    return await read(request, desk_of(request).services.quarantined, caller_of(request), number)


async def retry_quarantined(request: Request, number: str) -> Response:
    """Translates a message in quarantine again, after the adapter or the register was mended."""
    return await written(request, desk_of(request).services.retry, caller_of(request), number)


_AREA = "What became of them"
WAYS = (
    Way(
        method="GET",
        path="/v1/receipts/{receipt}",
        action="receipts",
        handler=get_receipt,
        summary="A receipt and its messages' outcomes",
        area=_AREA,
        answers=Receipt,
        codes=("unknown-receipt",),
    ),
    Way(
        method="GET",
        path="/v1/receipts",
        action="receipts",
        handler=find_message,
        summary="Find a message by its sender's id",
        area=_AREA,
        answers=FoundMessages,
        codes=("agency-never-heard",),
    ),
    Way(
        method="GET",
        path="/v1/quarantine",
        action="quarantine",
        handler=get_quarantine,
        summary="Messages in quarantine",
        area=_AREA,
        answers=Quarantine,
        codes=("agency-never-heard",),
    ),
    Way(
        method="GET",
        path="/v1/quarantine/{number}",
        action="quarantine",
        handler=get_quarantined,
        summary="One message in quarantine",
        area=_AREA,
        answers=Quarantined,
        codes=("unknown-quarantine-number", "bad-quarantine-number"),
    ),
    Way(
        method="POST",
        path="/v1/quarantine/{number}/retry",
        action="quarantine",
        handler=retry_quarantined,
        summary="Translate a message in quarantine again",
        area=_AREA,
        answers=Retried,
        codes=("unknown-quarantine-number", "bad-quarantine-number", "agreement-out-of-date"),
    ),
)
