"""Every operation on an open hub, by name: one table for commands in this process and for those over the socket.

Arguments are parsed JSON and go to the function by name; an answer is parsed JSON, or an iterator of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Literal

from events.errors import RejectedMessage
from hub.access.door import Caller, Role
from hub.access.tokens import PURPOSE_OF_ROLE
from hub.assembly import Hub
from hub.erasure.officer import Officer
from hub.local.requests import Document, Progress, Request, quiet
from hub.reading import TimelineQuestion
from hub.receipts.queries import QuarantineState
from hub.services import Services
from hub.sqlite import reading_told

Answer = Document | Iterator[Document]

# How long a read waits for the views to take in what was acknowledged before it; then the answer says `stale`.
CAUGHT_UP_S = 30.0


@dataclass(frozen=True, slots=True)
class Operation:
    """`role`: whom the local user speaks as without `--as`. `catches_up`: reads what was written before it."""

    function: Callable[..., Answer]
    role: Role
    catches_up: bool = False
    tells_progress: bool = False
    takes_upload: bool = False


def answer(hub: Hub, request: Request, *, upload: BinaryIO | None = None, progress: Progress = quiet) -> Answer:
    """The operation's answer. Raises what it raises, and RejectedMessage `unknown-operation`."""
    operation = OPERATIONS.get(request.operation)
    if operation is None or operation.takes_upload != (upload is not None):
        raise RejectedMessage("unknown-operation", "the hub has no such operation", where=request.operation[:40])
    arguments = dict(request.arguments)
    if operation.takes_upload:
        arguments["raw"] = upload
    if operation.tells_progress:
        arguments["progress"] = progress
    if operation.catches_up and hub.runner.fault is None:
        hub.wait_until_read(CAUGHT_UP_S)
    with reading_told("home"):
        return operation.function(Services(hub), _named(request.caller, operation.role), **arguments)


def _named(caller: Caller, usual: Role) -> Caller:
    """The caller with the role and purpose that it left open."""
    role = caller.role or usual
    return replace(caller, role=role, purpose=caller.purpose or PURPOSE_OF_ROLE.get(role, ""))


def _timeline(services: Services, caller: Caller, **question: Any) -> Document:
    return services.reading.timeline(caller, TimelineQuestion(**question))


def _history(services: Services, caller: Caller, fact: str) -> Document:
    return services.reading.history(caller, fact)


def _find(services: Services, caller: Caller, **wanted: str | None) -> Document:
    return services.reading.find(caller, **wanted)


def _person(services: Services, caller: Caller, person: str, as_of: str | None = None) -> Document:
    return services.reading.person(caller, person, as_of)


def _officer(function: Callable[..., Document]) -> Callable[..., Document]:
    """An operation on whole records, as the others are asked for."""

    @wraps(function)
    def asked(services: Services, caller: Caller, **arguments: Any) -> Document:
        return function(services.officer, caller, **arguments)

    return asked


def _quarantine(
    services: Services, caller: Caller, *, state: QuarantineState | Literal["all"] = "waiting", **wanted: Any
) -> Document:
    return services.quarantine(caller, state=None if state == "all" else state, **wanted)


def _back_up(services: Services, caller: Caller, target: str) -> Document:
    return services.back_up(caller, Path(target))


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "intake": Operation(Services.intake, "admin", takes_upload=True),
        "receipt": Operation(Services.receipt, "admin"),
        "find-message": Operation(Services.find_message, "admin"),
        "quarantine": Operation(_quarantine, "admin"),
        "quarantined": Operation(Services.quarantined, "admin"),
        "retry": Operation(Services.retry, "admin"),
        "timeline": Operation(_timeline, "steward", catches_up=True),
        "history": Operation(_history, "steward", catches_up=True),
        "find": Operation(_find, "steward", catches_up=True),
        "person": Operation(_person, "steward", catches_up=True),
        "link": Operation(Services.link, "steward", catches_up=True),
        "unlink": Operation(Services.unlink, "steward", catches_up=True),
        "merge": Operation(Services.merge, "steward", catches_up=True),
        "unmerge": Operation(Services.unmerge, "steward", catches_up=True),
        "plan-erasure": Operation(_officer(Officer.plan), "steward"),
        "erase": Operation(_officer(Officer.erase), "steward", tells_progress=True),
        "erase-agency": Operation(_officer(Officer.erase_agency), "steward", tells_progress=True),
        "readmit": Operation(_officer(Officer.readmit), "steward"),
        "restrict": Operation(_officer(Officer.restrict), "steward"),
        "unrestrict": Operation(_officer(Officer.unrestrict), "steward"),
        "hold": Operation(_officer(Officer.hold), "steward"),
        "lift-hold": Operation(_officer(Officer.lift), "steward"),
        "holds": Operation(_officer(Officer.holds), "steward"),
        "retention": Operation(_officer(Officer.retention), "steward"),
        "apply-retention": Operation(_officer(Officer.apply_retention), "steward", tells_progress=True),
        "redact": Operation(_officer(Officer.redact), "steward"),
        "read-log": Operation(Services.read_log, "admin"),
        "prove": Operation(Services.prove, "admin"),
        "agencies": Operation(Services.agencies, "admin"),
        "sources": Operation(Services.sources, "admin", catches_up=True),
        "status": Operation(Services.status, "admin"),
        "rebuild": Operation(Services.rebuild, "admin", tells_progress=True),
        "rotate-keys": Operation(Services.rotate_keys, "admin", tells_progress=True),
        "back-up": Operation(_back_up, "admin"),
    }
)
