"""Verifying a home: beside a hub or without one, with its own key or another, and from where it was interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from events.errors import RejectedMessage, WrongSettings
from events.log.specimens import ASigner
from hub.ledger import verification
from hub.ledger.progress import PROGRESS, Kept
from hub.ledger.verify import State, shape_of
from hub.services import Services
from hub.settings import read_settings
from tests.hub.homes import AUDITOR, cloudevent, open_home, send
from tests.hub.ledger.forging import SIZE, Copy, make_log


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    with open_home(home) as hub:
        told = {"topic": "hopes", "text": "a garden"}
        send(hub, *(cloudevent(str(at), "aboutme.statement-shared", f"tenant/{at}", told) for at in range(40)))
        hub.log.checkpoint()
    return home


def changed(home: Path, statement: str) -> None:
    copy = Copy.of(home / "log.sqlite")
    copy.run(statement)


def test_a_home_verifies_with_its_own_key_beside_a_hub_and_without(home: Path) -> None:
    settings = read_settings(home, {})
    assert verification.run(settings).fault is None
    with open_home(home) as hub:
        found = verification.run(settings)
        assert (found.fault, found.state.position) == (None, hub.log.head()["main-0"])
        assert Services(hub).verify_log(AUDITOR)["verified"]


def test_a_home_that_does_not_open_any_more_is_verified(home: Path) -> None:
    last = Copy.of(home / "log.sqlite").ask("SELECT max(position) FROM log")
    changed(home, f"UPDATE log SET leaf = zeroblob(32) WHERE position = {last}")
    with pytest.raises(WrongSettings, match="log-changed"):
        open_home(home)
    fault = verification.run(read_settings(home, {})).fault
    assert fault is not None
    assert fault[:3] == ("leaf-differs", last, last)


def test_a_copy_of_the_log_alone_is_verified_with_a_key_that_was_told(home: Path, tmp_path: Path) -> None:
    with open_home(home) as hub:
        key, other = hub.log.key, hub.log.key._replace(public_key=ASigner(7).public_key)
    alone = tmp_path / "alone"
    alone.mkdir()
    (home / "log.sqlite").rename(alone / "log.sqlite")
    settings = read_settings(alone, {})
    with pytest.raises(WrongSettings, match=r"no-log-key: .*kms\.key: "):
        verification.run(settings)
    assert verification.run(settings, key=str(key)).fault is None
    fault = verification.run(settings, key=str(other)).fault
    assert fault is not None
    assert fault.code == "not-signed"
    with pytest.raises(RejectedMessage, match="bad-verifier-key"):
        verification.run(settings, key="a key")
    with pytest.raises(WrongSettings, match="no-home"):
        verification.run(replace(settings, home=tmp_path / "nowhere"))


# ---- going on


@pytest.fixture
def of_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A home of nothing but a log, which is verified in small stretches, each of them noted."""
    monkeypatch.setattr("hub.ledger.verify.STRETCH", 64)
    monkeypatch.setattr("hub.ledger.progress._EVERY_S", 0.0)
    return tmp_path, str(make_log(tmp_path / "log.sqlite"))


class Interrupting:
    """Ctrl-C, after so many positions."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen: list[int] = []

    def __call__(self, done: int, of: int) -> None:
        self.seen.append(done)
        if done >= self.after:
            raise KeyboardInterrupt


def test_an_interrupted_verification_goes_on_when_asked_to(of_log: tuple[Path, str]) -> None:
    home, key = of_log
    settings = read_settings(home, {})
    with pytest.raises(KeyboardInterrupt):
        verification.run(settings, key=key, tell=Interrupting(512))
    assert (home / PROGRESS).stat().st_mode & 0o777 == 0o600
    going_on, from_the_start = Interrupting(SIZE + 1), Interrupting(SIZE + 1)
    found = verification.run(settings, key=key, resume=True, tell=going_on)
    assert (found.fault, found.state.position, found.state.checkpoints) == (None, SIZE, 5)
    assert going_on.seen[0] == 576
    assert not (home / PROGRESS).exists()
    verification.run(settings, key=key, resume=True, tell=from_the_start)
    assert from_the_start.seen[0] == 64


def test_without_being_asked_it_begins_at_the_beginning(of_log: tuple[Path, str]) -> None:
    home, key = of_log
    settings = read_settings(home, {})
    with pytest.raises(KeyboardInterrupt):
        verification.run(settings, key=key, tell=Interrupting(512))
    seen = Interrupting(SIZE + 1)
    verification.run(settings, key=key, tell=seen)
    assert seen.seen[0] == 64


def test_a_checkpoint_that_was_not_asked_about_before_is_held_against_all(of_log: tuple[Path, str]) -> None:
    home, key = of_log
    settings = read_settings(home, {})
    kept = Copy.of(home / "log.sqlite").ask("SELECT note FROM checkpoints WHERE size = 130")
    with pytest.raises(KeyboardInterrupt):
        verification.run(settings, key=key, tell=Interrupting(512))
    seen = Interrupting(SIZE + 1)
    found = verification.run(settings, key=key, kept=[kept], resume=True, tell=seen)
    assert (found.fault, found.state.checkpoints, seen.seen[0]) == (None, 6, 64)


@pytest.mark.parametrize(
    "change",
    [
        {"log": "another"},
        {"epoch": "another"},
        {"key": "another"},
        {"format": 2},
        {"edge": ["00"]},
        {"state": {}},
        {"state": {"position": 513}},
        {"state": {"position": 1 << 40}},
        {"state": {"position": -16}},
    ],
)
def test_progress_of_another_log_or_of_none_is_passed_over(of_log: tuple[Path, str], change: dict[str, object]) -> None:
    home, key = of_log
    with pytest.raises(KeyboardInterrupt):
        verification.run(read_settings(home, {}), key=key, tell=Interrupting(512))
    told = orjson.loads((home / PROGRESS).read_bytes())
    shape, by = shape_of(home / "log.sqlite"), verification.parse_key(key)
    assert Kept(home, shape, by).found() is not None
    (home / PROGRESS).write_bytes(orjson.dumps({**told, **change}))
    assert Kept(home, shape, by).found() is None
    (home / PROGRESS).write_bytes(b"[]")
    assert Kept(home, shape, by).found() is None


def test_a_home_that_cannot_be_written_is_verified_all_the_same(of_log: tuple[Path, str]) -> None:
    home, key = of_log
    (home / f"{PROGRESS}.new").mkdir()
    kept = Kept(home, shape_of(home / "log.sqlite"), verification.parse_key(key))
    kept.keep(State(position=64))
    assert verification.run(read_settings(home, {}), key=key).fault is None
