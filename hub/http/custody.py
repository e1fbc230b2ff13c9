"""Whole records in the hands of officers: erasing, restricting, holding, retention, redaction, admitting again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from hub.http.asking import caller_of, desk_of, question_of, read, written
from hub.http.shapes.custody import (
    ActAsked,
    Acted,
    Certificate,
    DestroyedClasses,
    ErasureAsked,
    HeldRecords,
    HoldAsked,
    Holds,
    Plan,
    PlanAsked,
    Redacted,
    RedactionAsked,
    RetentionTable,
)
from hub.http.ways import Way


async def plan(request: Request) -> Response:
    """What would go with a record: nothing is changed."""
    asked = await question_of(request, PlanAsked)
    return await read(request, desk_of(request).services.officer.plan, caller_of(request), asked.record)


async def erase(request: Request) -> Response:
    """Erases a record for good; the answer is the certificate."""
    asked = await question_of(request, ErasureAsked)
    return await written(request, desk_of(request).services.officer.erase, caller_of(request), **asked.model_dump())


async def readmit(request: Request) -> Response:
    """Takes an erased record in again, as one that nobody has seen before."""
    asked = await question_of(request, ActAsked)
    return await written(request, desk_of(request).services.officer.readmit, caller_of(request), **asked.model_dump())


async def restrict(request: Request) -> Response:
    """Lets nobody read a record, of whatever time."""
    asked = await question_of(request, ActAsked)
    return await written(request, desk_of(request).services.officer.restrict, caller_of(request), **asked.model_dump())


async def unrestrict(request: Request) -> Response:
    """Lets a restricted record be read again."""
    asked = await question_of(request, ActAsked)
    officer = desk_of(request).services.officer
    return await written(request, officer.unrestrict, caller_of(request), **asked.model_dump())


async def hold(request: Request) -> Response:
    """Holds a record, or all records of a person: nothing of them is erased."""
    asked = await question_of(request, HoldAsked)
    return await written(request, desk_of(request).services.officer.hold, caller_of(request), **asked.model_dump())


async def lift(request: Request) -> Response:
    """Lifts the hold of a reference."""
    asked = await question_of(request, HoldAsked)
    return await written(request, desk_of(request).services.officer.lift, caller_of(request), **asked.model_dump())


async def holds(request: Request) -> Response:
    """What is held."""
    return await read(request, desk_of(request).services.officer.holds, caller_of(request))


async def retention(request: Request) -> Response:
    """How long each class is kept, and what was kept long enough."""
    return await read(request, desk_of(request).services.officer.retention, caller_of(request))


async def apply_retention(request: Request) -> Response:
    """Destroys what was kept long enough and is not held."""
    return await written(request, desk_of(request).services.officer.apply_retention, caller_of(request))


async def redact(request: Request) -> Response:
    """Takes the content of one event away from everybody, or only the third persons whom its fact names."""
    asked = await question_of(request, RedactionAsked)
    return await written(request, desk_of(request).services.officer.redact, caller_of(request), **asked.model_dump())


_AREA = "Erasure and holds"
_RECORD = "larkmere-social-care:case-system/client/100"
_ACT = {"record": _RECORD, "ground": "accuracy-contested", "reference": "DSR-2025-17"}
_UNWRITTEN = "erasure-list-unwritten"
_BAD = ("bad-record", "bad-ground", "bad-reference", _UNWRITTEN)
WAYS = (
    Way(
        method="POST",
        path="/v1/erasures/plan",
        action="custody",
        handler=plan,
        summary="Say what would be erased",
        area=_AREA,
        asks=PlanAsked,
        answers=Plan,
        codes=("unknown-record", "bad-record", "views-behind"),
        example={"record": _RECORD},
    ),
    Way(
        method="POST",
        path="/v1/erasures",
        action="custody",
        handler=erase,
        summary="Erase a record",
        area=_AREA,
        asks=ErasureAsked,
        answers=Certificate,
        codes=("unknown-record", "held", "rules-would-vanish", "unknown-rule", "views-behind", "erasure-waits", *_BAD),
        example={**_ACT, "ground": "request", "ends": []},
    ),
    Way(
        method="POST",
        path="/v1/readmissions",
        action="custody",
        handler=readmit,
        summary="Admit an erased record again",
        area=_AREA,
        asks=ActAsked,
        answers=Acted,
        codes=("not-erased", *_BAD),
        example={**_ACT, "ground": "came-back"},
    ),
    Way(
        method="POST",
        path="/v1/restrictions",
        action="custody",
        handler=restrict,
        summary="Restrict a record",
        area=_AREA,
        asks=ActAsked,
        answers=Acted,
        codes=("unknown-record", *_BAD),
        example=_ACT,
    ),
    Way(
        method="POST",
        path="/v1/restrictions/end",
        action="custody",
        handler=unrestrict,
        summary="End a restriction",
        area=_AREA,
        asks=ActAsked,
        answers=Acted,
        codes=("unknown-record", "not-restricted", *_BAD),
        example={**_ACT, "ground": "resolved"},
    ),
    Way(
        method="GET",
        path="/v1/holds",
        action="custody",
        handler=holds,
        summary="What is held",
        area=_AREA,
        answers=Holds,
        codes=("views-behind",),
    ),
    Way(
        method="POST",
        path="/v1/holds",
        action="custody",
        handler=hold,
        summary="Place a legal hold",
        area=_AREA,
        asks=HoldAsked,
        answers=HeldRecords,
        codes=("unknown-record", "unknown-person", "whose-hold", "bad-person-number", *_BAD),
        example={**_ACT, "ground": "litigation"},
    ),
    Way(
        method="POST",
        path="/v1/holds/lift",
        action="custody",
        handler=lift,
        summary="Lift a legal hold",
        area=_AREA,
        asks=HoldAsked,
        answers=HeldRecords,
        codes=("unknown-record", "not-held", "whose-hold", "bad-person-number", *_BAD),
        example={**_ACT, "ground": "settled"},
    ),
    Way(
        method="GET",
        path="/v1/retention",
        action="custody",
        handler=retention,
        summary="What was kept long enough",
        area=_AREA,
        answers=RetentionTable,
        codes=("bad-retention",),
    ),
    Way(
        method="POST",
        path="/v1/retention/apply",
        action="custody",
        handler=apply_retention,
        summary="Destroy what was kept long enough",
        area=_AREA,
        answers=DestroyedClasses,
        codes=("bad-retention", "held", "erasure-waits", _UNWRITTEN),
    ),
    Way(
        method="POST",
        path="/v1/redactions",
        action="custody",
        handler=redact,
        summary="Redact an event",
        area=_AREA,
        asks=RedactionAsked,
        answers=Redacted,
        codes=(
            "not-redactable",
            "row-changed",
            "nobody-named",
            "other-epoch",
            "bad-position",
            "held",
            "erasure-waits",
            _UNWRITTEN,
            "bad-ground",
            "bad-reference",
        ),
        example={"position": "1-5f2d01ab:main-0:17", "ground": "third-person", "reference": "DSR-2025-17"},
    ),
)
