"""Linkage by hand: each is a decision with a reason, kept as an event, and can be taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.session import session_of
from hub.linkage.reasons import MERGE_REASONS, UNMERGE_REASONS

Record = Annotated[str, typer.Argument(help="<agency>:<system>/<type>/<id>", metavar="RECORD")]
Person = Annotated[str, typer.Argument(help="A person's number, XXXX-XXXX.", metavar="PERSON")]
Survivor = Annotated[str, typer.Argument(help="The number that stays.", metavar="SURVIVOR")]
Absorbed = Annotated[str, typer.Argument(help="The number that leads to it.", metavar="ABSORBED")]


def _said(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("say why: it is kept with the decision, for whoever looks at it later")
    return reason


Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.", metavar="WORDS", callback=_said)]
MergeReason = Annotated[
    str, typer.Option("--reason", help=f"Why: {', '.join(MERGE_REASONS)}.", metavar="CODE", callback=_said)
]
UnmergeReason = Annotated[
    str, typer.Option("--reason", help=f"Why: {', '.join(UNMERGE_REASONS)}.", metavar="CODE", callback=_said)
]


def add_to(app: typer.Typer) -> None:
    for command in (link, unlink, merge, unmerge):
        app.command()(command)


def link(context: typer.Context, record: Record, person: Person, reason: Reason) -> None:
    """Put a record on a person's page."""
    session = session_of(context)
    document = session.ask("link", record=record, person=person, reason=reason)
    if not session.answered(document):
        left = f"; it left {document['left']}" if document["left"] else ""
        session.screen.line(f"{document['record']} belongs to {document['person']} now{left}.")


def unlink(context: typer.Context, record: Record, reason: Reason) -> None:
    """Take a record off the page it is on; it goes back to a number of its own."""
    session = session_of(context)
    document = session.ask("unlink", record=record, reason=reason)
    if not session.answered(document):
        session.screen.line(f"{document['record']} left {document['left']} and belongs to {document['person']} now.")


def merge(context: typer.Context, survivor: Survivor, absorbed: Absorbed, reason: MergeReason) -> None:
    """Merge two persons' pages into one."""
    session = session_of(context)
    document = session.ask("merge", survivor=survivor, absorbed=absorbed, reason=reason)
    if not session.answered(document):
        session.screen.line(f"{document['absorbed']} leads to {document['survivor']} now.")


def unmerge(context: typer.Context, survivor: Survivor, absorbed: Absorbed, reason: UnmergeReason) -> None:
    """Take a merge back."""
    session = session_of(context)
    document = session.ask("unmerge", survivor=survivor, absorbed=absorbed, reason=reason)
    if not session.answered(document):
        session.screen.line(f"{document['absorbed']} and {document['survivor']} are two persons again.")
