"""How it goes: agencies, their systems, and the hub as a whole."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from hub.http.asking import caller_of, desk_of, read, run
from hub.http.metrics import MEDIA_TYPE
from hub.http.shapes.running import Agencies, Sources, Status
from hub.http.ways import Way


async def get_sources(request: Request) -> Response:
    """Each source: when it last sent, what became of it by day, shared message ids, gaps in its sequence.

    An adapter's token sees its own agency's.
    """
    return await read(request, desk_of(request).services.sources, caller_of(request))


async def get_agencies(request: Request) -> Response:
    """The register: who may send, and under which agreement; an adapter's token sees its own agency's entry."""
    return await read(request, desk_of(request).services.agencies, caller_of(request))


async def get_status(request: Request) -> Response:
    """How far the views are, what stands still, how much there is."""
    return await read(request, desk_of(request).services.status, caller_of(request))


async def get_metrics(request: Request) -> Response:
    """Figures in the text format of Prometheus."""
    desk = desk_of(request)
    return Response(await run(desk.watching, desk.metrics.text), media_type=MEDIA_TYPE)


_AREA = "The hub"
WAYS = (
    Way(
        method="GET",
        path="/v1/sources",
        action="sources",
        handler=get_sources,
        summary="How each source does",
        area=_AREA,
        answers=Sources,
    ),
    Way(
        method="GET",
        path="/v1/agencies",
        action="agencies",
        handler=get_agencies,
        summary="The register of agencies",
        area=_AREA,
        answers=Agencies,
    ),
    Way(
        method="GET",
        path="/v1/status",
        action="status",
        handler=get_status,
        summary="The hub's state",
        area=_AREA,
        answers=Status,
    ),
    Way(
        method="GET",
        path="/metrics",
        action="status",
        handler=get_metrics,
        summary="Figures for Prometheus",
        area=_AREA,
        answers=None,
        media_type=MEDIA_TYPE,
    ),
)
