"""Running a home: how it goes, and rebuilding its views."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.session import Session, session_of
from hub.local.requests import Document


def add_to(app: typer.Typer) -> None:
    for command in (agencies, sources, status, rebuild):
        app.command()(command)


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
    fault, refusal = standstill(document), document["refuses_writes"]
    code = 3 if fault or refusal or document["verification"]["fault"] else 0
    if session.answered(document):
        return code
    screen = session.screen
    said = f"the views {fault}" if fault else f"nothing is written: {refusal} (docs/errors.md)" if refusal else "ready"
    screen.line(said, "bold green" if said == "ready" else "bold red")
    rows = [
        ("events in the log", f"{document['events']:,}"),
        ("not yet in the views", f"{document['lag']:,}"),
        ("views being rebuilt", "yes" if document["rebuilding"] else "no"),
        ("not yet judged by linkage", f"{document['undecided']:,}"),
        ("persons with records", f"{document['persons_with_records']:,}"),
        ("records", f"{document['records']:,}"),
        ("waiting in quarantine", f"{document['quarantine_waiting']:,}"),
        ("rows of the log that count nowhere", f"{sum(document['refused_rows'].values()):,}"),
        ("receipts without their bytes", f"{len(document['receipts_missing']):,}"),
        ("epoch", document["epoch"]),
        ("log verified", _verified(document["verification"])),
        ("the log's key, for witnesses", document["log_key"]),
        ("witness", _witnessed(document["witness"])),
        *(("", _witness(each)) for each in document["witnesses"]),
        ("list of erasures", second_place(document)),
    ]
    screen.table(("", ""), rows)
    if document["witness"]["state"] in ("late", "refused"):
        screen.line(f"witness: {_witnessed(document['witness'])}", "bold red")
    _warn_of_refused(session, document)
    if document["erasure_list"]["state"] not in ("none", "well"):
        screen.line(f"list of erasures: {second_place(document)}", "bold red")
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


def _witnessed(told: Document) -> str:
    """The state as a line of a page."""
    without_s = told["without_s"]
    if told["state"] == "none":
        return "none is named: nobody outside would notice a changed history (docs/witness.md)"
    if told["state"] == "refused":
        return "A WITNESS CONTRADICTS THE LOG: look below at once"
    if told["state"] == "well":
        return "all events are cosigned"
    since = f"{without_s // 60} minutes" if without_s >= 120 else f"{without_s} seconds"
    return f"without one for {since}"


def second_place(status: Document) -> str:
    """How the second place of the list of erasures is, as a line of a page."""
    told = status["erasure_list"]
    since = f"as seen since {told['since']}"
    words = {
        "none": "in the home alone: TELLONCE_ERASURES names no second place (docs/settings.md)",
        "well": "its second place is there and has every line",
        "behind": f"its second place lacks {told['behind'] or 0:,} lines, {since}; the next one brings them",
        "out-of-reach": f"its second place is out of reach, {since}: nothing is erased, held or restricted",
        "refused": f"what is in its second place is refused ({told['code']}), {since}: docs/errors.md",
    }
    return words[told["state"]]


def _witness(witness: Document) -> str:
    """One witness as a line of a page."""
    seen = (
        f"{witness['size']:,} events, cosigned {witness['cosigned']}" if witness["cosigned"] else "nothing cosigned yet"
    )
    return f"{witness['name']}: {seen}" + (f"; {witness['code']}" if witness["code"] else "")


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
        _warn_of_refused(session, document)


def refused_told(document: Document) -> str:
    """How many rows of the log count nowhere, and why; empty where there are none."""
    by_code: dict[str, int] = document["refused_rows"]
    codes = ", ".join(f"{many:,} {code}" for code, many in by_code.items())
    many = sum(by_code.values())
    return f"{many:,} row{'s' * (many > 1)} of the log count{'s' * (many == 1)} nowhere ({codes})" if many else ""


def _warn_of_refused(session: Session, document: Document) -> None:
    if told := refused_told(document):
        session.screen.line(f"refused: {told}: `tellonce sources` names them, docs/errors.md the codes", "bold red")
