"""Running a home: how it goes, rebuilding, backups, tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.session import session_of
from hub.local.requests import Document


def add_to(app: typer.Typer) -> None:
    for command in (agencies, sources, status, rebuild, restore):
        app.command()(command)
    app.command("backup")(back_up)


def agencies(context: typer.Context) -> None:
    """List the register: who may send, from which systems, under which agreement."""
    session = session_of(context)
    with session.desk(may_make_home=True) as desk:
        document = session.ask("agencies", desk=desk)
    if session.answered(document):
        return
    if not document["agencies"]:
        said = "has no such agency" if session.caller().role == "adapter" else "is empty"
        session.screen.line(
            f"The register {said}. It is {session.settings().home}/agencies.toml; docs/agencies.md has one."
        )
        return
    rows = [
        (
            agency["name"],
            agency["title"],
            ", ".join(f"{each['name']} ({' or '.join(each['adapters']) or 'any'})" for each in agency["systems"]),
            f"{agency['agreement_from']} to {agency['agreement_to']}",
            "yes" if agency["may_send"] else "no",
        )
        for agency in document["agencies"]
    ]
    session.screen.table(("agency", "title", "systems (adapter)", "agreement", "may send"), rows)


def sources(context: typer.Context) -> None:
    """Show each source: when it last sent, what became of it, what is missing."""
    session = session_of(context)
    document = session.ask("sources")
    if session.answered(document):
        return
    rows = []
    for source in document["sources"]:
        sums = [source[name] for name in ("accepted", "not_mapped", "quarantined")]
        gaps = ", ".join(f"{first}-{last}" for first, last in source["missing_in_sequence"])
        silent = "" if source["silent_hours"] is None else f"{source['silent_hours']} h"
        rows.append(
            (
                source["source"],
                (source["last_received"] or "never")[:16],
                silent,
                source["events"],
                *sums,
                source["findings"],
                gaps,
            )
        )
    headings = (
        "source",
        "last received",
        "silent",
        "events",
        "accepted",
        "not mapped",
        "quarantined",
        "findings",
        "missing",
    )
    session.screen.table(headings, rows)
    for row in document["refused"]:
        session.screen.line(f"refused: {row['position']} of {row['agency'] or 'nobody known'}: {row['code']}")


def status(context: typer.Context) -> int:
    """Say how the hub is: events, views, what stands still, what waits."""
    session = session_of(context)
    document = session.ask("status")
    fault = standstill(document)
    code = 3 if fault or document["verification"]["fault"] else 0
    if session.answered(document):
        return code
    screen = session.screen
    screen.line(f"the views {fault}" if fault else "ready", "bold red" if fault else "bold green")
    rows = [
        ("events in the log", f"{document['events']:,}"),
        ("not yet in the views", f"{document['lag']:,}"),
        ("views being rebuilt", "yes" if document["rebuilding"] else "no"),
        ("not yet judged by linkage", f"{document['undecided']:,}"),
        ("persons with records", f"{document['persons_with_records']:,}"),
        ("records", f"{document['records']:,}"),
        ("waiting in quarantine", f"{document['quarantine_waiting']:,}"),
        ("receipts without their bytes", f"{len(document['receipts_missing']):,}"),
        ("epoch", document["epoch"]),
        ("log verified", _verified(document["verification"])),
    ]
    screen.table(("", ""), rows)
    for lane in document["halted"]:
        screen.line(f"halted: {lane['view']} at {lane['at']} since {lane['since']}: {lane['code']}", "bold red")
    return code


def _verified(told: Document) -> str:
    """When the hub last came to the end of verifying its own log, and what it found."""
    if told["verified"] is None:
        return "not yet by a serving hub; `tellonce log verify` does it now"
    if told["verified"]:
        return f"{told['events']:,} events, {told['age_s']:,.0f} s ago"
    return f"NO: {told['fault']} at {told['first_bad']}; run `tellonce log verify`"


def standstill(status: Document) -> str:
    """What keeps the views from moving, and what to do; empty while they move."""
    if not status["ready"]:
        return "stand still: see the log of the hub"
    if status["waits_for_room"]:
        return "wait for room on the disk: make room, and they go on by themselves"
    return ""


def rebuild(
    context: typer.Context,
    view: Annotated[
        str | None, typer.Argument(help="One view; all of them if none is named.", metavar="[VIEW]")
    ] = None,
) -> None:
    """Fold a view, or all, again from the log beside the live ones, and swap."""
    session = session_of(context)
    with session.screen.progress("folding") as tell:
        document = session.ask("rebuild", view=view, progress=tell)
    if not session.answered(document):
        session.screen.line(f"Rebuilt {', '.join(document['rebuilt'])} from {document['events']:,} events.")


def back_up(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="A new folder for the copy.", metavar="TARGET")],
) -> None:
    """Copy the home's log, receipts and keys into a new folder."""
    session = session_of(context)
    document = session.ask("back-up", target=str(target.absolute()))
    if not session.answered(document):
        session.screen.line(f"Backed up into {document['backup']}: {', '.join(document['files'])}.")
        session.screen.line("It holds people's data and the keys to it: keep it as safe as the home.")


def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A folder made by `tellonce backup`.", metavar="SOURCE")],
) -> None:
    """Make a home from a backup; the home must be new. Positions from before are refused from then on."""
    session = session_of(context)
    from hub import backup, logs  # with all that a hub is made of: the other commands here do without it

    settings = session.settings()
    logs.configure_logs(level=settings.log_level or "silent")
    document = backup.restore(source, settings)
    if not session.answered(document):
        told = f"Restored {document['events']:,} events into {document['home']}; its epoch is {document['epoch']} now."
        session.screen.line(told)
        session.screen.line("Positions and cursors of before are refused. `tellonce log verify` checks the events.")
