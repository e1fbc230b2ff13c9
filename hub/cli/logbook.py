"""The log itself: read it, and check its stored bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from events.clock import SystemClock
from events.errors import HubError, Refused
from hub.access.door import permit
from hub.cli.exit_codes import DONE, REFUSED, exit_code_of, told
from hub.cli.screen import Rows, Screen
from hub.cli.session import session_of
from hub.ledger import verification
from hub.local.requests import Document
from hub.local.wire import error_document
from hub.opening import access_told
from hub.sqlite import reading_told

commands = typer.Typer(help="The log: what was received and decided, in order.", no_args_is_help=True)
LIMIT_DEFAULT = 100
_MARK = "bold yellow"


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="log")


@commands.command("read")
def read(
    context: typer.Context,
    start: Annotated[str | None, typer.Option("--from", help="Begin at this position.", metavar="POSITION")] = None,
    limit: Annotated[int, typer.Option(help="At most so many events; 0 for all.", min=0)] = LIMIT_DEFAULT,
) -> int:
    """Print events with their positions, known times and leaves; an event a line, as a CloudEvent, in a pipe."""
    session = session_of(context)
    request = session.request("read-log", {"start": start, "limit": limit or None})
    rows = Rows(session.screen, "events")
    try:
        with session.desk() as desk:
            for row in desk.stream(request):
                if session.screen.as_json:
                    rows.write(row)
                else:
                    what = row["event"]["type"] if row["event"] else f"({row['closed']['code']})"
                    session.screen.line(f"{row['position']}  {row['known'] or 'not held'}  {what}  {row['leaf'][:16]}")
    except (HubError, KeyboardInterrupt) as fault:
        if not session.screen.as_json:
            raise
        error = told(fault)
        rows.close(error=error_document(error))
        return exit_code_of(error)
    if session.screen.as_json:
        rows.close()
    return DONE


@commands.command("verify")
def verify(
    context: typer.Context,
    key: Annotated[
        str | None, typer.Option(help="The log's verifier key; the home's own if none.", metavar="VKEY")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="Hold the log also to a checkpoint that was kept elsewhere; again for each.", metavar="FILE"),
    ] = None,
    jobs: Annotated[int, typer.Option(help="So many processes; 0 for one a core.", min=0)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted verification was.")] = False,
) -> int:
    """Derive the whole log again from its stored bytes: leaves, tree, checkpoints, order, known times."""
    session = session_of(context)
    settings = session.settings()
    caller = session.caller()
    permit(replace(caller, role=caller.role or "admin"), "log")
    kept = list(map(kept_text, checkpoint or ()))
    try:
        with session.screen.progress("verifying") as tell, access_told(settings.home), reading_told("home"):
            found = verification.run(settings, key=key, kept=kept, jobs=jobs or None, resume=resume, tell=tell)
    except KeyboardInterrupt:
        session.screen.remark("Stopped. `tellonce log verify --resume` goes on from here.")
        raise
    told = verification.document(found)
    if not session.answered(told):
        _show(session.screen, told, len(kept))
    return DONE if told["verified"] else REFUSED


def _show(screen: Screen, told: Document, kept: int) -> None:
    if not told["verified"]:
        first, last = told["first_bad"], told["last_bad"]
        where = first if first == last else f"{first} to {last}"
        screen.line(f"{told['fault']} at {where}: the log was changed or damaged.", "bold red")
        if told["bad_checkpoint"] is not None:
            screen.line(f"The checkpoint over {told['bad_checkpoint']:,} events shows it.")
        screen.line("Keep the file as it is, and restore the newest backup that verifies. docs/verify.md has more.")
        return
    screen.line(f"{told['events']:,} events: every leaf and every tile holds, no gap, known times rising.", "green")
    screen.line(_signed(told), "green" if told["signed"] else "")
    _show_removed(screen, told)
    if kept:
        screen.line(f"Among them those that were kept elsewhere ({kept}): nothing below them was changed by anybody.")
    else:
        screen.line("This shows no change by whoever has the signing key: for that, name a checkpoint kept elsewhere")
        screen.line("(--checkpoint FILE), or ask a witness. docs/verify.md says what is shown, and to whom.")


def _show_removed(screen: Screen, told: Document) -> None:
    many, on_trust = told["removed_bodies"], told["removed_on_trust"]
    if not many:
        return
    screen.line(f"Rows without a body: {many:,}. For each the log notes a redaction.")
    if on_trust:
        screen.line(f"NOT SHOWN of {on_trust:,} of them: that a redaction took the body, whose the row was, and", _MARK)
        screen.line("when exactly it was known. The keys of the hub's home would show it.", _MARK)
    if rest := told["removed_not_held"] - on_trust:
        screen.line(
            f"NOT HELD of {rest:,} of them: whose the row was, and when exactly it was known, since they", _MARK
        )
        screen.line("were redacted before the hub repeated that. docs/verify.md has more.", _MARK)


def _signed(told: Document) -> str:
    if not told["checkpoints"]:
        return "Nothing is signed yet: a serving hub signs every second, and `tellonce log prove` before each proof."
    rest = told["events"] - told["signed"]
    newer = f"; the {rest:,} newest are not yet" if rest else ""
    return f"Signed up to {told['signed']:,} events{newer}; checkpoints that hold: {told['checkpoints']:,}."


@commands.command("prove")
def prove(
    context: typer.Context,
    event: Annotated[str, typer.Argument(help="The event's position, or its id.", metavar="EVENT")],
    since: Annotated[
        str | None,
        typer.Option(help="Prove also that nothing changed since this checkpoint.", metavar="FILE|SIZE"),
    ] = None,
) -> None:
    """Write a proof that the log holds an event, as JSON, for docs/check_proof.py or any checker."""
    session = session_of(context)
    is_size = since is None or since.isdigit()
    session.screen.document(session.ask("prove", event=event, since=since if is_size else kept_text(Path(str(since)))))


@commands.command("reseal")
def reseal(
    context: typer.Context,
    new: Annotated[Path, typer.Argument(help="A new folder for the sealed home.", metavar="NEW")],
) -> None:
    """Write a home from before sealing anew, sealed, with every event's id, position and known time."""
    session = session_of(context)
    from hub import logs, resealing  # with all that a hub is made of: the other commands here do without it

    settings = session.settings()
    logs.configure_logs(level=settings.log_level or "silent")
    with session.screen.progress("sealing") as tell:
        document = resealing.reseal(settings.home, replace(settings, home=new), SystemClock(), tell)
    if session.answered(document):
        return
    what = f"{document['events']:,} events and {document['receipts']:,} receipts"
    told = f"Sealed {what} into {document['home']}; its epoch is {document['epoch']}."
    session.screen.line(told)
    session.screen.line("Its first start reads the receipts again. Positions and cursors of before are refused.")
    session.screen.line(f"{document['old']} still holds everything in plain text: destroy it, and its backups.", "bold")


def kept_text(path: Path) -> str:
    """A checkpoint that somebody kept. Raises Refused `no-such-file`, `unreadable-file`."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise Refused("no-such-file", "there is no such file", where=str(path)) from error
    except (OSError, ValueError) as error:
        raise Refused("unreadable-file", "the file cannot be read", where=str(path)) from error
