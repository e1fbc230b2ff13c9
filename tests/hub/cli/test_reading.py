"""Finding people and reading timelines: a chronology in words, one document with --json."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hub import homes
from tests.hub.cli.conftest import NUMBER, Tell

HOUSING = ("--agency", "housing", "--system", "crm")
ENTRY = {
    "fact", "name", "record", "type", "title", "occurred", "recorded", "known_from", "last_confirmed", "order",
    "orderfrom", "key_event", "payload", "findings", "position", "event",
}  # fmt: skip


def test_a_timeline_is_a_chronology_by_day(tell: Tell, alex: str) -> None:
    lines = tell("timeline", alex).out.splitlines()
    assert (
        lines[0]
        == f"Alex Testerton  born 3 February 1980  NHS number {NUMBER[:3]} {NUMBER[3:6]} {NUMBER[6:]}  person {alex}"
    )
    assert lines[1:3] == ["As it is known now.", "2 entries from 1 system of 1 agency."]
    at = lines.index("Tuesday 14 May 2024")
    assert lines[at + 1].strip() == "★ Social rented tenancy started"
    assert lines[at + 2].strip().startswith("housing (crm); known since ")
    assert lines.index("No date given") < at


def test_a_timeline_document_has_the_fields_that_everybody_reads(tell: Tell, alex: str) -> None:
    found = tell("--json", "timeline", "--nhs-number", NUMBER).document
    assert {"person", "as_of", "position", "stale", "next", "entries"} <= found.keys()
    assert (found["person"], found["as_of"], found["stale"], found["next"]) == (alex, None, False, None)
    for entry in found["entries"]:
        assert entry.keys() == ENTRY
    assert found["entries"][1]["record"] == "housing:crm/tenant/7"


def test_a_timeline_is_narrowed_by_days_agency_and_type(tell: Tell, alex: str) -> None:
    def names(*options: str) -> list[str]:
        return [each["name"] for each in tell("--json", "timeline", alex, *options).document["entries"]]

    assert names("--from", "2024-05-01", "--to", "2024-05-31") == ["tenancy/1/start"]
    assert names("--type", "person.registered") == ["demographics"]
    assert names("--agency", "hospital") == []
    assert names("--newest") == ["tenancy/1/start", "demographics"]


def test_a_long_timeline_is_read_page_by_page(tell: Tell, alex: str) -> None:
    first = tell("--json", "timeline", alex, "--limit", "1").document
    second = tell("--json", "timeline", alex, "--limit", "1", "--after", first["next"]).document
    assert [each["name"] for each in (*first["entries"], *second["entries"])] == ["demographics", "tenancy/1/start"]
    assert second["next"] is None
    assert f"add --after {first['next']}" in tell("timeline", alex, "--limit", "1").out


def test_a_day_before_the_number_was_given_out_is_an_empty_page_that_says_so(tell: Tell, alex: str) -> None:
    found = tell("timeline", alex, "--as-of", "2020-01-01")
    assert found.code == 0
    assert "As it was known on 1 January 2020, 23:59 (Europe/London)." in found.out
    assert "This number had not been given out then." in found.out


def test_a_page_of_then_is_headed_with_what_was_known_then(
    tell: Tell, alex: str, events_file: Callable[..., Path]
) -> None:
    then = datetime.now(UTC).isoformat()
    renamed = homes.registration("m-9", "tenant/7", number=homes.nhs_number(3), born="1981-03-04", order="2")
    renamed["data"]["names"] = [{"family": "Renamed", "given": ["Alex"]}]
    tell("intake", "cloudevents", events_file(renamed, name="renamed.json"), *HOUSING)
    now_head = tell("timeline", alex).out.splitlines()[0]
    assert now_head.startswith("Alex Renamed  born 4 March 1981  NHS number ")
    then_head = tell("timeline", alex, "--as-of", then).out.splitlines()[0]
    assert then_head.startswith(f"Alex Testerton  born 3 February 1980  NHS number {NUMBER[:3]} ")
    assert tell("timeline", alex, "--as-of", "2020-01-01").out.splitlines()[0] == f"person {alex}"
    found = tell("--json", "people", "find", "--record", "housing:crm/tenant/7").document["people"]
    assert found[0]["records"][0]["birth_date"] == "1981-03-04"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--type", "alergy"), "unknown-type: type: there is no such event type"),
        (("--agency", "nobody"), "agency-never-heard: agency: no agency of this name"),
        (("--from", "2025-01-01", "--to", "2024-01-01"), "reversed-range: from, to: the range ends before it begins"),
        (("--as-of", ""), "bad-moment: "),
    ],
)
def test_a_misspelt_filter_never_reads_as_nothing_there(
    tell: Tell, alex: str, options: tuple[str, ...], said: str
) -> None:
    found = tell("timeline", alex, *options)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith(said)


def test_a_cursor_of_somebody_elses_timeline_is_refused(
    tell: Tell, alex: str, events_file: Callable[..., Path]
) -> None:
    tell(
        "intake",
        "cloudevents",
        events_file(homes.registration("m-8", "tenant/9", number=homes.nhs_number(5))),
        *HOUSING,
    )
    other = tell("people", "find", "--record", "housing:crm/tenant/9").out.split()[0]
    cursor = tell("--json", "timeline", alex, "--limit", "1").document["next"]
    found = tell("timeline", other, "--after", cursor)
    assert (found.code, found.out, found.err.split(":")[0]) == (1, "", "stale-cursor")


def test_the_future_and_unreadable_days_are_refused(tell: Tell, alex: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert tell("timeline", alex, "--as-of", tomorrow).err.startswith("as-of-in-future: ")
    assert tell("timeline", alex, "--as-of", "last year").err.startswith("bad-moment: ")
    assert tell("timeline", alex, "--from", "31/02/2025").err.startswith("bad-day: ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("AAAA-AAAA",), "bad-person-number"),
        (("0000-0000",), "unknown-person"),
        (("--nhs-number", "9990000000"), "bad-nhs-number"),
        (("--nhs-number", homes.nhs_number(9)), "unknown-person"),
        ((), "whose-timeline"),
    ],
)
def test_nobody_is_a_clear_sentence(tell: Tell, alex: str, arguments: tuple[str, ...], code: str) -> None:
    found = tell("timeline", *arguments)
    assert (found.code, found.out, found.err.split(":")[0]) == (1, "", code)


def test_a_corrected_fact_shows_both_versions_in_its_history(
    tell: Tell, alex: str, events_file: Callable[..., Path]
) -> None:
    newer = homes.cloudevent(
        "m-3",
        "housing.accommodation-changed",
        "tenant/7",
        {"action": "started", "tenure": "supported", "effective": {"start": "2024-05-20"}},
        fact="tenancy/1/start",
        order="2",
    )
    tell("intake", "cloudevents", events_file(newer), *HOUSING)
    entry = tell("--json", "timeline", alex).document["entries"][1]
    assert entry["occurred"]["start"] == "2024-05-20"
    found = tell("history", entry["fact"]).out
    assert found.count("Said: housing.accommodation-changed") == 2
    assert "effective.start: 2024-05-14" in found
    assert "effective.start: 2024-05-20" in found
    assert entry["fact"] in tell("timeline", alex, "--facts").out
    assert tell("history", "x").err.startswith("bad-fact-reference: ")
    assert tell("history", "-pWith-a-hyphen").err.startswith("bad-fact-reference: ")


def test_people_are_found_by_number_name_or_record(tell: Tell, alex: str) -> None:
    for wanted in (
        ("--nhs-number", f"{NUMBER[:3]} {NUMBER[3:]}"),
        ("--name", "alex testerton", "--born", "1980-02-03"),
        ("--record", "housing:crm/tenant/7"),
    ):
        assert tell("people", "find", *wanted).out == f"{alex}  Alex Testerton  1980-02-03\n  housing:crm/tenant/7\n"
    assert tell("people", "find", "--record", "housing:crm/tenant/8").out == "Nobody fits.\n"
    assert tell("people", "find").err.startswith("find-by-what: ")


def test_what_an_admin_may_not_read_is_refused(tell: Tell, alex: str) -> None:
    found = tell("--as", "admin:root", "timeline", alex)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("not-permitted: timeline: ")


def test_a_senders_words_cannot_steer_the_terminal(tell: Tell, alex: str, events_file: Callable[..., Path]) -> None:
    told = {
        "channel": "phone",
        "own_words": "All is \u202ewell\u202c \x1b[2Jtoday",
        "effective": {"start": "2024-06-01"},
    }
    event = homes.cloudevent("m-4", "contact.occurred", "tenant/7", told, fact="call/1", order="1")
    ran = tell("--json", "intake", "cloudevents", events_file(event), *HOUSING)
    assert ran.document["accepted"] == 1, ran.out
    shown = tell("timeline", alex).out
    assert "All is" in shown
    assert not set(shown) & {"\x1b", "\u202e", "\u202c"}
    assert json.loads(tell("--json", "timeline", alex).out)["entries"][-1]["payload"]["own_words"] == told["own_words"]


def test_a_senders_words_cannot_begin_a_line_of_the_chronology(
    tell: Tell, alex: str, events_file: Callable[..., Path]
) -> None:
    forged = "Moved\n\nFriday 3 January 2025\n         \N{BLACK STAR} Allergy: Penicillin\u2028Monday"
    called = {"names": [{"family": forged}], "identifiers": [{"system": "urn:housing:tenant", "value": "8"}]}
    rang = {"channel": "phone", "own_words": forged, "effective": {"start": "2024-06-01"}}
    events = [
        homes.cloudevent("m-5", "person.registered", "tenant/8", called, fact="demographics", order="1"),
        homes.cloudevent("m-6", "contact.occurred", "tenant/8", rang, fact="call/1", order="1"),
    ]
    ran = tell("--json", "intake", "cloudevents", events_file(*events), *HOUSING)
    assert ran.document["accepted"] == 2, ran.out
    found = tell("people", "find", "--record", "housing:crm/tenant/8").out
    assert [line for line in found.splitlines() if "Allergy" in line] == [found.splitlines()[0]]
    shown = tell("timeline", found.split()[0]).out.splitlines()
    assert not [line for line in shown if line.startswith(("Friday", "Monday", "         \N{BLACK STAR} Allergy"))]


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["words", "JSON"])
def test_a_terminal_that_knows_ascii_alone_gets_the_whole_page(
    tell: Tell, alex: str, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    shown = io.BytesIO()
    expected = tell("timeline", alex, *options)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    assert tell("timeline", alex, *options).code == 0
    text = shown.getvalue().decode("ascii")
    if options:
        assert json.loads(text) == expected.document
    else:
        assert len(text.splitlines()) == len(expected.out.splitlines())
        assert "?" in text
