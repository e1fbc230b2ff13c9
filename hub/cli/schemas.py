"""The contracts: which event types there are, and what each may say."""

from __future__ import annotations

from typing import Annotated

import typer

from events.catalogue import TYPES
from events.catalogue.schemas import event_schemas
from events.errors import Refused
from hub.cli.session import session_of


def add_to(app: typer.Typer) -> None:
    app.command("schemas")(schemas)


def schemas(
    context: typer.Context,
    kind: Annotated[str | None, typer.Argument(help="Print the JSON Schema of this type.", metavar="[TYPE]")] = None,
) -> None:
    """List the event types, or print one type's JSON Schema."""
    session = session_of(context)
    if kind is not None:
        session.screen.document(_schema(kind))
        return
    rows = [
        {
            "type": name,
            "version": found.version,
            "status": "published" if found.published else "draft",
            "key_event": found.key_event,
            "retention": found.retention,
        }
        for name, found in sorted(TYPES.items())
    ]
    if session.answered({"types": rows}):
        return
    shown = [
        (row["type"], row["version"], row["status"], "yes" if row["key_event"] else "", row["retention"])
        for row in rows
    ]
    session.screen.table(("type", "version", "status", "key event", "retention"), shown)


def _schema(kind: str) -> object:
    if kind not in TYPES:
        raise Refused(
            "unknown-type", "there is no such event type", where="TYPE", next_step="`tellonce schemas` lists them."
        )
    ending = f"/{kind}/{TYPES[kind].version}.json"
    return next(schema for path, schema in event_schemas() if path.endswith(ending))
