"""Adapters: which are there, a new one to begin with, and what one makes of a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from adapters import registry
from adapters.sdk.adapter import Adapter, Fact, Finding, Message, Setting, Translation
from adapters.sdk.options import check_tried
from adapters.sdk.scaffold import scaffold
from events.errors import Refused, RejectedMessage
from hub.cli.exit_codes import DONE, REFUSED
from hub.cli.intake import Options, parsed_options
from hub.cli.session import Session, session_of
from hub.cli.words import finding_at
from hub.local.requests import Document

commands = typer.Typer(help="How agencies speak.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(commands, name="adapters")


@commands.command("list")
def list_(context: typer.Context) -> None:
    """List the adapters that are installed."""
    session = session_of(context)
    found = registry.installed()
    if session.answered({"adapters": [each._asdict() for each in found]}):
        return
    rows = [(each.name, each.version, each.origin, ", ".join(each.options), each.fault or each.title) for each in found]
    session.screen.table(("name", "version", "origin", "options", "reads"), rows)


@commands.command("new")
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores.", metavar="NAME")],
    target: Annotated[
        Path | None, typer.Option("--in", help="The folder; ./NAME if none is named.", metavar="DIR")
    ] = None,
) -> None:
    """Write the beginnings of a Python adapter, with a sample and its conformance test."""
    session = session_of(context)
    folder = target or Path(name)
    written = scaffold(name, folder)
    if session.answered({"adapter": name, "files": [str(path) for path in written]}):
        return
    for path in written:
        session.screen.line(f"written: {path}")
    session.screen.line(f"Next: cd {folder} && python -m pytest")


@commands.command("test")
def try_out(
    context: typer.Context,
    adapter: Annotated[str, typer.Argument(help="The adapter's name.", metavar="ADAPTER")],
    files: Annotated[list[Path], typer.Argument(help="Files to read.", metavar="FILE...", exists=True, dir_okay=False)],
    option: Options = None,
    agency: Annotated[str, typer.Option(help="The agency it would come from.", metavar="A")] = "an-agency",
    system: Annotated[str, typer.Option(help="Its system.", metavar="S")] = "a-system",
) -> int:
    """Say what an adapter makes of files; nothing is stored, and no home is needed."""
    session = session_of(context)
    chosen = registry.adapter_of(adapter)
    options = parsed_options(option or [])
    check_tried(chosen, options)
    prepare = getattr(chosen, "prepare", None)
    prepared = prepare(options, Path()) if prepare is not None else options
    read: list[Document] = []
    for path in files:
        setting = Setting(agency, system, path.name, options=prepared)
        read.append({"file": str(path), "messages": list(_read(chosen, path, setting))})
    if not session.answered({"adapter": adapter, "version": chosen.version, "files": read}):
        _show(session, read)
    states = [message["state"] for each in read for message in each["messages"]]
    return DONE if states and "quarantined" not in states else REFUSED


def _read(adapter: Adapter, path: Path, setting: Setting) -> Iterator[Document]:
    """What becomes of each message, and whether a second reading says the same, as it must."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Refused("unreadable-file", f"it cannot be read ({error.strerror})", where=str(path)) from error
    try:
        for message in adapter.split(io.BytesIO(raw), setting):
            first = _translated(adapter, message, setting)
            is_steady = first == _translated(adapter, message, setting)
            yield {**_outcome(message, first), "is_steady": is_steady}
    except RejectedMessage as error:
        yield {
            "place": "whole",
            "state": "quarantined",
            "reason": str(error),
            "findings": [],
            "facts": [],
            "is_steady": True,
        }


def _translated(adapter: Adapter, message: Message, setting: Setting) -> Translation:
    if message.fault is not None:
        return Translation(quarantined=message.fault)
    return adapter.translate(message, setting)


def _outcome(message: Message, translation: Translation) -> Document:
    findings = [*translation.findings, *(each for fact in translation.facts for each in fact.findings)]
    why = translation.quarantined
    state = "quarantined" if why else "not-mapped" if translation.not_mapped else "accepted"
    return {
        "place": message.place,
        "state": state,
        "reason": _found(why, message) if why else translation.not_mapped or "",
        "findings": [_found(each, message) for each in findings],
        "facts": [_fact(each) for each in translation.facts],
    }


def _found(finding: Finding, message: Message) -> str:
    return finding_at(asdict(finding), message.place)


def _fact(fact: Fact) -> Document:
    return {
        "record": f"{fact.record_type}/{fact.local_id}",
        "action": fact.action,
        "type": fact.type,
        "fact": fact.name,
        "order": fact.order,
        "payload": dict(fact.payload),
    }


def _show(session: Session, read: list[Document]) -> None:
    screen = session.screen
    for each in read:
        screen.line(each["file"], "bold")
        for message in each["messages"]:
            screen.line(f"  {message['place']}: {message['state']} {message['reason']}".rstrip())
            for fact in message["facts"]:
                screen.line(f"    {fact['action']} {fact['type']}  {fact['fact'] or ''}  of {fact['record']}")
            for finding in message["findings"]:
                screen.line(f"    finding: {finding}", "yellow")
            if not message["is_steady"]:
                screen.line("    a second reading says something else: translate must be pure", "bold red")
