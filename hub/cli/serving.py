"""Serving a home: HTTP, MLLP and the socket in the home; and tokens for those who ask over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.sdk.register import Register, read_register
from events.clock import SystemClock
from events.errors import Refused
from hub.access.tokens import LIFETIME_S, Tokens
from hub.assembly import REGISTER, Hub
from hub.cli.session import HUB, Session, session_of
from hub.local.opened import held
from hub.local.requests import Document
from hub.local.server import SocketServer
from hub.logs import configure_logs
from hub.opening import access_told

if TYPE_CHECKING:
    from hub.http.server import Listening

HOST = "127.0.0.1"
PORT = 8080
_DAY_S = 86_400

Host = Annotated[str, typer.Option(help="The address to listen at.")]
Port = Annotated[int, typer.Option(help="The port of the HTTP API; 0 takes a free one.", min=0, max=65535)]
Mllp = Annotated[
    list[str] | None,
    typer.Option(
        help="Take HL7 over MLLP at this port too, again for each; =agency/system says who speaks there.",
        metavar="PORT[=AGENCY/SYSTEM]",
    ),
]


def add_to(app: typer.Typer) -> None:
    app.command("serve")(serve)
    app.command("token")(token)


def serve(context: typer.Context, host: Host = HOST, port: Port = PORT, mllp: Mllp = None) -> None:
    """Hold the home and answer: HTTP, MLLP if asked for, and every other command."""
    session = session_of(context)
    settings = session.settings()
    configure_logs(level=settings.log_level or "info")
    with held(settings) as hub:
        serve_hub(hub, host, port, mllp or (), lambda at: _ready(session, hub, at))


def serve_hub(hub: Hub, host: str, port: int, mllp: Sequence[str], on_ready: Callable[[Listening], None]) -> None:
    """Serves an open hub until it is told to stop."""
    from hub.http import server  # FastAPI takes half a second to import: only where it serves

    ports = [server.mllp_port(text, hub) for text in mllp]
    hub.watch.start()
    with SocketServer(hub):
        server.serve(hub, host=host, port=port, mllp=ports, on_ready=on_ready)


def mllp_documents(listening: Listening) -> list[Document]:
    """Where HL7 is taken over MLLP, and whose it is."""
    return [
        {"host": listening.host, "port": each.port, "source": f"{each.agency}/{each.system}"} for each in listening.mllp
    ]


def _ready(session: Session, hub: Hub, listening: Listening) -> None:
    ports = mllp_documents(listening)
    if session.answered({"home": str(hub.home), "url": listening.url, "mllp": ports}):
        return
    session.screen.line(f"Serving {hub.home} at {listening.url}")
    for each in ports:
        session.screen.line(f"MLLP at {each['host']}:{each['port']} for {each['source']}")
    session.screen.line("Every other command for this home goes to this hub. Ctrl-C stops it.")


def token(
    context: typer.Context,
    role: Annotated[str, typer.Option(help="adapter, practitioner, steward, auditor or admin.")],
    agency: Annotated[str, typer.Option(help="The agency it acts for; an adapter's token needs one.")] = HUB,
    days: Annotated[int, typer.Option(help="For how many days it holds; twelve hours if none is said.", min=0)] = 0,
    who: Annotated[str | None, typer.Option(help="Whose token it is; the role's name if none is said.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What for; the role's usual purpose if none is said.")] = None,
) -> None:
    """Issue a token for the HTTP API, signed by this home."""
    session = session_of(context)
    home = session.settings().home
    with access_told(home):
        _check_agency(read_register(home / REGISTER), role, agency)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        issued = Tokens(home, SystemClock()).issue(
            who or role, role, agency, purpose=purpose, lifetime_s=days * _DAY_S or LIFETIME_S
        )
    if not session.answered({"token": issued, "role": role, "organisation": agency}):
        session.screen.line(issued)


def _check_agency(register: Register, role: str, agency: str) -> None:
    """Raises Refused `whose-token` where an adapter's token names no agency, `unknown-agency` where nobody has it."""
    if agency != HUB:
        register.agency(agency)
    elif role == "adapter":
        names = ", ".join(each.name for each in register.agencies)
        raise Refused(
            "whose-token",
            "an adapter's token is for one agency, and none is named",
            where="--agency",
            next_step=f"The register has {names or 'none yet: add it to agencies.toml'}.",
        )
