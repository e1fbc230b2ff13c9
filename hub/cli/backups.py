"""Copies of a home, and a home from a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.session import session_of
from hub.local.requests import Document


def add_to(app: typer.Typer) -> None:
    app.command("backup")(back_up)
    app.command("restore")(restore)


def back_up(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="A new folder for the copy.", metavar="TARGET")],
) -> None:
    """Copy the home's log, receipts and keys into a new folder, while it runs or not."""
    session = session_of(context)
    document = session.ask("back-up", target=str(target.absolute()))
    if session.answered(document):
        return
    screen = session.screen
    screen.line(f"Backed up into {document['backup']}: {', '.join(document['files'])}.")
    screen.line(f"It holds {document['events']:,} events.")
    screen.line("It opens with the wrapping keys (kms.key) alone, which are not in it: keep a copy of those elsewhere.")
    screen.line(f"Destroy it by {document['keys_expire']}: an erasure is final when no backup holds the erased keys.")


def restore(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Argument(help="A folder made by `tellonce backup`.", metavar="[SOURCE]")
    ] = None,
    declare: Annotated[
        bool, typer.Option("--declare", help="The home's files were copied back by hand: say so, and go on.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept-lost-erasures", help="Restore without the current list of erasures; the log records that."
        ),
    ] = False,
) -> None:
    """Make a home from a backup; the home must be new. It goes on in a new epoch: positions from before are refused."""
    session = session_of(context)
    if declare == (source is not None) or (declare and accept):
        raise typer.BadParameter("give the folder of a backup, or --declare alone")
    from hub import logs
    from hub import restore as restoring  # with all that a hub is made of: the other commands here do without it

    settings = session.settings()
    logs.configure_logs(level=settings.log_level or "silent")
    if source is None:
        document = restoring.declare(settings)
    else:
        document = restoring.restore(source, settings, accepts_lost_erasures=accept)
    if not session.answered(document):
        _show(context, document)


def _show(context: typer.Context, document: Document) -> None:
    screen = session_of(context).screen
    screen.line(
        f"Restored {document['events']:,} events into {document['home']}; its epoch is {document['epoch']} now."
    )
    if document["lost"]:
        first, last = document["lost"]
        screen.line(f"LOST: events {first:,} to {last:,}, as {document['known_by']} knows.", "bold red")
    elif document["known_by"]:
        screen.line(f"Nothing that {document['known_by']} had seen is lost; what came after the copy was made is.")
    else:
        screen.line("Nobody remembers how far the log had come: what is lost cannot be told.", "bold yellow")
    for name in document["witnesses_not_asked"]:
        screen.line(f"The witness {name} did not answer; it will be told of the new epoch.", "bold yellow")
    if document["lost_erasures_accepted"]:
        screen.line("People who were erased since the backup may be readable again; the log records that.", "bold red")
    for position in document["not_redacted"]:
        screen.line(f"Redacted since, and under a hold now: {position}. Redact it when the hold is lifted.", "bold red")
    if document["decisions"]:
        many = len(document["decisions"])
        screen.line(f"Said again, as the list of erasures has them: {many:,} holds and restrictions, placed or ended.")
    for each in document["decisions_lost"]:
        case = f"{each['reference'] or 'without a reference'} ({each['ground']})"
        line = f"LOST: {each['agency']}'s record that was {each['act']} since {each['at']}, {case}, is not in this log."
        screen.line(line, "bold red")
    screen.line("Links and merges that were decided since the copy was made are gone. Make them again.")
    screen.line("Positions and cursors of before are refused. `tellonce log verify` checks the events.")
    if document["witnesses"]:
        names = ", ".join(document["witnesses"])
        screen.line(f"The new epoch has to be accepted by the operator of each witness (docs/witness.md): {names}.")
