"""The log itself: read it, and check its stored bytes."""

from __future__ import annotations

from typing import Annotated

import typer

from events.errors import HubError
from hub.cli.exit_codes import DONE, REFUSED, exit_code_of, told
from hub.cli.screen import Rows
from hub.cli.session import session_of
from hub.local.wire import error_document

commands = typer.Typer(help="The log: what was received and decided, in order.", no_args_is_help=True)
LIMIT_DEFAULT = 100


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
                    session.screen.line(f"{row['position']}  {row['known']}  {what}  {row['leaf'][:16]}")
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
def verify(context: typer.Context) -> int:
    """Check every stored event: its leaf, no gap, known times rising."""
    session = session_of(context)
    with session.screen.progress("checking") as tell:
        document = session.ask("verify-log", progress=tell)
    code = DONE if document["verified"] else REFUSED
    if session.answered(document):
        return code
    if document["verified"]:
        session.screen.line(f"{document['events']:,} events: every leaf holds, no gap, known times rising.", "green")
    else:
        session.screen.line(
            f"{document['fault']} at {document['first_bad']}: the log was changed or damaged.", "bold red"
        )
        session.screen.line("Keep the file as it is, and restore the newest backup that verifies.")
    return code
