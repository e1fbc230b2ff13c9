"""What officers of a controller do with whole records: erase, restrict, hold, keep long enough, redact, admit again."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.exit_codes import DONE, REFUSED
from hub.cli.screen import Screen
from hub.cli.session import Session, session_of
from hub.local.requests import Document

Record = Annotated[str, typer.Argument(help="<agency>:<system>/<type>/<id>", metavar="RECORD")]
Ground = Annotated[str, typer.Option(help="Why, as a code (docs/erasure.md).", metavar="CODE")]
Reference = Annotated[str | None, typer.Option(help="Your own number for the case; it names nobody.", metavar="REF")]
OfRecord = Annotated[str | None, typer.Argument(help="<agency>:<system>/<type>/<id>", metavar="[RECORD]")]
OfPerson = Annotated[str | None, typer.Option("--person", help="All of a person instead.", metavar="PERSON")]
holds = typer.Typer(help="Legal holds: what is held is not erased.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    for command in (erase, restrict, unrestrict, retention, redact, readmit):
        app.command()(command)
    app.add_typer(holds, name="hold")


def erase(
    context: typer.Context,
    record: OfRecord = None,
    ground: Ground = "request",
    reference: Reference = None,
    agency: Annotated[
        str | None, typer.Option(help="Every record of an agency instead; its intake closes.", metavar="A")
    ] = None,
    end: Annotated[
        list[str] | None, typer.Option(help="Confirm that this consent, refusal or rule ends.", metavar="NAME")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Erase it; without, only say what would go.")] = False,
) -> int:
    """Say what would go with a record; with --yes, erase it for good and print the certificate."""
    session = session_of(context)
    if (record is None) == (agency is None):
        raise typer.BadParameter("name a record, or an agency with --agency")
    if agency is not None:
        return _erase_agency(session, agency, ground, reference, is_sure=yes)
    if not yes:
        plan = session.ask("plan-erasure", record=record)
        if not session.answered(plan):
            _show_plan(session.screen, plan, end or [])
        return DONE
    with session.screen.progress("erasing") as tell:
        document = session.ask(
            "erase", record=record, ground=ground, reference=reference, ends=end or [], progress=tell
        )
    if not session.answered(document):
        _show_certificate(session.screen, document)
    return DONE


def _erase_agency(session: Session, agency: str, ground: str, reference: str | None, *, is_sure: bool) -> int:
    if not is_sure:
        raise typer.BadParameter("every record of the agency goes, and it cannot be taken back: say --yes")
    with session.screen.progress("erasing") as tell:
        document = session.ask("erase-agency", agency=agency, ground=ground, reference=reference, progress=tell)
    if not session.answered(document):
        _show_agency(session.screen, agency, document)
    return DONE if document["key_destroyed"] else REFUSED


def _show_agency(screen: Screen, agency: str, document: Document) -> None:
    screen.line(f"Erased {document['records']:,} records of {agency}; nothing of it is taken in any more.")
    if document["key_destroyed"]:
        screen.line("The agency's own key is destroyed.")
    else:
        screen.line("NOT FINISHED: the agency's own key is kept, and with it what is held.", "bold red")
    for hold in document["kept"]:
        case = f"{hold['ground']} {hold['reference'] or ''}".rstrip()
        screen.line(f"kept, held since {hold['since']}: {hold['record']} ({case})", "bold red")
    if not document["key_destroyed"]:
        screen.line("Give the command again when no hold is left: it finishes the erasure.")
    screen.line(f"Certificate: {document['file']} in the home.")
    screen.line(document["backups"]["says"])


def _show_plan(screen: Screen, plan: Document, ends: list[str]) -> None:
    screen.line(f"{plan['record']}: {plan['events']:,} events would go", "bold")
    rows = [(each["type"], each["many"]) for each in plan["by_type"]]
    if plan["decisions"]:
        rows.append(("the hub's own decisions", plan["decisions"]))
    if rest := plan["events"] - sum(many for _, many in rows):
        rows.append(("on no timeline", rest))
    screen.table(("type", "said"), rows)
    stays = ", ".join(plan["others"]) or "none"
    screen.line(f"Other records of the same person, which stay: {stays}")
    for hold in plan["holds"]:
        screen.line(f"held since {hold['since']}: {hold['ground']} {hold['reference'] or ''}".rstrip(), "bold red")
    for rule in plan["rules"]:
        if rule["stands_in"] is not None:
            screen.line(f"{rule['kind']} {rule['name']}: said again in {rule['stands_in']}")
        elif rule["name"] in ends:
            screen.line(f"{rule['kind']} {rule['name']}: you confirm that it ends")
        else:
            screen.line(f"{rule['kind']} {rule['name']}: would go; confirm with --end {rule['name']}", "bold red")
    screen.line("Nothing was changed. Give the command with --yes to erase the record; it cannot be taken back.")


def _show_certificate(screen: Screen, document: Document) -> None:
    screen.line(f"Erased {document['events']:,} events at {document['erased']}.", "bold")
    screen.line(f"Certificate: {document['file']} in the home.")
    screen.line(document["backups"]["says"])
    unread = document["unread"]
    if unread["gone_by"] is not None:
        screen.line(
            f"What {unread['agency']} sent and nobody could read may be about anybody: gone by {unread['gone_by']}."
        )
    screen.line(document["exports"])


def restrict(context: typer.Context, record: Record, ground: Ground, reference: Reference = None) -> None:
    """Let nobody read a record, of whatever time, until that is taken back."""
    _acted(session_of(context), "restrict", "is read by nobody now", record, ground, reference)


def unrestrict(context: typer.Context, record: Record, ground: Ground, reference: Reference = None) -> None:
    """Let a restricted record be read again."""
    _acted(session_of(context), "unrestrict", "may be read again", record, ground, reference)


def readmit(context: typer.Context, record: Record, ground: Ground, reference: Reference = None) -> None:
    """Take an erased record in again, as one that nobody has seen before."""
    _acted(session_of(context), "readmit", "may be sent again", record, ground, reference)


def _acted(session: Session, operation: str, how: str, record: str, ground: str, reference: str | None) -> None:
    document = session.ask(operation, record=record, ground=ground, reference=reference)
    if not session.answered(document):
        session.screen.line(f"{document['record']} {how}.")


def redact(
    context: typer.Context,
    position: Annotated[str, typer.Argument(help="Of the event, as `history` prints it.", metavar="POSITION")],
    ground: Ground,
    reference: Reference = None,
    third_persons: Annotated[
        bool, typer.Option("--third-persons", help="Only those whom its fact has named, in all its versions.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be taken back.")] = False,
) -> None:
    """Take the content of one event away from everybody, the log's own copy included; or only its third persons."""
    session = session_of(context)
    if not yes:
        raise typer.BadParameter("this cannot be taken back: say --yes")
    document = session.ask("redact", position=position, ground=ground, reference=reference, third_persons=third_persons)
    if session.answered(document):
        return
    if third_persons:
        session.screen.line("Whom the fact named is gone; each of its versions says that somebody was named there.")
    else:
        session.screen.line(f"The content at {document['position']} is gone; that there was an event stays.")


def retention(
    context: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Destroy what was kept long enough.")] = False,
) -> None:
    """Say how long each class is kept and what was kept long enough; with --apply, destroy that."""
    session = session_of(context)
    if apply:
        with session.screen.progress("destroying") as tell:
            document = session.ask("apply-retention", progress=tell)
        if not session.answered(document):
            session.screen.line(f"Destroyed {len(document['destroyed']):,} classes of records.")
        return
    document = session.ask("retention")
    if session.answered(document):
        return
    rows = [
        (
            each["agency"] or "all others",
            each["retention"],
            each["years"],
            "verified" if each["verified"] else "unverified",
            each["source"],
        )
        for each in document["periods"]
    ]
    session.screen.table(("agency", "class", "years", "", "source"), rows)
    for due in document["due"]:
        held = ", but it is held" if due["held"] else ""
        session.screen.line(f"{due['record']}: {due['retention']} was kept long enough on {due['over_on']}{held}")
    session.screen.line(f"{len(document['due']):,} classes of records were kept long enough.")


@holds.command("place")
def place(
    context: typer.Context,
    ground: Ground,
    record: OfRecord = None,
    person: OfPerson = None,
    reference: Reference = None,
) -> None:
    """Hold a record, or all records of a person, those linked later included."""
    session = session_of(context)
    document = session.ask("hold", record=record, person=person, ground=ground, reference=reference)
    if not session.answered(document):
        session.screen.line(f"Held: {', '.join(document['records'])}.")


@holds.command("lift")
def lift(
    context: typer.Context,
    ground: Ground,
    record: OfRecord = None,
    person: OfPerson = None,
    reference: Reference = None,
) -> None:
    """Lift the hold of a reference."""
    session = session_of(context)
    document = session.ask("lift-hold", record=record, person=person, ground=ground, reference=reference)
    if not session.answered(document):
        records = [each or "a record that is not there any more" for each in document["records"]]
        session.screen.line(f"No longer held: {', '.join(records)}.")


@holds.command("list")
def list_(context: typer.Context) -> None:
    """List what is held."""
    session = session_of(context)
    document = session.ask("holds")
    if session.answered(document):
        return
    rows = [
        (each["record"], each["person"], each["ground"], each["reference"], each["since"]) for each in document["holds"]
    ]
    if rows:
        session.screen.table(("record", "person", "ground", "reference", "since"), rows)
    else:
        session.screen.line("Nothing is held.")
