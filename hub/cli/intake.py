"""Sending files in, and asking what became of them."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from adapters.sdk.outcome import SUMS
from events.errors import HubError, Refused
from hub.cli.exit_codes import exit_code_of, told
from hub.cli.screen import Screen
from hub.cli.session import Session, session_of
from hub.cli.words import finding_at
from hub.local.desks import Desk
from hub.local.requests import Document
from hub.local.wire import error_document

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = "-"
_SHOWN_FINDINGS = 20

Agency = Annotated[str, typer.Option(help="The agency that sends, as in the register.", metavar="A")]
System = Annotated[str, typer.Option(help="Its system, as in the register.", metavar="S")]
Options = Annotated[
    list[str] | None, typer.Option("--option", help="An option of the adapter, again for each.", metavar="NAME=VALUE")
]


def add_to(app: typer.Typer) -> None:
    app.command("intake")(intake)
    app.command("receipt")(receipt)
    app.command("message")(message)


def intake(
    context: typer.Context,
    adapter: Annotated[str, typer.Argument(help="How to read it; see `tellonce adapters list`.")],
    files: Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILE...")],
    agency: Agency,
    system: System,
    option: Options = None,
    file_name: Annotated[str | None, typer.Option(help="The name of what comes from standard input.")] = None,
) -> int:
    """Take in files of an agency's system and say what became of every message in them."""
    session = session_of(context)
    arrival = {"agency": agency, "system": system, "adapter": adapter, "options": parsed_options(option or [])}
    paths, strays = _paths(files)
    reports: list[Document] = []
    try:
        with session.desk(may_make_home=True) as desk:
            reports.extend(_received(session, desk, paths, arrival, file_name))
    except (HubError, KeyboardInterrupt) as fault:
        return _stopped(session.screen, reports, told(fault))
    for stray in strays:
        session.screen.remark(f"left out: {stray}: a link that leads out of the folder", style="yellow")
    document = _summed(reports)
    if not session.answered(document) and reports:
        _show(session.screen, document)
    if not reports:
        session.screen.remark("There is no file in it: nothing was sent. Hidden files are left out.", style="yellow")
    return 0


def parsed_options(given: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE texts as a mapping. Raises Refused `bad-option`."""
    parsed = dict(text.partition("=")[::2] for text in given if "=" in text)
    if len(parsed) != len(given):
        raise Refused("bad-option", "an option is written NAME=VALUE, and each once", where="--option")
    return parsed


def _paths(files: Sequence[str]) -> tuple[list[Path | None], list[Path]]:
    """The files meant, None for standard input; the files of a folder in the order of their names, hidden ones not.

    Also links in a folder that lead out of it: who may drop files there could have any file of ours taken in.
    Raises Refused `no-such-file` before anything is sent.
    """
    paths: list[Path | None] = []
    strays: list[Path] = []
    for given in files:
        path = Path(given)
        if given == STDIN:
            paths.append(None)
        elif path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.is_file() and not _is_hidden(each, path))
            inside = [each for each in found if each.resolve().is_relative_to(path.resolve())]
            paths += inside
            strays += [each for each in found if each not in inside]
        elif path.exists():
            paths.append(path)
        else:
            raise Refused("no-such-file", "there is no such file or folder", where=given)
    return paths, strays


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _received(
    session: Session, desk: Desk, paths: Sequence[Path | None], arrival: dict[str, Any], stdin_name: str | None
) -> Iterator[Document]:
    with session.screen.progress("taking in") as tell:
        for done, path in enumerate(paths):
            tell(done, len(paths))
            name = path.name if path is not None else stdin_name
            with _opened(path) as raw:
                answer = session.ask("intake", desk=desk, upload=raw, file_name=name, **arrival)
            yield {"file": str(path) if path is not None else STDIN, **answer}
        tell(len(paths), len(paths))


def _opened(path: Path | None) -> BinaryIO:
    if path is None:
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))
    try:
        return io.BufferedReader(_File(path))
    except OSError as error:
        raise _unreadable(path, error) from error


class _File(io.FileIO):
    """A file that says what it is when reading it fails half-way: the disk that fails may not be the hub's."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise _unreadable(self._path, error) from error


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused("unreadable-file", f"it cannot be read ({error.strerror})", where=str(path))


def _summed(reports: list[Document]) -> Document:
    return {**{name: sum(report[name] for report in reports) for name in SUMS}, "receipts": reports}


def _stopped(screen: Screen, reports: list[Document], error: HubError) -> int:
    """A fault between two files: what was received before it stays received, and is said."""
    document = _summed(reports)
    if screen.as_json:
        screen.document({"error": error_document(error), **document})
    else:
        if reports:
            _show(screen, document)
        screen.remark(str(error), style="red")
    return exit_code_of(error)


def _show(screen: Screen, document: Document) -> None:
    receipts = document["receipts"]
    rows = [(each["receipt"], *(each[name] for name in SUMS), each["file"]) for each in receipts]
    headings = ("receipt", *(name.replace("_", " ") for name in SUMS), "file")
    several = len(rows) > 1
    if several:
        rows.append(("total", *(document[name] for name in SUMS), f"{len(rows)} files"))
    screen.table(headings, rows)
    _show_outcomes(screen, [(each["file"] if several else "", each["outcomes"]) for each in receipts])


def _show_outcomes(screen: Screen, by_source: Sequence[tuple[str, Sequence[Document]]]) -> None:
    """What did not go in, and why; then what was noted in what did.

    Each with the file or receipt it came in, empty where there is only one.
    """
    outcomes = [(f"{source}, " if source else "", each) for source, several in by_source for each in several]
    for source, outcome in outcomes:
        place = outcome["place"]
        if outcome["state"] == "quarantined":
            why = finding_at(outcome["findings"][0], place)
            screen.line(f"quarantined: {source}{place}: {why}", style="bold red")
        elif outcome["state"] == "not-mapped":
            screen.line(f"not mapped: {source}{place}: {outcome['reason']}", style="yellow")
    accepted = [(source, each) for source, each in outcomes if each["state"] == "accepted-with-findings"]
    found = [(source, each["place"], finding) for source, each in accepted for finding in each["findings"]]
    for source, place, finding in found[:_SHOWN_FINDINGS]:
        screen.line(f"finding: {source}{place}: {finding_at(finding, place)}", style="dim")
    if len(found) > _SHOWN_FINDINGS:
        screen.line(f"... and {len(found) - _SHOWN_FINDINGS} more findings; `tellonce receipt ID` lists them.", "dim")


def receipt(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="The receipt's id, R-...", metavar="RECEIPT")],
    after: Annotated[int, typer.Option(help="Skip so many messages.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="How many messages to list.", min=1, max=1000)] = 1000,
) -> None:
    """Show what became of everything in one receipt."""
    session = session_of(context)
    document = session.ask("receipt", receipt=number, after=after, limit=limit)
    if session.answered(document):
        return
    screen = session.screen
    screen.line(f"{document['receipt']}  {document['status']}", "bold")
    screen.line(f"from {document['agency']}/{document['system']}, read by {document['adapter']}")
    screen.line(f"received {document['received']}, up to {document['size_bytes']} bytes")
    screen.line(", ".join(f"{name.replace('_', ' ')} {document[name]}" for name in SUMS))
    _show_outcomes(screen, [("", document["outcomes"])])


def message(
    context: typer.Context,
    sender_id: Annotated[str, typer.Argument(help="The id the sender gave it, such as HL7's MSH-10.", metavar="ID")],
    agency: Annotated[str | None, typer.Option(help="Of this agency alone.", metavar="A")] = None,
) -> None:
    """Find messages by the sender's own id, and say what became of them."""
    session = session_of(context)
    document = session.ask("find-message", sender_id=sender_id, agency=agency)
    if session.answered(document):
        return
    found = document["messages"]
    if not found:
        session.screen.line("No message of this id was received.")
        return
    headings = ("receipt", "received", "place", "state", "events", "duplicates")
    session.screen.table(headings, [_row(each) for each in found])
    _show_outcomes(session.screen, [(each["receipt"] if len(found) > 1 else "", [each]) for each in found])


def _row(found: Document) -> tuple[object, ...]:
    """A message that was found; as in the sums of a receipt, `events` are new ones."""
    duplicates = sum(event["is_duplicate"] for event in found["events"])
    new = len(found["events"]) - duplicates
    return found["receipt"], found["received"], found["place"], found["state"], new, duplicates
