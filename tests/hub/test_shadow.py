"""The process that folds a shadow: it is told how far, tells how it goes, and outlives neither rebuild nor hub."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.errors import Refused, TryAgainLater
from hub.assembly import Hub
from hub.services import Services
from hub.shadow import ShadowProcess, fold
from hub.views import projections
from projections.engine.testing import digest
from tests.hub.ailing import HangingShadow, KilledShadow
from tests.hub.homes import ADMIN, cloudevent, nhs_number, open_home, registration, send
from tests.small_disk import mounted


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with open_home(tmp_path / "home") as found:
        send(found, *(registration(f"r{at}", f"tenant/{at}", number=nhs_number(at)) for at in range(5)))
        yield found


@pytest.fixture
def shadow(hub: Hub) -> Path:
    path = hub.store.new_generation()
    hub.store.create(path)
    return path


def head_of(hub: Hub) -> int:
    return hub.log.head()["main-0"]


def quiet(done: int, of: int) -> None:
    pass


def files_of(hub: Hub) -> list[str]:
    return sorted(path.name for path in hub.home.glob("views-*.sqlite*"))


def digests(path: Path) -> dict[str, str]:
    db = sqlite3.connect(path)
    try:
        return {each.name: digest(each, db) for each in projections()}
    finally:
        db.close()


def test_it_folds_as_far_as_it_is_told_and_then_on(hub: Hub, shadow: Path) -> None:
    told: list[tuple[int, int]] = []
    with ShadowProcess(hub.files, shadow, hub.log.epoch) as process:
        process.fold_to(3, lambda done, of: told.append((done, of)))
        process.fold_to(head_of(hub), lambda done, of: told.append((done, of)))
        process.fold_to(head_of(hub), lambda done, of: told.append((done, of)))
    assert [each for each in dict.fromkeys(told) if each[0]] == [(3, 3), (head_of(hub), head_of(hub))]
    assert digests(shadow) == digests(hub.store.path)


def test_it_finds_the_program_where_the_hub_does_not_where_it_is_started(
    hub: Hub, shadow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hub", "events", "json"):
        (tmp_path / "strange" / name).mkdir(parents=True)
        (tmp_path / "strange" / name / "__init__.py").write_text("raise SystemExit(1)", "utf-8")
    monkeypatch.chdir(tmp_path / "strange")
    with ShadowProcess(hub.files, shadow, hub.log.epoch) as process:
        process.fold_to(head_of(hub), quiet)


def test_a_rebuild_whose_process_is_killed_says_so_and_leaves_the_live_views(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, files = digests(hub.store.path), files_of(hub)
    with monkeypatch.context() as patch:
        patch.setattr(hub.runner, "_beside", lambda path: KilledShadow(hub, path))
        with pytest.raises(TryAgainLater, match="rebuild-ended"):
            hub.runner.rebuild()
    assert (digests(hub.store.path), files_of(hub)) == (live, files)
    hub.runner.rebuild()


def test_a_rebuild_is_given_up_in_the_middle(hub: Hub) -> None:
    live, files = digests(hub.store.path), files_of(hub)
    with pytest.raises(Refused, match="enough"):
        hub.runner.rebuild(progress=give_up)
    assert (digests(hub.store.path), files_of(hub)) == (live, files)
    assert not hub.runner.is_rebuilding


def give_up(done: int, of: int) -> None:
    raise Refused("enough", "somebody gave it up")


def test_a_rebuild_whose_process_hangs_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(hub)
    monkeypatch.setattr(hub.runner, "_beside", lambda path: HangingShadow(hub, path))
    with pytest.raises(Refused, match="enough"):
        hub.runner.rebuild(progress=give_up)
    assert files_of(hub) == files


def test_who_waits_behind_another_rebuild_is_told_and_may_give_up(hub: Hub) -> None:
    told, go_on = threading.Event(), threading.Event()

    def hold(done: int, of: int) -> None:
        told.set()
        assert go_on.wait(30)

    first = threading.Thread(target=hub.runner.rebuild, kwargs={"progress": hold})
    first.start()
    assert told.wait(30)
    assert Services(hub).health()["rebuilding"]
    with pytest.raises(Refused, match="enough"):
        hub.runner.rebuild(progress=give_up)
    go_on.set()
    first.join(30)
    assert not Services(hub).health()["rebuilding"]


@pytest.mark.long
@pytest.mark.parametrize("left", [60_000, 600_000], ids=["for the live views", "for half a shadow"])
def test_a_rebuild_for_which_there_is_no_room_says_so_and_leaves_the_live_views(tmp_path: Path, left: int) -> None:
    with mounted(tmp_path, 16) as disk, open_home(tmp_path / "home") as hub:
        hopes = {"topic": "hopes", "text": "a garden " * 100}
        send(hub, *(cloudevent(f"h{at}", "aboutme.statement-shared", "tenant/1", hopes) for at in range(500)))
        live, files = digests(hub.store.path), files_of(hub)
        disk.fill(but_bytes=left)
        with pytest.raises(TryAgainLater, match="disk-full") as told:
            Services(hub).rebuild(ADMIN)
        assert told.value.next_step == "Make room on the disk of the home and rebuild again."
        disk.empty()
        assert (digests(hub.store.path), files_of(hub)) == (live, files)
        Services(hub).rebuild(ADMIN)
        assert digests(hub.store.path) == live


def test_it_ends_when_nobody_listens_any_more(hub: Hub, shadow: Path) -> None:
    process = ShadowProcess(hub.files, shadow, hub.log.epoch)._process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdin.write(b"1\n2\n3\n")
    process.stdin.flush()
    assert process.wait(30) == 0
    process.stdin.close()


def test_its_answers_are_lines_of_progress_and_then_the_end(hub: Hub, shadow: Path) -> None:
    lines: list[dict[str, Any]] = []
    fold(hub.files, shadow, hub.log.epoch, [2, 4], lambda line: lines.append(orjson.loads(line)))
    assert lines == [{"progress": [2, 2]}, {"answer": {}}, {"progress": [4, 4]}, {"answer": {}}]
