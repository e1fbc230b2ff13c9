"""The keys that people's data are sealed under."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.session import session_of

commands = typer.Typer(help="The keys that people's data are sealed under.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="keys")


@commands.command("rotate")
def rotate(
    context: typer.Context,
    agency: Annotated[
        str | None, typer.Argument(help="One agency, or `hub`; all of them if none is named.", metavar="[AGENCY]")
    ] = None,
) -> None:
    """Wrap all secrets of an agency under a new key, with a new wrapping key, while the hub works; the old key goes."""
    session = session_of(context)
    with session.screen.progress("wrapping") as tell:
        document = session.ask("rotate-keys", agency=agency, progress=tell)
    if session.answered(document):
        return
    for each in document["rotated"]:
        session.screen.line(f"{each['agency']}: {each['secrets']:,} secrets are wrapped under a new key.")
    session.screen.line(
        "Copy kms.key again now: a copy from before no longer opens this home, nor what is backed up from now on."
    )
    session.screen.line("The new one still opens backups from before, until they expire.")
