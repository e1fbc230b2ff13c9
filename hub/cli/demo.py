"""The demo: a borough's three years in about a minute, one person's timeline, then the hub to try out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.sdk.outcome import Counts
from events.errors import RejectedMessage
from hub.access.door import ROLES
from hub.access.tokens import LIFETIME_S, Tokens
from hub.assembly import Hub
from hub.cli.chronology import show_compact, show_differences
from hub.cli.reading import person_of
from hub.cli.screen import Screen
from hub.cli.serving import HOST, PORT, Mllp, Port, mllp_documents, serve_hub
from hub.cli.session import HUB, Session, session_of
from hub.local.opened import OpenedHome, held
from hub.local.requests import Document
from hub.logs import configure_logs

if TYPE_CHECKING:
    from hub.http.server import Listening

HOME = Path(".tellonce-demo")
PEOPLE = 200
_AGENCY = "riverside-hospital"


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after printing.")] = False,
    people: Annotated[int, typer.Option(help="How many people live in the borough.", metavar="N")] = PEOPLE,
    seed: Annotated[int | None, typer.Option(help="Another borough.", metavar="N")] = None,
    end: Annotated[str | None, typer.Option(help="Its last day; yesterday if none is said.", metavar="DATE")] = None,
    port: Port = PORT,
    mllp: Mllp = None,
) -> None:
    """Build an invented borough, print one person's timeline now and as of a year ago, and serve it."""
    from hub.demo import run  # the borough's writer is a package for development: other commands do without it

    session = session_of(context)
    settings = replace(session.settings(), home=session.home or HOME, accepts_clock=False)
    session.home = settings.home
    last_day = _day(end) if end else datetime.now(settings.zone).date() - timedelta(days=1)
    town = run.Borough(run.SEED if seed is None else seed, last_day, people)
    configure_logs(level=settings.log_level or "silent")
    with _told(session.screen, town.end) as tell:
        history = run.make_home(settings, town, tell)
    with held(settings) as hub:
        document = _shown(session, hub, history.hero.nhs_number, town.end, history.document())
        if no_serve:
            session.answered(document)
            return
        configure_logs(level=settings.log_level or "info")
        serve_hub(hub, HOST, port, mllp or (), lambda at: _ready(session, hub, document, at))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RejectedMessage("bad-day", "this is not a day (YYYY-MM-DD)", where="--end") from error


@contextmanager
def _told(screen: Screen, end: date) -> Iterator[Any]:
    """Says how far history has come: a bar on a terminal, a line a quarter elsewhere."""
    quarter: list[str] = []

    with screen.progress("three years of messages", is_counted=False) as tell:

        def told(day: date, share: float, counts: Counts, files: int) -> None:
            tell(int(share * 1000), 1000)
            name = f"{day.year}, quarter {(day.month + 2) // 3}"
            if not screen.has_bars and quarter[-1:] != [name]:
                quarter.append(name)
                screen.remark(f"{name}: {files - 1:,} files so far, {counts.events:,} events")

        yield told


def a_year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _shown(session: Session, hub: Hub, nhs_number: str, end: date, summary: Document) -> Document:
    """Prints the person's two timelines and the sums, or only makes the document of them."""
    desk = OpenedHome(hub)
    then = a_year_before(end).isoformat()
    now = session.ask("timeline", desk=desk, nhs_number=nhs_number)
    before = session.ask("timeline", desk=desk, person=now["person"], as_of=then)
    status = session.ask("status", desk=desk)
    agencies = session.ask("agencies", desk=desk)["agencies"]
    quarantine = session.ask("quarantine", desk=desk)["quarantine"]
    sums = {
        **summary,
        "agencies": len(agencies),
        "persons": status["persons_with_records"],
        "records": status["records"],
    }
    if not session.screen.as_json:
        zone = session.settings().zone
        show_compact(session.screen, before, person_of(session, desk, before), zone)
        session.screen.line()
        show_compact(session.screen, now, person_of(session, desk, now), zone)
        session.screen.line()
        show_differences(session.screen, before, now)
        _show_sums(session, sums, quarantine, then, now["person"])
    return {"summary": sums, "today": now, "a_year_before": before}


def _show_sums(session: Session, sums: Document, quarantine: list[Document], then: str, person: str) -> None:
    screen = session.screen
    screen.line()
    screen.line("The borough of Larkmere, which does not exist", "bold cyan")
    screen.line(
        f"{sums['agencies']} agencies sent {sums['files']:,} files with {sums['messages']:,} messages in three years: "
        f"{sums['accepted']:,} accepted ({sums['findings']:,} findings noted), {sums['not_mapped']:,} not mapped, "
        f"{sums['quarantined']:,} quarantined."
    )
    screen.line(
        f"They became {sums['events']:,} events; {sums['duplicates']:,} more were known already. "
        f"{sums['records']:,} records of the agencies are {sums['persons']:,} persons."
    )
    home = session.settings().home
    screen.line()
    screen.line("Try:")
    screen.line(f"  tellonce --home {home} timeline {person}")
    screen.line(f"  tellonce --home {home} timeline {person} --as-of {then}")
    if quarantine:
        screen.line(f"  tellonce --home {home} quarantine show {quarantine[0]['number']}")


def _ready(session: Session, hub: Hub, document: Document, at: Listening) -> None:
    url, ports = at.url, mllp_documents(at)
    tokens = _tokens(hub)
    if session.answered({**document, "url": url, "mllp": ports, "tokens": tokens}):
        return
    screen, person = session.screen, document["today"]["person"]
    screen.line()
    screen.line(f"Serving {hub.home} at {url} (Ctrl-C stops). Tokens for {LIFETIME_S // 3600} hours:", "bold cyan")
    for role, token in tokens.items():
        screen.line(f"{role.upper()}={token}")
    screen.line()
    screen.line("Set one of them in a shell, then:")
    screen.line(f'  curl -s -H "Authorization: Bearer $PRACTITIONER" {url}/v1/people/{person}/timeline')
    screen.line(f'  curl -s -H "Authorization: Bearer $STEWARD" {url}/v1/people/{person}')
    screen.line(f'  curl -s -H "Authorization: Bearer $ADMIN" {url}/v1/sources')
    for each in ports:
        screen.line(f"HL7 over MLLP is taken at {each['host']}:{each['port']} for {each['source']}.")


def _tokens(hub: Hub) -> dict[str, str]:
    """One token a role; the adapter's is of the hospital."""
    tokens = Tokens(hub.home, hub.clock)
    return {role: tokens.issue(f"demo-{role}", role, _AGENCY if role == "adapter" else HUB) for role in ROLES}
