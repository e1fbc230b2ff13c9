"""The demo: history sent day by day, a clean start each time, and what it prints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog

from adapters.sdk.outcome import Counts
from events.errors import WrongSettings
from hub.access.door import Caller
from hub.assembly import Hub
from hub.cli import main
from hub.demo.run import MARK, SEED, Borough, History, clean, make_home
from hub.reading import Reading, TimelineQuestion
from hub.settings import Settings

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[3]
TOWN = Borough(SEED, date(2026, 3, 31), 40)
STEWARD = Caller("sam", "steward", "hub", "record-linkage")
Told = tuple[date, float, int]


@contextmanager
def kept_umask() -> Iterator[None]:
    """The demo makes what it writes its owner's alone; other tests keep theirs."""
    umask = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(umask)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("demo") / "home", ZoneInfo("Europe/London"))


@pytest.fixture(scope="module")
def told() -> list[Told]:
    """How far the history below said it was, each time."""
    return []


@pytest.fixture(scope="module")
def history(settings: Settings, told: list[Told]) -> History:
    """The smallest borough, sent once."""

    def tell(day: date, share: float, counts: Counts, files: int) -> None:
        told.append((day, share, files))

    with kept_umask():
        return make_home(settings, TOWN, tell)


@pytest.fixture
def hub(settings: Settings, history: History) -> Iterator[Hub]:
    with Hub(settings) as opened:
        yield opened


def test_seven_agencies_are_understood_but_for_the_mishaps(history: History, hub: Hub) -> None:
    assert len(hub.register().agencies) == 7
    assert history.counts.messages == history.counts.accepted + history.counts.not_mapped + history.counts.quarantined
    assert history.counts.accepted > 0.98 * history.counts.messages
    assert 0 < history.counts.quarantined < 20
    assert history.counts.duplicates > 0


def test_the_hero_is_one_person_with_all_her_records(history: History, hub: Hub) -> None:
    found = Reading(hub).find(STEWARD, nhs_number=history.hero.nhs_number)["people"]
    assert [{each["record"] for each in person["records"]} for person in found] == [set(history.hero.records)]


def test_as_of_a_year_ago_shows_what_was_known_then(history: History, hub: Hub) -> None:
    def names(as_of: str | None) -> set[str]:
        question = TimelineQuestion(nhs_number=history.hero.nhs_number, as_of=as_of)
        return {entry["title"] for entry in Reading(hub).timeline(STEWARD, question)["entries"]}

    now, before = names(None), names("2025-03-31")
    assert "Allergy: Penicillin" in before - now
    assert "Goal achieved: An apprenticeship with bicycles" in now - before


def test_known_times_are_the_days_on_which_things_were_sent(history: History, hub: Hub) -> None:
    question = TimelineQuestion(nhs_number=history.hero.nhs_number)
    known = [entry["known_from"][:10] for entry in Reading(hub).timeline(STEWARD, question)["entries"]]
    assert min(known) >= "2023-04-01"
    assert max(known) <= "2026-03-31"
    assert len(set(known)) > 40


def test_a_record_is_linked_on_the_day_it_was_first_heard_of(history: History, hub: Hub) -> None:
    """Decisions follow within the day: they do not pile up until the demo's end."""
    with hub.store.snapshot() as db:
        opened = [row[0] for row in db.execute("SELECT opened_us FROM membership_persons")]
    assert len({us // 86_400_000_000 for us in opened}) > 20


def test_the_readmes_excerpt_is_what_the_demo_prints(
    history: History, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    excerpt = readme.partition("```text\n")[2].partition("\n```")[0]
    days = ("--from", "2025-07-10", "--to", "2025-07-28")
    assert main(["--home", str(settings.home), "timeline", "--nhs-number", history.hero.nhs_number, *days]) == 0
    structlog.reset_defaults()
    assert excerpt in capsys.readouterr().out


# ---- the home


def test_the_demo_starts_clean_in_a_home_it_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    clean(home)
    (home / "log.sqlite").write_text("old")
    (home / "receipts").mkdir()
    (home / "receipts" / "R-1").write_text("old")
    clean(home)
    assert sorted(path.name for path in home.iterdir() if path.name != "home.lock") == [
        "agencies.toml",
        MARK,
        "mappings",
    ]


def test_the_demo_deletes_nothing_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").write_text("somebody's")
    with pytest.raises(WrongSettings, match="not-a-demo-home"):
        clean(tmp_path)
    assert (tmp_path / "log.sqlite").read_text() == "somebody's"


def test_a_demo_that_still_serves_is_not_pulled_from_under_its_feet(settings: Settings, hub: Hub) -> None:
    with pytest.raises(WrongSettings, match="home-in-use"):
        clean(settings.home)
    assert hub.wait_until_read(60)


def test_the_command_prints_two_timelines_and_the_sums(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    arguments = ["--home", str(home), "demo", "--no-serve", "--people", "40", "--end", "2024-08-01"]
    with kept_umask():
        assert main(arguments) == 0
    structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert out.index("As it was known on ") < out.index("As it is known now.") < out.index("Since then ")
    assert "7 agencies sent " in out
    assert f"tellonce --home {home} timeline " in out
    assert err.startswith("2021, quarter 3: ")


def test_a_borough_that_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path / "home"), "demo", "--no-serve", "--people", "5"]) == 4
    assert main(["--home", str(tmp_path / "home"), "demo", "--no-serve", "--end", "soon"]) == 1
    structlog.reset_defaults()
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["demo-too-small", "bad-day"]


def test_history_is_told_as_it_goes(history: History, told: list[Told]) -> None:
    assert [files for _, _, files in told] == list(range(1, history.files + 1))
    assert told == sorted(told)
    assert told[-1][1] > 0.99
