"""Who is who: persons, and looking them up. Nothing that identifies a person stands in an address."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from hub.http.asking import caller_of, desk_of, question_of, read
from hub.http.shapes.people import People, PeopleAsked, Person
from hub.http.ways import Way


async def get_person(
    request: Request,
    person: str,
    as_of: Annotated[str | None, Query(description="An RFC 3339 instant, or a day: as of its end.")] = None,
) -> Response:
    """A person's records, and what each is registered with, or was as of a moment."""
    return await read(request, desk_of(request).services.reading.person, caller_of(request), person, as_of)


async def search_people(request: Request) -> Response:
    """Persons with an NHS number, with a name and birth date, or of a record."""
    asked = await question_of(request, PeopleAsked)
    return await read(request, desk_of(request).services.reading.find, caller_of(request), **asked.model_dump())


WAYS = (
    Way(
        method="GET",
        path="/v1/people/{person}",
        action="people",
        handler=get_person,
        summary="A person",
        area="People",
        answers=Person,
        codes=("unknown-person", "bad-person-number", "bad-moment", "as-of-in-future"),
    ),
    Way(
        method="POST",
        path="/v1/people/search",
        action="people",
        handler=search_people,
        summary="Look people up",
        area="People",
        asks=PeopleAsked,
        answers=People,
        codes=("find-by-what", "bad-nhs-number", "bad-day", "bad-record"),
        example={"nhs_number": "999 123 4543"},
    ),
)
