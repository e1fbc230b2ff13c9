"""Errors as problem details (RFC 9457): what happened, where and what to do, and never a value that was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from events.errors import HubError, Refused, RejectedMessage, TryAgainLater
from hub.sqlite import of_reading

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
_KIND = "urn:tellonce:problem:"
_LIKE_A_PARAMETER = re.compile(r"[a-z]+([_.][a-z]+){0,3}")

_UNAUTHORISED = (
    "token-missing",
    "token-wrong",
    "token-expired",
    "token-not-yet-valid",
    "role-unknown",
    "purpose-unknown",
    "bad-token-claim",
)
_FORBIDDEN = (
    "not-permitted",
    "other-agency",
    "unknown-agency",
    "unknown-system",
    "other-adapter",
    "agreement-out-of-date",
    "not-signed",
    "bad-signature",
    "epoch-closed",
)
_NOT_FOUND = (
    "unknown-person",
    "unknown-fact",
    "unknown-record",
    "unknown-receipt",
    "unknown-place",
    "unknown-quarantine-number",
    "unknown-adapter",
    "no-such-route",
    "unknown-log",
    "epoch-unknown",
    "epoch-pending",
)
_CONFLICTS = (
    "already-linked",
    "already-merged",
    "not-linked",
    "not-merged",
    "several-persons",
    "stale-cursor",
    "other-epoch",
    "held",
    "rules-would-vanish",
    "not-erased",
    "not-restricted",
    "not-held",
    "not-redactable",
    "row-changed",
    "nobody-named",
    "forked",  # as C2SP tlog-witness has it
)
_NOT_UNDERSTOOD = ("unknown-option", "option-of-register")
_UNANSWERABLE = (
    "bad-question",
    "unknown-type",
    "agency-never-heard",
    "unknown-reason",
    "reversed-range",
    "unproven",
    "superfluous-proof",
    "prefix-changed",
    "unknown-parent",
    "unknown-rule",
)
_LATER = (
    "disk-full",
    "hub-stopping",
    "views-behind",
    "projections-stopped",
    "lanes-halted",
    "views-stand-still",
    "erasure-waits",
    "log-behind",
    "log-differs",
    "erasure-list-old",
    "log-not-verified",
)
STATUS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(_NOT_UNDERSTOOD, 400),
        **dict.fromkeys(_UNAUTHORISED, 401),
        **dict.fromkeys(_FORBIDDEN, 403),
        **dict.fromkeys(_NOT_FOUND, 404),
        "method-not-allowed": 405,
        "body-too-slow": 408,
        "body-too-large": 413,
        "too-large": 413,
        "unsupported-content-type": 415,
        **dict.fromkeys(_UNANSWERABLE, 422),
        **dict.fromkeys(_CONFLICTS, 409),
        "too-many-requests": 429,
        **dict.fromkeys(_LATER, 503),
    }
)


def status_of(error: HubError) -> int:
    """The HTTP status that says the same as the error's code, or else as its kind."""
    if error.code in STATUS:
        return STATUS[error.code]
    if isinstance(error, RejectedMessage):
        return 400
    if isinstance(error, Refused):
        return 409
    return 503 if isinstance(error, TryAgainLater) else 500


def document_of(error: HubError, **more: Any) -> dict[str, Any]:
    """The error as a problem document."""
    status = status_of(error)
    return {
        "type": f"{_KIND}{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{error.what}.",
        "code": error.code,
        "where": error.where,
        "next_step": error.next_step,
        **more,
    }


def answer(error: HubError, **more: Any) -> Response:
    """The error as an answer."""
    told = document_of(error, **more)
    headers = {}
    if told["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if told["status"] in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(orjson.dumps(told), told["status"], headers, MEDIA_TYPE)


def of_bug(reference: str) -> bytes:
    """The body of the answer to something that went wrong in the hub itself."""
    error = HubError(
        "internal-error",
        "something in the hub itself went wrong",
        where=f"reference {reference}",
        next_step="Tell whoever runs the hub this reference: its log says where it happened.",
    )
    return orjson.dumps(document_of(error, reference=reference))


def bad_question(faults: Sequence[Mapping[str, Any]]) -> tuple[RejectedMessage, list[dict[str, str]]]:
    """What pydantic found wrong with a question: places and rules, without what was sent."""
    errors = [{"where": _place(fault), "what": _rule(fault)} for fault in faults]
    where = ", ".join(dict.fromkeys(each["where"] for each in errors))
    error = RejectedMessage(
        "bad-question", "the question is not as it must be", where=where, next_step="docs/http.md has every route."
    )
    return error, errors


def bad_parameters(
    strange: Sequence[str], doubled: Sequence[str], known: Sequence[str]
) -> tuple[RejectedMessage, list[dict[str, str]]]:
    """What is wrong with the parameters of an address: those that the route does not have, and doubled ones."""
    faults = [(name, "this route has no such parameter") for name in strange]
    faults += [(name, "given more than once") for name in doubled if name not in strange]
    errors = [{"where": _parameter(name), "what": what} for name, what in dict.fromkeys(faults)]
    takes = f"This route takes {', '.join(known)}." if known else "This route takes no parameters."
    where = ", ".join(dict.fromkeys(each["where"] for each in errors))
    what = " and ".join(dict.fromkeys(each["what"] for each in errors))
    return RejectedMessage("bad-question", what, where=where, next_step=takes), errors


def _parameter(name: str) -> str:
    """The parameter as an error names it: one that does not look like one may be anything, a name among them."""
    return f"query.{name}" if _LIKE_A_PARAMETER.fullmatch(name) else "query: a parameter that is not asked for"


def _place(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":  # its name was sent, and may be anything
        return "a field that is not asked for"
    return ".".join(str(part) for part in fault["loc"]) or "body"


def _rule(fault: Mapping[str, Any]) -> str:
    return "not asked for" if fault["type"] == "extra_forbidden" else str(fault["msg"])


# ---- what FastAPI and Starlette raise


def on_hub_error(request: Request, error: Exception) -> Response:
    return answer(error) if isinstance(error, HubError) else _never(error)


def on_fault_of_a_file(request: Request, error: Exception) -> Response:
    """What SQLite raises where the disk is full or fails; anything else of it is a bug."""
    told = of_reading(error, "home")
    return answer(told) if isinstance(told, HubError) else _never(error)


def on_bad_question(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return _never(error)
    told, errors = bad_question(error.errors())
    return answer(told, errors=errors)


def on_http_error(request: Request, error: Exception) -> Response:
    """A path or method that no route has; its text is the framework's own, so it is said anew."""
    if not isinstance(error, HTTPException):
        return _never(error)
    if error.status_code == 405:
        found = answer(
            Refused("method-not-allowed", "this route has other methods", next_step="docs/http.md has every route.")
        )
        found.headers["Allow"] = ", ".join(_methods(request))
        return found
    if error.status_code == 404:
        return answer(Refused("no-such-route", "there is nothing here", next_step="docs/http.md has every route."))
    return answer(RejectedMessage("bad-request", "the request cannot be read"))


def _methods(request: Request) -> list[str]:
    """What may be done at an address; two routes can share one."""
    routes = [route for route in request.app.routes if isinstance(route, APIRoute)]
    at = [route for route in routes if route.path_regex.match(request.url.path)]
    return sorted({method for route in at for method in route.methods or ()})


def _never(error: Exception) -> Response:
    raise error
