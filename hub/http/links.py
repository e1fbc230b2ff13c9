"""Linkage by hand: which record belongs to whom, and which persons are one. Each decision is an event."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from hub.http.asking import caller_of, desk_of, question_of, written
from hub.http.shapes.people import LinkAsked, Linked, PairAsked, Paired, UnlinkAsked
from hub.http.ways import Way


async def link(request: Request) -> Response:
    """Links a record to a person; a number left without records leads on to this one."""
    asked = await question_of(request, LinkAsked)
    return await written(request, desk_of(request).services.link, caller_of(request), **asked.model_dump())


async def unlink(request: Request) -> Response:
    """Returns a record to the number opened for it, or to a new one; the answer names it."""
    asked = await question_of(request, UnlinkAsked)
    return await written(request, desk_of(request).services.unlink, caller_of(request), **asked.model_dump())


async def merge(request: Request) -> Response:
    """Merges a person into another: both numbers show the same from now on."""
    asked = await question_of(request, PairAsked)
    return await written(request, desk_of(request).services.merge, caller_of(request), **asked.model_dump())


async def unmerge(request: Request) -> Response:
    """Takes a merge back: the timelines are those of people never merged."""
    asked = await question_of(request, PairAsked)
    return await written(request, desk_of(request).services.unmerge, caller_of(request), **asked.model_dump())


_RECORD = "larkmere-social-care:case-system/client/100"
_WHY = "same person: confirmed by telephone"
_PAIR = {"survivor": "7K2M-9QX3", "absorbed": "3F8P-0TRT", "reason": "confirmed-by-person"}
_AREA = "Linkage by hand"
WAYS = (
    Way(
        method="POST",
        path="/v1/links",
        action="linkage",
        handler=link,
        summary="Link a record to a person",
        area=_AREA,
        asks=LinkAsked,
        answers=Linked,
        codes=("unknown-record", "unknown-person", "bad-record", "bad-person-number", "already-linked"),
        example={"record": _RECORD, "person": "7K2M-9QX3", "reason": _WHY},
    ),
    Way(
        method="POST",
        path="/v1/unlinks",
        action="linkage",
        handler=unlink,
        summary="Unlink a record",
        area=_AREA,
        asks=UnlinkAsked,
        answers=Linked,
        codes=("unknown-record", "bad-record", "not-linked"),
        example={"record": _RECORD, "reason": "a neighbour of the same name"},
    ),
    Way(
        method="POST",
        path="/v1/merges",
        action="linkage",
        handler=merge,
        summary="Merge two persons",
        area=_AREA,
        asks=PairAsked,
        answers=Paired,
        codes=("unknown-reason", "unknown-person", "bad-person-number", "already-merged"),
        example=_PAIR,
    ),
    Way(
        method="POST",
        path="/v1/unmerges",
        action="linkage",
        handler=unmerge,
        summary="Take a merge back",
        area=_AREA,
        asks=PairAsked,
        answers=Paired,
        codes=("unknown-reason", "bad-person-number", "not-merged"),
        example={**_PAIR, "reason": "different-people"},
    ),
)
