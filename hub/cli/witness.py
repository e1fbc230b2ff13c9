"""A witness for another agency's hub: its server, the logs it trusts, and what its operator decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from events.checkpoints import ED25519, parse_key
from events.clock import SystemClock
from events.errors import RejectedMessage
from hub.cli.session import Session, session_of, user_name
from hub.local.requests import Document
from hub.logs import configure_logs
from hub.witness.house import House, opened
from hub.witness.showing import epoch_told, knowledge

FOLDER = Path(".tellonce-witness")
HOST, PORT = "127.0.0.1", 8090
commands = typer.Typer(help="A witness: remembers how far another agency's log had come.", no_args_is_help=True)
_NO_LOG = "It knows no log yet: `tellonce witness add-log KEY`, with the key of the hub's log."
_MEANINGS = {
    "forked": "it signed two different trees of one size",
    "unproven": "it asked for a cosignature and did not prove that nothing was changed",
    "prefix-changed": "a new epoch does not hold what was cosigned before its restore",
    "signed-after-restore": "it went on signing in an epoch that a restore had left behind",
}


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="witness")


def _folder(session: Session) -> Path:
    return session.home or FOLDER


@commands.command("serve")
def serve(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Option(help="What it signs as; needed the first time.", metavar="NAME", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = HOST,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = PORT,
    certificate: Annotated[
        Path | None, typer.Option(help="A TLS certificate with its chain (PEM).", metavar="FILE")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).", metavar="FILE")] = None,
) -> None:
    """Answer hubs that ask for a cosignature; print the key that they have to be told."""
    from hub.witness import server  # with the web server, which the other commands do without

    session = session_of(context)
    if (certificate is None) != (key is None):
        raise typer.BadParameter("give --certificate and --key together, or neither")
    configure_logs(level=session.settings().log_level or "info")
    files = (str(certificate), str(key)) if certificate and key else None
    with opened(_folder(session), SystemClock(), name) as house:
        server.serve(
            house.witness, host=host, port=port, certificate=files, on_ready=lambda url: _ready(session, house, url)
        )


def _ready(session: Session, house: House, url: str) -> None:
    if session.answered({"witness": house.key.name, "url": url, "key": str(house.key)}):
        return
    session.screen.line(f"Witness {house.key.name} at {url}")
    session.screen.line(f"Its key, for the hub's witnesses.toml: {house.key}")
    if not house.store.logs():
        session.screen.line(_NO_LOG)


@commands.command("add-log")
def add_log(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The log's key, as `tellonce status` of its hub prints it.")],
) -> None:
    """Trust a log by its key: its checkpoints are cosigned from now on. A running server knows at once."""
    session = session_of(context)
    found = parse_key(key)
    if found.kind != ED25519:
        raise RejectedMessage(
            "bad-verifier-key", "this is a witness's key, not a log's", where="key", next_step="Ask the hub's operator."
        )
    clock = SystemClock()
    with opened(_folder(session), clock) as house:
        is_new = house.store.trust(found.name, found.public_key, clock())
    if not session.answered({"log": found.name, "is_new": is_new}):
        session.screen.line(f"Log {found.name} is {'trusted from now on' if is_new else 'trusted already'}.")


@commands.command("accept-epoch")
def accept_epoch(
    context: typer.Context,
    origin: Annotated[str, typer.Argument(help="The epoch that waits, as `witness show` prints it.")],
) -> None:
    """Accept that a log was restored and goes on in a new epoch. What was lost stays on record."""
    session = session_of(context)
    with opened(_folder(session), SystemClock()) as house:
        house.witness.accept_epoch(origin, user_name())
        branch = house.store.branch(origin)
        told = epoch_told(house.store, branch) if branch else {}
    if not session.answered(told):
        session.screen.line(f"{origin} is cosigned from now on; {told['goes_on_from']} never again.")
        session.screen.line(_loss(told))


@commands.command("show")
def show(
    context: typer.Context,
    notes: Annotated[bool, typer.Option("--notes", help="Print the signed notes themselves, too.")] = False,
) -> None:
    """Show each log, its epochs, what a restore lost, and the evidence that was kept."""
    session = session_of(context)
    with opened(_folder(session), SystemClock()) as house:
        key, logs = house.key, knowledge(house.store)
    if session.answered({"witness": key.name, "key": str(key), "logs": logs}):
        return
    session.screen.line(f"Witness {key.name}, key {key}")
    if not logs:
        session.screen.line(_NO_LOG)
    for each in logs:
        _show_log(session, each, with_notes=notes)


def _show_log(session: Session, told: Document, *, with_notes: bool) -> None:
    screen = session.screen
    screen.line()
    screen.line(f"Log {told['log']}", "bold")
    if not told["epochs"]:
        screen.line("  It never asked for a cosignature.")
    for epoch in told["epochs"]:
        waits = epoch["state"] == "pending"
        screen.line(
            f"  {epoch['origin']}: {epoch['state']}, {epoch['size']:,} events, newest {epoch['newest']}",
            "bold yellow" if waits else "",
        )
        if epoch["goes_on_from"]:
            screen.line(f"    goes on from {epoch['goes_on_from']} at {epoch['restored_size']:,} events")
            screen.line(f"    {_loss(epoch)}", "bold red" if epoch["lost"] else "")
        if waits:
            screen.line(f"    If that is so: tellonce witness accept-epoch {epoch['origin']}", "bold yellow")
        elif epoch["accepted"]:
            screen.line(f"    accepted {epoch['accepted']} by {epoch['accepted_by']}")
        if with_notes:
            _show_notes(session, epoch["declaration"], epoch["checkpoint"])
    for each in told["evidence"]:
        screen.line(
            f"  EVIDENCE {each['number']}, {each['at']}, {each['origin']}: {_MEANINGS[each['kind']]}", "bold red"
        )
        if with_notes:
            _show_notes(session, each["known"], each["shown"])


def _show_notes(session: Session, *notes: str | None) -> None:
    for note in notes:
        for line in (note or "").splitlines():
            session.screen.line(f"      {line}")


def _loss(epoch: Document) -> str:
    """What the restore lost, and how far its events were compared with what had been cosigned."""
    compared = epoch["compared_up_to"]
    held = f"the first {compared:,} were compared and are unchanged" if compared else "nothing could be compared"
    if not epoch["lost"]:
        return f"Nothing that was cosigned is lost; {held}."
    first, last = epoch["lost"]
    return f"LOST: events {first:,} to {last:,}, which had been cosigned; {held}."
