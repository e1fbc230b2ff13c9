"""Looking up people and reading their timelines."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from events.errors import HubError
from hub.cli.chronology import named_of, show_history, show_timeline
from hub.cli.session import Session, session_of
from hub.local.desks import Desk
from hub.local.requests import Document

people = typer.Typer(help="Look people up.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(people, name="people")
    app.command("timeline")(timeline)
    # A fact reference may begin with a hyphen, and is no option then.
    app.command("history", context_settings={"ignore_unknown_options": True})(history)


@people.command("find")
def find(
    context: typer.Context,
    nhs_number: Annotated[str | None, typer.Option(help="An NHS number.", metavar="N")] = None,
    name: Annotated[str | None, typer.Option(help="A name, together with --born.", metavar="N")] = None,
    born: Annotated[str | None, typer.Option(help="A birth date, together with --name.", metavar="D")] = None,
    record: Annotated[str | None, typer.Option(help="<agency>:<system>/<type>/<id>", metavar="R")] = None,
) -> None:
    """Find persons by NHS number, by name and birth date, or by one of their records."""
    session = session_of(context)
    document = session.ask("find", nhs_number=nhs_number, name=name, born=born, record=record)
    if session.answered(document):
        return
    if not document["people"]:
        session.screen.line("Nobody fits.")
    for person in document["people"]:
        named = named_of(person)
        session.screen.line(f"{person['person']}  {named.get('name', '')}  {named.get('born', '')}".rstrip(), "bold")
        for each in person["records"]:
            session.screen.line(f"  {each['record']}")


def timeline(
    context: typer.Context,
    person: Annotated[str | None, typer.Argument(help="A person's number, XXXX-XXXX.", metavar="[PERSON]")] = None,
    nhs_number: Annotated[str | None, typer.Option(help="An NHS number instead.", metavar="N")] = None,
    as_of: Annotated[str | None, typer.Option(help="As it was known then: a day or an instant.", metavar="T")] = None,
    day_from: Annotated[str | None, typer.Option("--from", help="From this day on.", metavar="D")] = None,
    day_to: Annotated[str | None, typer.Option("--to", help="Up to this day.", metavar="D")] = None,
    agency: Annotated[str | None, typer.Option(help="What this agency said.", metavar="A")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Events of this type or family.", metavar="T")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many entries; 500 if none is said.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    facts: Annotated[bool, typer.Option("--facts", help="Show each entry's fact, for `history`.")] = False,
    after: Annotated[str | None, typer.Option(help="Go on after the `next` of a page.", metavar="CURSOR")] = None,
) -> None:
    """Read a person's timeline, now or as it was known at a moment."""
    session = session_of(context)
    question: dict[str, Any] = {
        "person": person,
        "nhs_number": nhs_number,
        "as_of": as_of,
        "day_from": day_from,
        "day_to": day_to,
        "agency": agency,
        "type": kind,
        "limit": limit,
        "newest_first": newest,
        "cursor": after,
    }
    with session.desk() as desk:
        document = session.ask("timeline", desk=desk, **question)
        if session.answered(document):
            return
        about = person_of(session, desk, document)
    show_timeline(session.screen, document, about, session.settings().zone, with_facts=facts)


def person_of(session: Session, desk: Desk, page: Document) -> Document | None:
    """Who a timeline is about, as it was known then, for its head; None where the caller may not see it."""
    try:
        return session.ask("person", desk=desk, person=page["person"], as_of=page["as_of"])
    except HubError:
        return None


def history(
    context: typer.Context,
    fact: Annotated[str, typer.Argument(help="The `fact` of an entry.", metavar="FACTREF")],
) -> None:
    """Show everything ever said of one fact."""
    session = session_of(context)
    document = session.ask("history", fact=fact)
    if not session.answered(document):
        show_history(session.screen, document, session.settings().zone)
