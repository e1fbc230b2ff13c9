"""The serving process: HTTP and MLLP on one loop, until it is told to stop; what was acknowledged is finished."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
import uvloop

from adapters.hl7v2.mllp import MllpServer, NotStored, Receive, Stored
from adapters.sdk.register import check_adapter
from events.errors import HubError, WrongSettings
from hub.access.door import Caller
from hub.access.tokens import PURPOSE_OF_ROLE, Tokens
from hub.assembly import Hub
from hub.http.app import build_app, close_app
from hub.http.asking import Desk
from hub.http.edge import new_request_id
from hub.http.intake import take_in
from hub.http.listening import Quiet, cannot_listen, config_of, listener_at, signals_to

log = structlog.get_logger()
GRACE_S = 20
_MLLP_ADAPTER = "hl7v2"
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class MllpPort:
    """A port for HL7 v2 and the system that speaks there; 0 is any free port."""

    port: int
    agency: str
    system: str


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the hub can be reached; the ports of MLLP in the order in which they were asked for."""

    host: str
    port: int
    mllp: tuple[MllpPort, ...] = ()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def mllp_port(text: str, hub: Hub) -> MllpPort:
    """A port as it is given to `serve --mllp`: `PORT`, or `PORT=agency/system`.

    Without a system it is the only one in the register whose adapter is hl7v2. Raises WrongSettings `bad-mllp-port`
    or `which-mllp-system`, and Refused `other-adapter` where the register says that it speaks otherwise.
    """
    port, _, named = text.partition("=")
    if not port.isascii() or not port.isdigit() or int(port) > _PORT_MAX:
        raise WrongSettings(
            "bad-mllp-port", "this is not a port", where="--mllp", next_step="Write PORT or PORT=agency/system."
        )
    systems = [(agency.name, each) for agency in hub.register().agencies for each in agency.system]
    if named:
        found = [(agency, each) for agency, each in systems if f"{agency}/{each.name}" == named]
    else:
        found = [(agency, each) for agency, each in systems if _MLLP_ADAPTER in each.adapters]
    if len(found) != 1:
        raise WrongSettings(
            "which-mllp-system",
            "the register has no such system"
            if named
            else f"the register has not one system with the adapter {_MLLP_ADAPTER}, but {len(found)}",
            where=f"--mllp {int(port)}",
            next_step=f"Say who speaks at this port, as agencies.toml names it: --mllp {int(port)}=agency/system.",
        )
    [(agency, system)] = found
    check_adapter(agency, system, _MLLP_ADAPTER)
    return MllpPort(int(port), agency, system.name)


def serve(
    hub: Hub,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    mllp: Sequence[MllpPort] = (),
    on_ready: Callable[[Listening], None] = lambda listening: None,
) -> None:
    """Serves until SIGTERM or SIGINT, then takes nothing new and finishes what was begun.

    The hub stays open: closing it is for who opened it. Raises WrongSettings `port-in-use` or `bad-address`.
    """
    serving = Serving(hub, host=host, port=port, mllp=mllp)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving.run(on_ready))


class Serving:
    """A server that can be told to stop from any thread; `serve` is the whole of it for a process."""

    def __init__(self, hub: Hub, *, host: str = "127.0.0.1", port: int = 0, mllp: Sequence[MllpPort] = ()) -> None:
        self._hub = hub
        self._host = host
        self._port = port
        self._mllp = tuple(mllp)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._app = build_app(hub, Tokens(hub.home, hub.clock))
        self._desk: Desk = self._app.state.desk

    def stop(self) -> None:
        """Begins the end; `run` returns when all is finished."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def run(self, on_ready: Callable[[Listening], None] = lambda listening: None) -> None:
        """Listens, says where, and returns when it was stopped and everything begun is finished."""
        self._loop = asyncio.get_running_loop()
        try:
            with listener_at(self._host, self._port) as listener, signals_to(self._loop, self._on_signal):
                await self._serve(listener, on_ready)
        finally:
            await asyncio.to_thread(close_app, self._app)

    async def _serve(self, listener: socket.socket, on_ready: Callable[[Listening], None]) -> None:
        server = Quiet(config_of(self._app, GRACE_S))
        speakers = [MllpServer(self._receiving(each)) for each in self._mllp]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.01)
            ports = [
                MllpPort(await _started(speaker, self._host, each.port), each.agency, each.system)
                for speaker, each in zip(speakers, self._mllp, strict=True)
            ]
            listening = Listening(self._host, int(listener.getsockname()[1]), tuple(ports))
            log.info("serving_started", host=self._host, port=listening.port, count=len(ports))
            on_ready(listening)
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        finally:
            server.should_exit = True
            await asyncio.gather(serving, *(speaker.stop(GRACE_S) for speaker in speakers))
            log.info("serving_stopped", host=self._host)

    def _on_signal(self, number: signal.Signals) -> None:
        log.info("stop_asked_for", signal=number.name)
        self._stopping.set()

    def _receiving(self, at: MllpPort) -> Receive:
        """Stores what comes in at a port, as its agency's; the answer waits for the log's commit."""
        caller = Caller(f"mllp:{at.agency}:{at.system}", "adapter", at.agency, PURPOSE_OF_ROLE["adapter"])
        arrival = {"agency": at.agency, "system": at.system, "adapter": _MLLP_ADAPTER}

        async def receive(frame: bytes) -> Stored | NotStored:
            with structlog.contextvars.bound_contextvars(request_id=new_request_id()):
                try:
                    report = await take_in(self._desk, caller, frame, way="mllp", **arrival)
                except HubError as error:
                    return NotStored(error.code, f"{error.what}. {error.next_step}".strip())
                return Stored(report["receipt"])

        return receive


async def _started(server: MllpServer, host: str, port: int) -> int:
    try:
        return await server.start(host, port)
    except OSError as error:
        raise cannot_listen(error, host, port) from error
