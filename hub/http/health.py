"""Whether the hub lives, and whether it works: for anyone who watches it; names nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from events.errors import TryAgainLater
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.http.asking import desk_of, json_answer, run
from hub.http.shapes.running import Alive, Ready
from hub.http.ways import Way
from hub.services import Services

STANDSTILL_S = 20.0


class Pulse:
    """Notices when views or linkage are behind and do not move; told of time by whoever asks it often."""

    def __init__(self, hub: Hub, now: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._now = now
        self._reached = (-1, -1)
        self._since = now()

    def beat(self) -> bool:
        """Looks how far it is; True while it moves or has nothing to do."""
        reached = self._hub.runner.applied, self._hub.linker.settled
        if reached != self._reached or min(reached) >= self._hub.log.head()[PARTITION]:
            self._reached, self._since = reached, self._now()
        return self._now() - self._since < STANDSTILL_S


def readiness(services: Services, pulse: Pulse) -> dict[str, Any]:
    """The hub's health.

    Raises TryAgainLater `projections-stopped`, `lanes-halted`, `log-not-verified` or `views-stand-still`; and
    `log-behind`, `log-differs` or `erasure-list-old` where nothing may be written.

    A witness that is late is told and changes nothing: another agency's machine must not take this hub out of service.
    """
    services.check_writable()
    told = services.health()
    if not told["ready"]:
        raise _not_ready("projections-stopped", "folding has stopped: timelines stay as they are")
    if any(lane["view"] == "membership" for lane in services.halted()):
        raise _not_ready("lanes-halted", "linkage of some records stands still")
    if services.verification_fault is not None:
        raise _not_verified(services.verification_fault)
    if not pulse.beat():
        why = "wait for room on the disk" if told["waits_for_room"] else "do not move"
        raise _not_ready("views-stand-still", f"the views are {told['lag']} events behind and {why}")
    return told


def _not_ready(code: str, what: str) -> TryAgainLater:
    return TryAgainLater(
        code, what, where="views", next_step="`tellonce status` says where; the hub's log says why. Intake goes on."
    )


def _not_verified(fault: str) -> TryAgainLater:
    return TryAgainLater(
        "log-not-verified",
        f"the stored log was changed or damaged ({fault})",
        where="log",
        next_step="Keep the file, run `tellonce log verify`, and restore the newest backup that verifies.",
    )


async def get_health(request: Request) -> Response:
    """The process answers."""
    return json_answer({"alive": True})


async def get_readiness(request: Request) -> Response:
    """The views move and the log takes events; 503 where a projection stands still."""
    desk = desk_of(request)
    return json_answer(await run(desk.watching, readiness, desk.services, request.app.state.pulse))


WAYS = (
    Way(
        method="GET",
        path="/healthz",
        action=None,
        handler=get_health,
        summary="Is it alive?",
        area="The hub",
        answers=Alive,
    ),
    Way(
        method="GET",
        path="/readyz",
        action=None,
        handler=get_readiness,
        summary="Does it work?",
        area="The hub",
        answers=Ready,
        codes=(
            "projections-stopped",
            "lanes-halted",
            "log-not-verified",
            "views-stand-still",
            "log-behind",
            "log-differs",
            "erasure-list-old",
        ),
    ),
)
