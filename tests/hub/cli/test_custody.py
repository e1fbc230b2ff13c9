"""Whole records on the command line: what would go is said first, and nothing goes without a word."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from events.errors import Refused
from events.ids import SubjectId
from hub.erasure.acts import Acts
from hub.erasure.agencies import WholeAgency
from hub.erasure.runs import Run
from hub.erasure.saying import Saying
from tests.hub import homes
from tests.hub.cli.conftest import Tell

RECORD = "housing:crm/tenant/7"
CASE = ("--ground", "request", "--reference", "DSR-7")


@pytest.fixture
def consent(tell: Tell, alex: str, events_file: Callable[..., Path]) -> str:
    told = {"consent_id": "C1", "purposes": ["direct-care"]}
    event = homes.cloudevent("m-3", "consent.given", "tenant/7", told, fact="consent/C1")
    assert tell("intake", "cloudevents", events_file(event), "--agency", "housing", "--system", "crm").code == 0
    return "consent/C1"


def test_the_dry_run_says_what_would_go_and_changes_nothing(tell: Tell, alex: str, consent: str) -> None:
    told = tell("erase", RECORD)
    assert told.code == 0
    assert "4 events would go" in told.out
    said = dict(re.findall(r"^(\S.*?)\s{2,}(\d+)$", told.out, re.MULTILINE))
    assert said["the hub's own decisions"] == "1"
    assert sum(map(int, said.values())) == 4
    assert f"consent {consent}: would go; confirm with --end {consent}" in told.out
    assert "Nothing was changed." in told.out
    assert len(tell("--json", "timeline", alex).document["entries"]) == 3


def test_a_record_is_erased_with_a_certificate(tell: Tell, alex: str, consent: str, home: Path) -> None:
    assert tell("--json", "erase", RECORD, *CASE, "--yes").document["error"]["code"] == "rules-would-vanish"
    told = tell("erase", RECORD, *CASE, "--end", consent, "--yes")
    assert told.code == 0
    assert "Erased 4 events" in told.out
    assert "not final before the last key backup expires" in told.out
    assert len(list((home / "certificates").glob("*.jws"))) == 1
    assert tell("--json", "timeline", alex).document["error"]["code"] == "unknown-person"
    assert tell("--json", "people", "find", "--record", RECORD).document == {"people": []}


def test_an_erased_record_comes_in_again_once_it_is_admitted(
    tell: Tell, alex: str, events_file: Callable[..., Path]
) -> None:
    tell("erase", RECORD, *CASE, "--yes")
    again = events_file(homes.registration("m-9", "tenant/7", number=homes.nhs_number(4), order="9"), name="again.json")
    sent = ("--json", "intake", "cloudevents", again, "--agency", "housing", "--system", "crm")
    report = tell(*sent).document
    assert (report["quarantined"], report["events"], report["findings"]) == (0, 0, 1)
    assert tell("readmit", RECORD, "--ground", "came-back").out == f"{RECORD} may be sent again.\n"
    assert tell(*sent).document["events"] == 1
    assert len(tell("--json", "people", "find", "--record", RECORD).document["people"]) == 1


def test_a_record_is_restricted_and_read_again(tell: Tell, alex: str) -> None:
    assert tell("restrict", RECORD, "--ground", "accuracy-contested").out == f"{RECORD} is read by nobody now.\n"
    assert tell("--json", "timeline", alex).document["entries"] == []
    assert tell("unrestrict", RECORD, "--ground", "resolved").out == f"{RECORD} may be read again.\n"
    assert len(tell("--json", "timeline", alex).document["entries"]) == 2


def test_what_is_held_is_listed_and_not_erased(tell: Tell, alex: str) -> None:
    assert tell("hold", "list").out == "Nothing is held.\n"
    held = tell("hold", "place", "--person", alex, "--ground", "inquiry", "--reference", "Q-1")
    assert held.out == f"Held: {RECORD}.\n"
    assert "inquiry" in tell("hold", "list").out
    assert tell("--json", "erase", RECORD, "--yes").document["error"]["code"] == "held"
    assert "held since" in tell("erase", RECORD).out
    tell("hold", "lift", "--person", alex, "--ground", "closed", "--reference", "Q-1")
    assert tell("erase", RECORD, "--yes").code == 0


def test_the_periods_are_printed(tell: Tell, alex: str) -> None:
    told = tell("retention")
    assert "safeguarding" in told.out
    assert "unverified" in told.out
    assert told.out.endswith("0 classes of records were kept long enough.\n")
    assert tell("--json", "retention", "--apply").document == {"destroyed": []}


def test_one_event_is_redacted(tell: Tell, alex: str) -> None:
    entry = tell("--json", "timeline", alex).document["entries"][0]
    assert tell("redact", entry["position"], "--ground", "third-person").code == 2
    assert tell("redact", entry["position"], "--ground", "third-person", "--yes").code == 0
    assert len(tell("--json", "timeline", alex).document["entries"]) == 1
    assert "Rows without a body: 1." in (told := tell("log", "verify").out)
    assert "NOT SHOWN" not in told


def test_whoever_verifies_without_the_homes_keys_is_told_what_is_not_shown(tell: Tell, alex: str, home: Path) -> None:
    entry = tell("--json", "timeline", alex).document["entries"][0]
    assert tell("redact", entry["position"], "--ground", "third-person", "--yes").code == 0
    key = tell("log", "prove", entry["position"]).document["key"]
    (home / "keys.sqlite").rename(home / "elsewhere.sqlite")
    ran = tell("log", "verify", "--key", key)
    assert ran.code == 0
    assert "NOT SHOWN of 1 of them: that a redaction took the body" in ran.out
    told = tell("--json", "log", "verify", "--key", key).document
    assert (told["removed_bodies"], told["removed_not_held"], told["removed_on_trust"]) == (1, 1, 1)


def test_the_third_persons_of_a_fact_are_removed(tell: Tell, alex: str, events_file: Callable[..., Path]) -> None:
    kin = homes.cloudevent(
        "k", "circle.relationship-changed", "tenant/7", {"other": {"name": {"text": "Placeholder"}}}, fact="kin/1"
    )
    tell("intake", "cloudevents", events_file(kin), "--agency", "housing", "--system", "crm")
    (entry,) = tell("--json", "timeline", alex, "--type", "circle").document["entries"]
    ran = tell("redact", entry["position"], "--third-persons", "--ground", "objection", "--yes")
    assert "somebody was named there" in ran.out
    (entry,) = tell("--json", "timeline", alex, "--type", "circle").document["entries"]
    assert entry["payload"] == {"other": {"removed": True}}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("--ground", "She asked"), "bad-ground"),
        (("--ground", "request", "--reference", "for Alex T"), "bad-reference"),
        (("--ground", "request", "--reference", "7"), "bad-reference"),
        (("--ground", "request", "--reference", "999-000-1235"), "bad-reference"),
    ],
)
def test_what_outlives_the_record_names_nobody(tell: Tell, alex: str, given: tuple[str, ...], code: str) -> None:
    assert tell("--json", "erase", RECORD, *given, "--yes").document["error"]["code"] == code


OTHER = "housing:crm/tenant/8"


@pytest.fixture
def other(tell: Tell, events_file: Callable[..., Path]) -> str:
    event = homes.registration("m-8", "tenant/8", number=homes.nhs_number(8))
    assert tell("intake", "cloudevents", events_file(event), "--agency", "housing", "--system", "crm").code == 0
    return OTHER


def test_an_agency_is_erased_and_its_own_key(tell: Tell, alex: str, other: str) -> None:
    assert tell("erase", "--agency", "housing").code == 2
    told = tell("erase", "--agency", "housing", "--ground", "contract-ended", "--yes")
    assert told.code == 0
    assert "Erased 2 records of housing" in told.out
    assert "own key is destroyed" in told.out
    assert tell("--json", "people", "find", "--record", RECORD).document == {"people": []}


def test_an_agency_of_which_a_record_was_held_meanwhile_is_not_finished(
    tell: Tell, alex: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, held = WholeAgency._told, []
    case = {"ground": "litigation", "reference": "C-1"}

    def held_afterwards(whole: WholeAgency, run: Run, subject: SubjectId) -> int | None:
        at = real(whole, run, subject)
        for record in (RECORD, OTHER) if not held else ():
            with contextlib.suppress(Refused):
                Acts(whole._bench, Saying(whole._bench, whole._steps)).hold(record, **case)
                held.append(record)
        return at

    monkeypatch.setattr(WholeAgency, "_told", held_afterwards)
    told = tell("erase", "--agency", "housing", "--ground", "contract-ended", "--yes")
    assert told.code == 1
    assert "NOT FINISHED" in told.out
    assert f"{held[0]} (litigation C-1)" in told.out
    (kept,) = tell("--json", "hold", "list").document["holds"]
    assert kept["record"] == held[0]
    tell("hold", "lift", held[0], "--ground", "settled", "--reference", "C-1")
    assert tell("--json", "erase", "--agency", "housing", "--yes").document["key_destroyed"]
