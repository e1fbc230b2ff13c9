"""A serving hub verifies its own log all the time, and says how that went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.checkpoints import VerifierKey
from events.clock import SystemClock
from hub.ledger.watch import Watch
from tests.hub.ledger.forging import SIZE, Copy, make_log

PATIENCE_S = 30.0


@pytest.fixture
def key(tmp_path: Path) -> VerifierKey:
    return make_log(tmp_path / "original.sqlite")


@pytest.fixture
def copy(tmp_path: Path, key: VerifierKey) -> Copy:
    return Copy(tmp_path / "original.sqlite", tmp_path)


@pytest.fixture
def watch(copy: Copy, key: VerifierKey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setattr("hub.ledger.watch._REST_MIN_S", 0.0)
    monkeypatch.setattr("hub.ledger.watch._REST", 0)
    watch = Watch(copy.path, key, SystemClock(), between_s=0.01)
    yield watch
    watch.stop()


def until(watch: Watch, verified: bool) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while watch.told()["verified"] is not verified:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_before_the_first_pass_nothing_is_claimed(watch: Watch) -> None:
    told = watch.told()
    assert (told["verified"], told["at"], told["age_s"], told["events"]) == (None, None, None, 0)


def test_a_whole_log_is_found_whole_again_and_again(watch: Watch) -> None:
    watch.start()
    until(watch, True)
    first = watch.told()
    assert (first["events"], first["fault"], first["first_bad"]) == (SIZE, None, None)
    deadline = time.monotonic() + PATIENCE_S
    while watch.told()["at"] == first["at"]:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert watch.told()["age_s"] < PATIENCE_S


def test_what_is_changed_meanwhile_is_found_and_what_is_mended_too(watch: Watch, copy: Copy) -> None:
    watch.start()
    until(watch, True)
    body = copy.ask("SELECT body FROM log WHERE position = 300")
    copy.rewrite_row(300, lambda raw: raw[::-1])
    until(watch, False)
    told = watch.told()
    assert (told["fault"], told["first_bad"]) == ("leaf-differs", "1-0123abcd:main-0:300")
    copy.rewrite_row(300, lambda raw: body)
    until(watch, True)


def test_a_log_cut_short_is_found(watch: Watch, copy: Copy) -> None:
    copy.run("DELETE FROM log WHERE position >= 900")
    watch.start()
    until(watch, False)
    assert watch.told()["fault"] == "log-cut-short"


def test_it_stops_in_the_middle_of_a_pass(copy: Copy, key: VerifierKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.ledger.watch._REST_MIN_S", 60.0)
    watch = Watch(copy.path, key, SystemClock())
    watch.start()
    deadline = time.monotonic() + PATIENCE_S
    while not watch.told()["now_at"]:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    watch.stop()
    assert watch.told()["verified"] is None
