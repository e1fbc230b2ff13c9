"""A timeline to read: day by day, what happened, who said it, and since when that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from rich.text import Text

from hub.cli.screen import Screen, one_line, readable
from hub.cli.words import compact_day, day_of, heading_of, in_words, moment_in_words, time_of
from hub.local.requests import Document

KEY_MARK = "★"
_PLAIN_MARK = "·"
_LATE_DAYS = 1
# Findings in the words of whoever reads a timeline; a code that is not here is shown as it is.
FINDINGS = {
    "no-order": "the sender gave no order, so the latest to arrive counts",
    "other-order-type": "its order cannot be compared with the earlier ones, so it counts as it arrived",
    "order-ahead": "its order lies in the future, so it counts as it arrived",
    "same-order": "the sender said two different things at once; one of them is shown",
    "unknown-code": "a code is not in the code list",
    "bad-date": "a date could not be read",
}


def show_timeline(
    screen: Screen, document: Document, person: Document | None, zone: ZoneInfo, *, with_facts: bool = False
) -> None:
    """Prints a timeline document; `person` adds who it is about."""
    for line, style in _head(document, person, zone):
        screen.line(line, style)
    if not document["is_open"]:
        screen.line("This number had not been given out then.", "yellow")
    elif not document["entries"]:
        screen.line("The record shows nothing that fits.", "yellow")
    show_entries(screen, document["entries"], zone, with_facts=with_facts)
    for line in _foot(document, zone):
        screen.line(line, "yellow")


def show_compact(screen: Screen, document: Document, person: Document | None, zone: ZoneInfo) -> None:
    """The same in one line an entry."""
    for line, style in _head(document, person, zone):
        screen.line(line, style)
    before = ""
    for entry in document["entries"]:
        day = compact_day(entry["occurred"], zone)
        text = Text(f"{day if day != before else '':>12}  ", "dim")
        text.append(
            f"{KEY_MARK if entry['key_event'] else _PLAIN_MARK} ", "bold yellow" if entry["key_event"] else "dim"
        )
        text.append(one_line(entry["title"]), "bold" if entry["key_event"] else "")
        text.append(f"  {entry['record'].partition(':')[0]}", "dim")
        screen.text(text)
        before = day
    for line in _foot(document, zone):
        screen.line(line, "yellow")


def show_differences(screen: Screen, before: Document, now: Document) -> None:
    """What a timeline says now of what it said otherwise before, and how much is new."""
    then = {entry["fact"]: entry for entry in before["entries"]}
    today = {entry["fact"]: entry for entry in now["entries"]}
    screen.line(f"Since then {_count(len(today.keys() - then.keys()), 'entry', 'entries')} came. What reads otherwise:")
    for fact, entry in then.items():
        later = today.get(fact)
        if later is None:
            screen.line(f"  - {entry['title']} ({entry['record'].partition(':')[0]}): no longer stands")
        elif (later["title"], later["occurred"]) != (entry["title"], entry["occurred"]):
            screen.line(f"  - {entry['title']}: now {later['title']} ({entry['record'].partition(':')[0]})")


def show_entries(screen: Screen, entries: Sequence[Document], zone: ZoneInfo, *, with_facts: bool = False) -> None:
    """Entries under the day they happened on; with each one's fact reference, which `history` takes."""
    for heading, of_day in groupby(entries, key=lambda entry: heading_of(entry["occurred"], zone)):
        screen.line()
        screen.line(heading, "bold")
        for entry in of_day:
            _show_entry(screen, entry, zone)
            if with_facts:
                screen.padded(Text(f"fact {entry['fact']}", "dim"), 11)


def _head(document: Document, person: Document | None, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    named = named_of(person) if person else {}
    yield "  ".join(filter(None, (named.get("name"), *_marks(named), f"person {document['person']}"))), "bold cyan"
    if document["leads_to"] != document["person"]:
        yield f"This number leads to {document['leads_to']} today.", "yellow"
    if others := [each for each in document["merged"] if each != document["person"]]:
        yield f"Merged with: {', '.join(others)}.", ""
    if document["as_of"]:
        yield f"As it was known on {moment_in_words(document['as_of'], zone)} ({zone.key}).", "cyan"
    else:
        yield "As it is known now.", "cyan"
    sources = sorted({entry["record"].partition("/")[0] for entry in document["entries"]})
    if sources:
        yield f"{_count(len(document['entries']), 'entry', 'entries')} from {_sources(sources)}.", ""


def _sources(sources: Sequence[str]) -> str:
    agencies = {source.partition(":")[0] for source in sources}
    systems = _count(len(sources), "system", "systems")
    return f"{systems} of {_count(len(agencies), 'agency', 'agencies')}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def named_of(person: Document) -> dict[str, str]:
    """Name, birth date and NHS number of a person, from the records that tell them."""
    told: dict[str, str] = {}
    for record in person["records"]:
        for name in record.get("names", ())[:1]:
            parts = [*name.get("given", ()), name.get("family", "")]
            told.setdefault("name", " ".join(filter(None, parts)) or name.get("text", ""))
        if record.get("birth_date"):
            told.setdefault("born", record["birth_date"])
        for identifier in record.get("identifiers", ()):
            if identifier.get("system", "").endswith("nhs-number"):
                told.setdefault("nhs_number", identifier["value"])
    return told


def _marks(named: Mapping[str, str]) -> Iterator[str]:
    if "born" in named:
        yield f"born {in_words(named['born'], ZoneInfo('UTC'))}"
    if "nhs_number" in named:
        number = named["nhs_number"]
        yield f"NHS number {number[:3]} {number[3:6]} {number[6:]}"


def _foot(document: Document, zone: ZoneInfo) -> Iterator[str]:
    if document["next"]:
        yield ""
        yield f"There is more: add --after {document['next']}"
    if document["stale"]:
        yield "Something newer was received and is not in yet; look again in a moment."
    for lane in document["halted"]:
        since = moment_in_words(lane["since"], zone)
        yield f"{lane['record']}: nothing since {since} is shown here ({lane['code']}); `tellonce status` tells more."
    for gone in document["destroyed"]:
        since = moment_in_words(gone["since"], zone)
        yield f"{gone['record']}: what it held of {gone['retention']} until {since} was kept long enough and destroyed."


def _show_entry(screen: Screen, entry: Document, zone: ZoneInfo) -> None:
    text = Text(f"  {time_of(entry['occurred'], zone) or '     '}  ")
    text.append(f"{KEY_MARK if entry['key_event'] else _PLAIN_MARK} ", "bold yellow" if entry["key_event"] else "dim")
    text.append(one_line(entry["title"]), "bold" if entry["key_event"] else "")
    if span := _span(entry["occurred"], zone):
        text.append(f" ({span})")
    screen.text(text)
    for line, style in _details(entry, zone):
        screen.padded(Text(readable(line), style), 11)


def _span(occurred: Mapping[str, Any], zone: ZoneInfo) -> str:
    start, end = occurred["start"], occurred["end"]
    words = []
    if occurred["approximate"]:
        words.append("about then")
    if start is None and end is not None:
        words.append("its end; no start is known")
    elif end is not None and end != start:
        is_one_day = heading_of(occurred, zone) == heading_of({"start": end}, zone)
        until = time_of({"start": end}, zone) if is_one_day else in_words(end, zone)
        words.append(f"until {until}" if until else "")
    return ", ".join(filter(None, words))


def _details(entry: Document, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    yield from _words(entry["payload"], entry["title"])
    yield f"{_said_by(entry)}; {_known(entry, zone)}", "dim"
    for finding in entry["findings"]:
        yield f"Noted: {finding_in_words(finding)}", "yellow"


def _words(payload: Mapping[str, Any], title: str) -> Iterator[tuple[str, str]]:
    """What was written besides the title: the person's own words in quotation marks, then reason and note."""
    for words in (payload.get("own_words"), payload.get("text")):
        if words and words not in title:
            yield f"“{words}”", "italic"
    reason = payload.get("reason")
    told = reason.get("display") or reason.get("text") if isinstance(reason, Mapping) else None
    for words in (told, payload.get("note")):
        if words and words not in title:
            yield words, ""


def _said_by(entry: Document) -> str:
    source, _, _ = entry["record"].partition("/")
    agency, _, system = source.partition(":")
    actor = entry["payload"].get("recorded_by") or {}
    said = f"{agency} ({system})"
    who = ", ".join(filter(None, (actor.get("name"), actor.get("role"))))
    through = f"{who}, {said}" if who else said
    return f"the person, told to {through}" if entry["payload"].get("said_by") == "person" else through


def _known(entry: Document, zone: ZoneInfo) -> str:
    known = day_of(entry["known_from"], zone)
    happened = day_of(entry["occurred"]["start"] or "", zone)
    words = f"known since {in_words(entry['known_from'], zone)}"
    if known and happened and (known - happened).days >= _LATE_DAYS:
        days = (known - happened).days
        words += f", {_count(days, 'day', 'days')} after"
    confirmed = day_of(entry["last_confirmed"], zone)
    if confirmed and known and confirmed != known:
        words += f"; last confirmed {in_words(entry['last_confirmed'], zone)}"
    return words


def finding_in_words(finding: str) -> str:
    """A finding, kept as `<code> <where>`, in plain words."""
    code, _, where = finding.partition(" ")
    words = FINDINGS.get(code, code.replace("-", " "))
    return f"{words} ({where})" if where and code not in FINDINGS else words


def show_history(screen: Screen, document: Document, zone: ZoneInfo) -> None:
    """Everything ever said of one fact, in the order in which the hub knew it."""
    screen.line(f"{document['name']}  of {document['record']}", "bold cyan")
    screen.line(f"person {document['person']}" if document["person"] else "on nobody's timeline")
    for version in document["versions"]:
        screen.line()
        screen.line(f"{_ACTIONS.get(version['action'], version['action'])} {version['type']}", "bold")
        for line in _version_lines(version, zone):
            screen.padded(Text(readable(line)), 4)


_ACTIONS = {"assert": "Said:", "withdraw": "Withdrawn:", "void": "Voided:", "withdraw-group": "Group withdrawn:"}


def _version_lines(version: Document, zone: ZoneInfo) -> Iterator[str]:
    def exactly(text: str) -> str:
        return moment_in_words(text, zone, to_the_second=True)

    yield f"known since {exactly(version['known'])}; order {version['order'] or 'of arrival'}"
    stood = [f"{exactly(start)} to {exactly(end) if end else 'now'}" for start, end in version["stood"]]
    yield f"stood on the timeline: {'; '.join(stood) or 'never'}"
    if version["wrong_person"]:
        yield "was about another person"
    for finding in version["findings"]:
        yield f"noted: {finding_in_words(finding)}"
    yield from _payload_lines(version["payload"])


def _payload_lines(payload: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The content, a line for each value with its path."""
    for key, value in payload.items():
        where = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from _payload_lines(value, f"{where}.")
        elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            for at, each in enumerate(value, start=1):
                yield from _payload_lines(each, f"{where} {at}: ")
        else:
            yield f"{where}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
