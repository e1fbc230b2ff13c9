"""Messages that could not be understood: list them, look at one, try one again."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from hub.cli.session import session_of

_Number = Annotated[str, typer.Argument(help="Its number, as Q-0031.", metavar="NUMBER")]
commands = typer.Typer(help="Messages that could not be understood.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="quarantine")


@commands.command("list")
def list_(
    context: typer.Context,
    agency: Annotated[str | None, typer.Option(help="Of this agency alone.", metavar="A")] = None,
    state: Annotated[Literal["waiting", "released", "expired", "all"], typer.Option(help="Which of them.")] = "waiting",
    after: Annotated[int, typer.Option(help="Begin after this number.", min=0)] = 0,
) -> None:
    """List what waits in quarantine, a thousand at a time."""
    session = session_of(context)
    document = session.ask("quarantine", agency=agency, state=state, after=after)
    if session.answered(document):
        return
    found = document["quarantine"]
    if not found:
        session.screen.line("Nothing waits in quarantine.")
        return
    rows = [
        (
            each["number"],
            each["state"],
            f"{each['agency']}/{each['system']}",
            each["code"],
            each["where"],
            each["noted"],
        )
        for each in found
    ]
    session.screen.table(("number", "state", "source", "code", "where", "noted"), rows)


@commands.command("show")
def show(context: typer.Context, number: _Number) -> None:
    """Show one message in quarantine: why it is there, and which receipt holds its bytes."""
    session = session_of(context)
    document = session.ask("quarantined", number=number)
    if session.answered(document):
        return
    session.screen.line(f"{document['number']}  {document['state']}", "bold")
    session.screen.line(f"{document['code']}: {document['where']}: {document['detail']}")
    named = f" of {document['file_name']}" if document["file_name"] else ""
    session.screen.line(f"{document['place']}{named}, from {document['agency']}/{document['system']}")
    session.screen.line(f"receipt {document['receipt']}, read by {document['adapter']}, noted {document['noted']}")
    if document["state"] == "expired":
        session.screen.line("Its bytes are gone: ask the sender to send it again.", "yellow")
    elif document["state"] == "waiting":
        session.screen.line(f"its bytes are kept until {document['kept_until']}")
        session.screen.line(f"Once the cause is gone: tellonce quarantine retry {document['number']}")


@commands.command("retry")
def retry(context: typer.Context, number: _Number) -> None:
    """Translate one message in quarantine again."""
    session = session_of(context)
    document = session.ask("retry", number=number)
    if session.answered(document):
        return
    if document["state"] == "quarantined":
        why = document["findings"][0]
        session.screen.line(f"{document['quarantine']} stays in quarantine: {why['code']}: {why['where']}", "bold red")
    else:
        events = len(document["events"])
        session.screen.line(
            f"{document['quarantine']} is out of quarantine: {document['state']}, events {events}", "bold"
        )
