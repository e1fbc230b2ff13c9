"""Messages in: CloudEvents by their own binding, any other format as raw bytes."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import orjson
import structlog
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from adapters.cloudevents.adapter import CloudEventsAdapter
from adapters.cloudevents.http_binding import BATCH, LINES, STRUCTURED, from_http
from adapters.sdk.adapter import Setting
from adapters.sdk.intake import is_small
from events.errors import Refused, RejectedMessage
from events.ids import Source, parse_source
from hub.access.door import Caller, permit_agency
from hub.http.asking import Desk, body_of, caller_of, desk_of, json_answer, run, spool, upload_of
from hub.http.shapes.received import Report
from hub.http.ways import Way

EVENTS_MAX_BYTES = 16 << 20
UPLOAD_MAX_BYTES = 1 << 30
_OPTION = "option."
_LOOKED_AT = 1_000
_SHOWN_IDS = 5
_SOURCE = re.compile(rb'"source"\s*:\s*"(urn:tellonce:source:[a-z0-9:-]+)"')
log = structlog.get_logger()


async def post_events(request: Request) -> Response:
    """One CloudEvent (structured or binary), a batch, or an event a line.

    The source that an event names says which system of the token's agency speaks; events of another source in the
    same batch go to quarantine. Answers when everything that was accepted is durable; messages in quarantine are in
    the report and do not make it an error.
    """
    body = await body_of(request, EVENTS_MAX_BYTES)
    raw = from_http(request.headers.items(), body)
    source = _source_of(raw, caller_of(request))
    return await _taken_in(request, raw, agency=source.agency, system=source.system, adapter="cloudevents")


async def post_intake(
    request: Request,
    agency: str,
    system: str,
    adapter: str,
    file_name: Annotated[
        str | None, Query(max_length=200, description="Must name nobody: addresses end up in logs of proxies.")
    ] = None,
) -> Response:
    """Raw bytes of any length in the adapter's format: a message, a file.

    Options of the adapter are given as `option.<name>=<value>`; one that it does not know is refused. Answers when
    everything that was accepted is durable; messages in quarantine are in the report and do not make it an error.
    """
    permit_agency(caller_of(request), agency)
    options = _options(request)
    with spool(desk_of(request)) as file:
        raw = await upload_of(request, file, UPLOAD_MAX_BYTES)
        return await _taken_in(
            request, raw, agency=agency, system=system, adapter=adapter, file_name=file_name, options=options
        )


async def _taken_in(request: Request, raw: Any, **arrival: Any) -> Response:
    return json_answer(await take_in(desk_of(request), caller_of(request), raw, way="http", **arrival))


async def take_in(desk: Desk, caller: Caller, raw: Any, *, way: str, **arrival: Any) -> dict[str, Any]:
    """The report on received bytes, counted and logged, once everything in it is durable."""
    start = time.perf_counter()
    if is_small(raw):
        report = await desk.services.small_intake(caller, raw, **arrival)
    else:
        report = await run(desk.writing, desk.services.intake, caller, raw, **arrival)
    took_s = time.perf_counter() - start
    desk.metrics.taken_in(way, report, took_s)
    log.info(
        "messages_taken_in",
        source=f"{arrival['agency']}/{arrival['system']}",
        adapter=arrival["adapter"],
        receipt=report["receipt"],
        count=report["messages"],
        events=report["events"],
        duplicates=report["duplicates"],
        quarantined=report["quarantined"],
        position=report["position"],
        event_ids=list(islice(_event_ids(report), _SHOWN_IDS)),
        took_ms=round(took_s * 1000, 1),
    )
    return report


def _event_ids(report: dict[str, Any]) -> Iterator[str]:
    return (event["id"] for outcome in report["outcomes"] for event in outcome["events"])


def _options(request: Request) -> dict[str, str]:
    """What the query gives as `option.<name>`. Raises RejectedMessage `bad-option`."""
    told = request.query_params.multi_items()
    given = [(name.removeprefix(_OPTION), value) for name, value in told if name.startswith(_OPTION)]
    if len(given) != len(dict(given)):
        raise RejectedMessage("bad-option", "an option is given once", where="query")
    return dict(given)


# ---- whose events


def _source_of(raw: bytes, caller: Caller) -> Source:
    """The source of the first event that names one of the caller's agency.

    Raises RejectedMessage where no event names a source, and Refused `other-agency` where all name others'.
    """
    if raw.translate(None, b" \t\r\n") == b"[]":
        raise RejectedMessage("empty", "there is no event in it", where="body", next_step="Send one event, or several.")
    foreign: Refused | None = None
    fault = RejectedMessage(
        "bad-source", "no event in it names its source", where="source", next_step="Every CloudEvent has a source."
    )
    for text in _sources(raw):
        try:
            source = parse_source(text)
            permit_agency(caller, source.agency)
        except RejectedMessage as error:
            fault = error
        except Refused as error:
            foreign = error
        else:
            return source
    raise foreign or fault


def _sources(raw: bytes) -> Iterator[str]:
    """What the first events say their source is."""
    for message in islice(CloudEventsAdapter().split(io.BytesIO(raw), Setting("", "")), _LOOKED_AT):
        try:
            event = orjson.loads(message.raw)
        except orjson.JSONDecodeError:
            # Broken, but told by somebody: it is to wait in the quarantine of the system that it names.
            found = _SOURCE.search(message.raw)
            event = {"source": found[1].decode()} if found else None
        source = event.get("source") if isinstance(event, dict) else None
        if isinstance(source, str):
            yield source


_CODES = (
    "unknown-agency",
    "unknown-system",
    "other-adapter",
    "agreement-out-of-date",
    "other-agency",
    "body-too-large",
    "disk-full",
)
WAYS = (
    Way(
        method="POST",
        path="/v1/events",
        action="intake",
        handler=post_events,
        summary="Send CloudEvents",
        area="Messages in",
        answers=Report,
        raw=(STRUCTURED, BATCH, LINES[0], "application/json"),
        codes=(*_CODES, "bad-source", "bad-header", "bad-json", "not-json", "empty", "unsupported-content-type"),
        example={
            "specversion": "1.0",
            "id": "note-1",
            "source": "urn:tellonce:source:larkmere-social-care:case-system",
            "type": "aboutme.statement-shared",
            "subject": "client/100",
            "fact": "aboutme/hopes",
            "order": "2025-03-01T09:00:00Z",
            "data": {"topic": "hopes", "text": "To get back to the allotment"},
        },
    ),
    Way(
        method="POST",
        path="/v1/intake/{agency}/{system}/{adapter}",
        action="intake",
        handler=post_intake,
        summary="Send messages or a file in an agency's own format",
        area="Messages in",
        answers=Report,
        raw=("application/octet-stream",),
        codes=(*_CODES, "unknown-adapter", "bad-option", "unknown-option", "option-of-register"),
        parameters=(
            {
                "name": "option.{name}",
                "in": "query",
                "description": "An option of the adapter, for example `option.order=2025-03-31`.",
                "schema": {"type": "string"},
            },
        ),
    ),
)
