"""The server of a witness: three routes of C2SP tlog-witness and of ours, and whether it lives."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import orjson
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from events.errors import HubError, RejectedMessage, TryAgainLater, WrongSettings
from hub.http import problems
from hub.http.asking import body_of
from hub.http.listening import Quiet, config_of, listener_at, signals_to
from hub.witness.bodies import BODY_MAX_BYTES, sizes_text
from hub.witness.judge import EpochClosed, OtherSize, Witness

log = structlog.get_logger()
SIZE_TYPE = "text/x.tlog.size"
BODY_S = 10.0  # a body has 64 KiB at most
A_SECOND, AT_ONCE = 5.0, 50.0  # a hub asks every ten seconds; after a restore a few times in a row
_ASKERS_MAX = 10_000
_GRACE_S = 5
_CONNECTIONS = 64

Certificate = tuple[str, str]
"""The files of a TLS certificate with its chain, and of its key."""
Answering = Callable[[Request], Awaitable[Response]]


class Turnstile:
    """Lets each address in so often a second, and so many times at once after a pause."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def pass_through(self, address: str) -> None:
        """Raises TryAgainLater `too-many-requests`."""
        now = self._now()
        left, at = self._left.pop(address, (AT_ONCE, now))
        left = min(AT_ONCE, left + (now - at) * A_SECOND)
        self._left[address] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _ASKERS_MAX:
            self._left.popitem(last=False)
        if left < 1:
            raise TryAgainLater("too-many-requests", "this address asks too often", next_step="Ask again later.")


class WitnessServer:
    """Answers for a witness."""

    def __init__(self, witness: Witness, now: Callable[[], float] = time.monotonic) -> None:
        self._witness = witness
        self._turnstile = Turnstile(now)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.app = Starlette(
            routes=[
                Route("/add-checkpoint", self._answering(self._add_checkpoint), methods=["POST"]),
                Route("/add-epoch", self._answering(self._add_epoch), methods=["POST"]),
                Route("/{origin}/checkpoint", self._answering(self._newest), methods=["GET"]),
                Route("/healthz", self._answering(self._alive), methods=["GET"]),
            ]
        )

    async def run(
        self,
        host: str,
        port: int,
        certificate: Certificate | None = None,
        on_ready: Callable[[str], None] = lambda url: None,
    ) -> None:
        """Listens, says where, and returns when it was stopped and everything begun is finished."""
        self._loop = asyncio.get_running_loop()
        with listener_at(host, port) as listener, signals_to(self._loop, lambda number: self._stopping.set()):
            server = Quiet(_config(self.app, certificate))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():
                await asyncio.sleep(0.01)
            named = f"[{host}]" if ":" in host else host
            on_ready(f"{'https' if certificate else 'http'}://{named}:{listener.getsockname()[1]}")
            waiting = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            server.should_exit = True
            await serving

    def stop(self) -> None:
        """Begins the end, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _answering(self, answer: Answering) -> Answering:
        async def answering(request: Request) -> Response:
            try:
                self._turnstile.pass_through(request.client.host if request.client else "")
                return await answer(request)
            except OtherSize as error:
                return Response(sizes_text(error.size), 409, {"Content-Type": SIZE_TYPE})
            except EpochClosed as error:
                return problems.answer(error, declaration=error.declaration)
            except HubError as error:
                log.info("witness_refused", code=error.code)
                return problems.answer(error)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                log.error("request_failed", exc_info=error)
                raise

        return answering

    async def _add_checkpoint(self, request: Request) -> Response:
        body = await _body(request)
        line = await asyncio.to_thread(self._witness.add_checkpoint, body)
        return Response(line, media_type="text/plain; charset=utf-8")

    async def _add_epoch(self, request: Request) -> Response:
        body = await _body(request)
        pending = await asyncio.to_thread(self._witness.add_epoch, body)
        if pending is None:
            return Response(orjson.dumps({"code": "epoch-accepted"}), media_type="application/json")
        log.warning("epoch_waits_for_a_person", epoch=pending.origin)
        return Response(orjson.dumps({"code": "epoch-pending"}), 202, media_type="application/json")

    async def _newest(self, request: Request) -> Response:
        note = await asyncio.to_thread(self._witness.newest, request.path_params["origin"])
        return Response(note, media_type="text/plain; charset=utf-8")

    async def _alive(self, request: Request) -> Response:
        return Response(orjson.dumps({"alive": True}), media_type="application/json")


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await body_of(request, BODY_MAX_BYTES)
    except TimeoutError as error:
        raise RejectedMessage("body-too-slow", f"it took more than {BODY_S:.0f} seconds", where="body") from error


def serve(
    witness: Witness,
    *,
    host: str,
    port: int,
    certificate: Certificate | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serves until SIGTERM or SIGINT. Raises WrongSettings `port-in-use`, `bad-address`, `bad-certificate`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(WitnessServer(witness).run(host, port, certificate, on_ready))


def _config(app: Starlette, certificate: Certificate | None) -> uvicorn.Config:
    config = config_of(app, _GRACE_S)
    config.lifespan = "off"
    config.limit_concurrency = _CONNECTIONS
    if certificate is not None:
        config.ssl_certfile, config.ssl_keyfile = certificate
    try:
        config.load()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise WrongSettings(
            "bad-certificate",
            "the TLS certificate and its key cannot be used",
            where="--certificate",
            next_step="Give both as PEM files that this user may read: the chain from the certificate on, and its key.",
        ) from error
    return config
