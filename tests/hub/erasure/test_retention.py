"""What was kept long enough is destroyed class by class; what is held stays."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock
from events.envelope import Logged
from events.errors import Refused, TryAgainLater, WrongSettings
from events.ids import SubjectId
from hub.assembly import Hub
from hub.erasure.officer import Officer
from hub.erasure.retention import DEFAULTS, FILE, Retention
from hub.reading import Reading, TimelineQuestion
from tests.hub.erasure.test_eraser import (
    ANN,
    BOB,
    assert_views_are_those_of_a_fresh_fold,
    events_of,
    fill,
    find,
    page,
    shown,
)
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send

DOCS = Path(__file__).resolve().parents[3] / "docs"
SHORT = '[periods]\nhealth = {years = 1, source = "a test"}\n'
LATER = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(datetime(2025, 5, 1, 12, tzinfo=UTC))


@pytest.fixture
def hub(tmp_path: Path, clock: DrivenClock) -> Iterator[Hub]:
    home = tmp_path / "home"
    home.mkdir()
    (home / FILE).write_text(SHORT)
    with open_home(home, clock) as hub:
        fill(hub)
        condition = {"code": {"text": "asthma"}}
        send(hub, cloudevent("h1", "health.condition-recorded", "tenant/1", condition, fact="condition/1"))
        send(hub, cloudevent("h2", "health.condition-recorded", "tenant/2", condition, fact="condition/1"))
        # A log that hears nothing for three months doubts the clock.
        for number, (year, month) in enumerate(((2025, 7), (2025, 9), (2025, 11), (2026, 1), (2026, 3), (2026, 4))):
            clock.set(datetime(year, month, 1, tzinfo=UTC))
            send(hub, registration(f"n{number}", "tenant/9", number=nhs_number(9)))
        yield hub


def officer(hub: Hub) -> Officer:
    return Officer(hub)


def test_nothing_is_due_before_its_period_is_over(hub: Hub) -> None:
    assert officer(hub).retention(STEWARD)["due"] == []


def test_a_class_goes_as_a_whole_and_the_rest_of_the_record_stays(hub: Hub, clock: DrivenClock, tmp_path: Path) -> None:
    clock.set(LATER)
    due = officer(hub).retention(STEWARD)["due"]
    assert sorted((each["record"], each["retention"], each["held"]) for each in due) == [
        (ANN, "health", False),
        (BOB, "health", False),
    ]
    hub.acts.hold(BOB, ground="litigation")
    assert [each["record"] for each in officer(hub).apply_retention(STEWARD)["destroyed"]] == [ANN]
    assert hub.wait_until_read(60)
    assert (ANN, "demographics") in shown(hub, ANN)
    assert (ANN, "condition/1") not in shown(hub, ANN)
    assert (BOB, "condition/1") in shown(hub, BOB)
    (person,) = find(hub, ANN)
    assert [(each["record"], each["retention"]) for each in page(hub, person)["destroyed"]] == [(ANN, "health")]
    assert_views_are_those_of_a_fresh_fold(hub, tmp_path / "fresh")
    assert officer(hub).apply_retention(STEWARD)["destroyed"] == []


def test_a_class_that_was_destroyed_lives_again_with_the_next_event(hub: Hub, clock: DrivenClock) -> None:
    clock.set(LATER)
    officer(hub).apply_retention(STEWARD)
    condition = {"code": {"text": "asthma"}}
    send(hub, cloudevent("h3", "health.condition-recorded", "tenant/1", condition, fact="condition/1"))
    assert (ANN, "condition/1") in shown(hub, ANN)


def test_a_record_of_which_everything_was_kept_long_enough_goes_whole_and_may_come_again(
    hub: Hub, clock: DrivenClock, tmp_path: Path
) -> None:
    (hub.home / FILE).write_text("".join(f'[periods.{name}]\nyears = 1\nsource = "a test"\n' for name in DEFAULTS))
    clock.set(LATER)
    officer(hub).apply_retention(STEWARD)
    assert hub.wait_until_read(60)
    assert find(hub, ANN) == find(hub, BOB) == []
    assert_views_are_those_of_a_fresh_fold(hub, tmp_path / "fresh")
    send(hub, registration("1", "tenant/1", number=nhs_number(1)))
    assert shown(hub, ANN) == [(ANN, "demographics")]


def test_what_says_whose_a_record_is_stays_as_long_as_anything_of_it(hub: Hub, clock: DrivenClock) -> None:
    (hub.home / FILE).write_text("".join(f'[periods.{name}]\nyears = 1\nsource = "a test"\n' for name in DEFAULTS))
    condition = {"code": {"text": "diabetes"}}
    send(hub, cloudevent("h3", "health.condition-recorded", "tenant/1", condition, fact="condition/9"))
    clock.set(LATER)
    due = {(each["record"], each["retention"]) for each in officer(hub).retention(STEWARD)["due"]}
    assert (BOB, "core") in due
    assert not any(record == ANN and retention in ("core", "health") for record, retention in due)
    officer(hub).apply_retention(STEWARD)
    assert {(ANN, "demographics"), (ANN, "condition/9")} <= set(shown(hub, ANN))


def test_nothing_is_lost_of_a_record_that_goes_on(hub: Hub, clock: DrivenClock, tmp_path: Path) -> None:
    """What was sealed before the key was destroyed, and came after, is asked for again."""
    clock.set(LATER)
    stopping = threading.Event()
    told: dict[str, str] = {}

    def sender(number: int) -> None:
        at = 0
        while not stopping.is_set():
            name = f"condition/{number}-{at}"
            event = cloudevent(name, "health.condition-recorded", "tenant/1", {"code": {"text": "flu"}}, fact=name)
            try:
                report = hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps([event]))
            except TryAgainLater as error:
                told[error.code] = name
                continue
            (outcome,) = report.outcomes
            assert len(outcome.events) == 1, outcome
            told[outcome.events[0].id] = name
            at += 1

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    hub.eraser.expire([("housing", subject_of(hub), "health")])
    stopping.set()
    for thread in threads:
        thread.join(30)
    assert hub.wait_until_read(60)
    assert_views_are_those_of_a_fresh_fold(hub, tmp_path / "fresh")
    assert told.keys() - {"key-ended"} >= {each.event.id.hex() for each in events_of(hub) if is_health(each)}


def subject_of(hub: Hub) -> SubjectId:
    found = hub.keys.subject_of("housing", ANN)
    assert found is not None
    return found


def is_health(logged: Logged) -> bool:
    return logged.event.type.startswith("health.") and logged.event.attributes["subject"] == "tenant/1"


# ---- redaction


def test_a_redacted_event_is_gone_from_everywhere_and_the_log_still_verifies(hub: Hub, tmp_path: Path) -> None:
    (person,) = find(hub, ANN)
    (entry,) = [each for each in page(hub, person)["entries"] if each["name"] == "hope/2"]
    officer(hub).redact(STEWARD, entry["position"], "third-person")
    assert (ANN, "hope/2") not in shown(hub, ANN)
    assert (ANN, "hope/3") in shown(hub, ANN)
    with pytest.raises(Refused, match="unknown-fact"):
        Reading(hub).history(STEWARD, entry["fact"])
    then = TimelineQuestion(person=person, as_of=entry["known_from"])
    assert "hope/2" not in [each["name"] for each in Reading(hub).timeline(STEWARD, then)["entries"]]
    assert_views_are_those_of_a_fresh_fold(hub, tmp_path / "fresh")
    with pytest.raises(Refused, match="not-redactable"):
        officer(hub).redact(STEWARD, entry["position"], "third-person")


def test_a_position_of_a_partition_that_is_not_there_leads_to_no_other_event(hub: Hub) -> None:
    (person,) = find(hub, ANN)
    (position,) = [each["position"] for each in page(hub, person)["entries"] if each["name"] == "hope/2"]
    with pytest.raises(Refused, match="not-redactable"):
        officer(hub).redact(STEWARD, position.replace("main-0", "main-1"), "third-person")
    assert (ANN, "hope/2") in shown(hub, ANN)


def test_what_is_held_is_not_redacted(hub: Hub) -> None:
    (person,) = find(hub, ANN)
    hub.acts.hold(ANN, ground="litigation")
    (position,) = [each["position"] for each in page(hub, person)["entries"] if each["name"] == "hope/2"]
    with pytest.raises(Refused, match="held"):
        officer(hub).redact(STEWARD, position, "third-person")


# ---- the table


def table(folder: Path, text: str) -> Retention:
    (folder / FILE).write_text(text)
    return Retention(folder)


def test_an_agencys_own_period_wins_over_that_of_all(tmp_path: Path) -> None:
    found = table(tmp_path, SHORT + '[agency.hospital]\nhealth = {years = 20, source = "policy"}\n')
    assert [found.period(agency, "health").years for agency in ("housing", "hospital")] == [1, 20]
    assert found.period("hospital", "housing") == DEFAULTS["housing"]


@pytest.mark.parametrize(
    "text",
    [
        "periods = ",
        '[periods]\nhealth = {years = 0, source = "x"}',
        '[periods]\nhealth = {source = "x"}',
        '[periods]\nhealing = {years = 1, source = "x"}',
        '[periods]\ncore = {years = 1, source = "x"}',
        '[agency.hospital]\nhealth = {years = 90, source = "x"}',
    ],
)
def test_a_table_that_does_not_hold_together_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(WrongSettings, match="bad-retention"):
        table(tmp_path, text)


def test_the_page_shows_a_table_that_is_one_and_the_periods_that_hold(tmp_path: Path) -> None:
    text = (DOCS / "retention.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert table(tmp_path, example).period("riverside-hospital", "health").years == 20
    told = {name: int(years) for name, years in re.findall(r"^\| (\w+) \| (\d+) \|", text, re.MULTILINE)}
    assert told == {name: period.years for name, period in DEFAULTS.items()}
    assert not any(period.is_verified for period in DEFAULTS.values())
