"""The OpenAPI document and the reference of routes, both from the table of routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.access.door import ROLES
from hub.http.app import API_VERSION, TITLE, WAYS, bare_app
from hub.http.problems import MEDIA_TYPE, STATUS
from hub.http.shapes.running import Problem
from hub.http.ways import Way

_REF = "#/components/schemas/{model}"
_SECURED = (
    "token-missing",
    "token-wrong",
    "token-expired",
    "token-not-yet-valid",
    "role-unknown",
    "purpose-unknown",
    "not-permitted",
)
_ABOUT = "Agencies' messages in, one timeline per person out: now, and as of any moment. docs/http.md tells the rest."
_PROBLEM_EXAMPLE = {
    "type": "urn:tellonce:problem:token-expired",
    "title": "Unauthorized",
    "status": 401,
    "detail": "the token's time is over.",
    "code": "token-expired",
    "where": "token",
    "next_step": "Ask for a new one: `tellonce token`.",
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1 of every route: who may, what is asked, what is answered, which problems it has of its own."""
    told = get_openapi(title=TITLE, version=API_VERSION, description=_ABOUT, routes=bare_app().routes)
    for way in WAYS:
        operation = told["paths"][way.path][way.method.lower()]
        told["paths"][way.path][way.method.lower()] = _dressed(operation, way)
    told["components"] = {
        "schemas": _schemas(),
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
    return dict(told)


def _dressed(operation: Mapping[str, Any], way: Way) -> dict[str, Any]:
    parameters = [*operation.get("parameters", ()), *way.parameters]
    told = {
        "operationId": way.handler.__name__,
        "summary": way.summary,
        "description": operation.get("description", ""),
        "tags": [way.area],
        "security": [{"token": []}] if way.action else [],
        "x-roles": list(way.roles) if way.action else [],
    }
    if parameters:
        told["parameters"] = parameters
    if way.asks is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": _content(way.asks, way.example)}}
    elif way.raw:
        told["requestBody"] = {"required": True, "content": dict(_raw_contents(way))}
    told["responses"] = {"200": _answer(way), **dict(_problems(way)), "default": _problem("Any other problem.")}
    return told


def _raw_contents(way: Way) -> Iterator[tuple[str, dict[str, Any]]]:
    for media_type in way.raw:
        if way.example and media_type == way.raw[0]:
            yield media_type, {"schema": {"type": "object"}, "example": dict(way.example)}
        else:
            yield media_type, {"schema": {"type": "string", "format": "binary"}}


def _answer(way: Way) -> dict[str, Any]:
    content = {"schema": {"type": "string"}} if way.answers is None else _content(way.answers, {})
    return {"description": "As asked.", "content": {way.media_type: content}}


def _content(model: type[BaseModel], example: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"schema": schema, "example": dict(example)} if example else {"schema": schema}


def _problems(way: Way) -> Iterator[tuple[str, dict[str, Any]]]:
    """The route's problems by status, each with its codes."""
    by_status: dict[int, list[str]] = {}
    for code in (*(_SECURED if way.action else ()), *way.codes):
        by_status.setdefault(status_of_code(code), []).append(code)
    for status in sorted(by_status):
        yield str(status), _problem(f"Codes: {', '.join(f'`{code}`' for code in by_status[status])}.")


def _problem(what: str) -> dict[str, Any]:
    content = {"schema": {"$ref": _REF.format(model=Problem.__name__)}, "example": _PROBLEM_EXAMPLE}
    return {"description": what, "content": {MEDIA_TYPE: content}}


def status_of_code(code: str) -> int:
    """The status that a code comes with; what the table does not name is the sender's to mend."""
    return STATUS.get(code, 400)


def _schemas() -> dict[str, Any]:
    models = {model for way in WAYS for model in (way.asks, way.answers) if model is not None} | {Problem}
    ordered = sorted(models, key=lambda model: model.__name__)
    asked = {way.asks for way in WAYS}
    _, told = models_json_schema(
        [(model, "validation" if model in asked else "serialization") for model in ordered], ref_template=_REF
    )
    return dict(told["$defs"])


# ---- the reference in docs/http.md


def reference() -> str:
    """Which role reaches which route, and the problems that are a route's own."""
    parts = ["## Routes and roles\n"]
    for area in dict.fromkeys(way.area for way in WAYS):
        ways = [way for way in WAYS if way.area == area]
        parts.append(f"### {area}\n")
        parts.append("\n".join(_rows(ways)) + "\n")
    parts.append("## Problems of single routes\n")
    parts.append("\n".join(_code_rows()) + "\n")
    return "\n".join(parts)


def _rows(ways: Sequence[Way]) -> Iterator[str]:
    yield f"| route | what | {' | '.join(ROLES)} |"
    yield f"|---|---|{'---|' * len(ROLES)}"
    for way in ways:
        marks = ["no token" if way.action is None else "yes" if role in way.roles else "" for role in ROLES]
        yield f"| `{way.method} {way.path}` | {way.summary} | {' | '.join(marks)} |"


def _code_rows() -> Iterator[str]:
    routes: dict[str, list[str]] = {}
    for way in WAYS:
        for code in way.codes:
            routes.setdefault(code, []).append(f"`{way.path}`")
    yield "| status | code | routes |"
    yield "|---|---|---|"
    for code in sorted(routes, key=lambda each: (status_of_code(each), each)):
        yield f"| {status_of_code(code)} | `{code}` | {', '.join(dict.fromkeys(routes[code]))} |"
