"""A person's timeline, now or as of any moment, and everything ever said of one fact."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from hub.http.asking import caller_of, desk_of, question_of, read
from hub.http.shapes.people import History, Timeline, TimelineAsked
from hub.http.ways import Way
from hub.reading import LIMIT_DEFAULT, LIMIT_MAX, TimelineQuestion


async def get_timeline(
    request: Request,
    person: str,
    as_of: Annotated[str | None, Query(description="An RFC 3339 instant, or a day: as of its end.")] = None,
    day_from: Annotated[str | None, Query(alias="from", description="Only what was true on this day or later.")] = None,
    day_to: Annotated[str | None, Query(alias="to", description="Only what was true on this day or earlier.")] = None,
    agency: Annotated[str | None, Query(description="Only what this agency said.")] = None,
    type_: Annotated[
        str | None, Query(alias="type", description="Only events of this type, or family of types (`health`).")
    ] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    order: Literal["oldest", "newest"] = "oldest",
    min_position: Annotated[
        str | None,
        Query(description="A position that an intake answered: waits up to 5 seconds until it is read; see `stale`."),
    ] = None,
) -> Response:
    """What stands on a person's timeline, page by page."""
    question = TimelineQuestion(
        person, None, as_of, day_from, day_to, agency, type_, cursor, limit, order == "newest", min_position
    )
    return await _timeline(request, question)


async def search_timeline(request: Request) -> Response:
    """The same, of a person named in the body, by person number or NHS number."""
    asked = await question_of(request, TimelineAsked)
    named = asked.model_dump()
    return await _timeline(request, TimelineQuestion(newest_first=named.pop("order") == "newest", **named))


async def _timeline(request: Request, question: TimelineQuestion) -> Response:
    return await read(request, desk_of(request).services.reading.timeline, caller_of(request), question)


async def get_history(request: Request, fact: str) -> Response:
    """Everything ever said of one fact: assertions, withdrawals, voids, and when each stood."""
    return await read(request, desk_of(request).services.reading.history, caller_of(request), fact)


_AREA = "Timelines"
_CODES = (
    "unknown-person",
    "bad-person-number",
    "bad-moment",
    "as-of-in-future",
    "bad-day",
    "reversed-range",
    "unknown-type",
    "agency-never-heard",
    "bad-cursor",
    "stale-cursor",
    "bad-position",
    "other-epoch",
)
_HISTORY_CODES = ("unknown-fact", "bad-fact-reference")
WAYS = (
    Way(
        method="GET",
        path="/v1/people/{person}/timeline",
        action="timeline",
        handler=get_timeline,
        summary="A person's timeline",
        area=_AREA,
        answers=Timeline,
        codes=_CODES,
    ),
    Way(
        method="POST",
        path="/v1/timeline/search",
        action="timeline",
        handler=search_timeline,
        summary="A timeline by NHS number",
        area=_AREA,
        asks=TimelineAsked,
        answers=Timeline,
        codes=(*_CODES, "whose-timeline", "bad-nhs-number", "several-persons"),
        example={"nhs_number": "999 123 4543", "as_of": "2025-03-31"},
    ),
    Way(
        method="GET",
        path="/v1/history/{fact}",
        action="history",
        handler=get_history,
        summary="One fact's history",
        area=_AREA,
        answers=History,
        codes=_HISTORY_CODES,
    ),
)
