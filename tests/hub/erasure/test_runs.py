"""What a crash cut off is finished by itself: so nobody but the hub may say that something was begun."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.errors import TryAgainLater, WrongSettings
from hub import erasurelist
from hub.assembly import Hub
from hub.erasure.runs import FOLDER, Run, Runs
from hub.erasure.steps import Steps
from hub.vault.kms import LocalKms
from hub.vault.listkey import ListKey
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, fill, find, hope, shown
from tests.hub.homes import cloudevent, open_home, send

Act = Callable[[Hub], Any]
ACTS: dict[str, Act] = {
    "erase a record": lambda hub: hub.eraser.erase(ANN, ground="request"),
    "erase an agency": lambda hub: hub.eraser.erase_agency("housing", ground="contract-ended"),
    "expire two": lambda hub: hub.eraser.expire([("housing", subject_of(hub, name), None) for name in (ANN, BOB)]),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with open_home(tmp_path / "home") as hub:
        fill(hub)
    return tmp_path / "home"


def subject_of(hub: Hub, record: str) -> Any:
    return hub.keys.subject_of("housing", record)


def a_run(home: Path, record: str | None) -> Run:
    """As an officer would begin it: of a record, or of all that its agency said."""
    with open_home(home) as hub:
        subject = "" if record is None else subject_of(hub, record).hex()
        token = hub.keys.suppression_of("housing", record or "").hex()
        return Run("housing", subject, token, "request", None, None, (), hub.clock(), 0, 0, 0)


@pytest.mark.parametrize("record", [ANN, None])
@pytest.mark.parametrize("forged", ["unsigned", "with another key", "changed"])
def test_nothing_is_erased_by_a_run_that_the_hub_did_not_begin(home: Path, record: str | None, forged: str) -> None:
    run = a_run(home, record)
    Runs(home, ListKey(LocalKms(home / ("kms.key" if forged == "changed" else "theirs.key")))).begin(run)
    (path,) = (home / FOLDER).iterdir()
    if forged == "unsigned":
        path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes())["run"]))
    if forged == "changed":
        path.write_bytes(path.read_bytes().replace(b'"ground":"request"', b'"ground":"purged!"'))
    with pytest.raises(WrongSettings, match=rf"erasure-run-foreign: {FOLDER}/"):
        open_home(home)
    path.unlink()
    with open_home(home) as hub:
        assert (len(find(hub, ANN)), len(find(hub, BOB))) == (1, 1)


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"{}", b'{"run":{},"mac":"00"}', b"\xff"])
def test_a_damaged_file_is_named(home: Path, left: bytes) -> None:
    (home / FOLDER).mkdir(exist_ok=True)
    (home / FOLDER / "x-all.json").write_bytes(left)
    with pytest.raises(WrongSettings, match=r"erasure-run-foreign: erasing/x-all\.json"):
        open_home(home)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("is_second_full", [True, False])
def test_what_was_refused_for_want_of_a_line_is_not_done_later(
    home: Path, monkeypatch: pytest.MonkeyPatch, act: str, is_second_full: bool, tmp_path: Path
) -> None:
    """Unless one of the places has the line: then it stands, and the next start goes on."""
    written: list[object] = []
    write = erasurelist._write

    def refuse(*given: Any) -> int:
        written.append(given)
        if is_second_full or len(written) > 1:
            raise OSError(errno.ENOSPC, "full")
        return write(*given)

    (tmp_path / "second").mkdir()
    settings = {"TELLONCE_ERASURES": str(tmp_path / "second")}
    with open_home(home, environ=settings) as hub:
        monkeypatch.setattr(erasurelist, "_write", refuse)
        with pytest.raises(TryAgainLater, match="erasure-list-unwritten"):
            ACTS[act](hub)
        monkeypatch.undo()
    with open_home(home, environ=settings) as hub:
        assert hub.wait_until_read(20)
        left = [len(find(hub, ANN)), len(find(hub, BOB))]
        assert left == [1, 1] if is_second_full else left[0] == 0
        assert hub.eraser.under_way() == []


def test_an_earlier_line_about_the_record_is_not_taken_for_what_was_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One class went before; another was refused for want of a line."""
    with open_home(home) as hub:
        send(hub, cloudevent("h", "health.condition-recorded", "tenant/1", {"code": {"text": "asthma"}}, fact="c/1"))
        subject = subject_of(hub, ANN)
        hub.eraser.expire([("housing", subject, "health")])
        monkeypatch.setattr(erasurelist, "_write", full)
        with pytest.raises(TryAgainLater, match="erasure-list-unwritten"):
            hub.eraser.expire([("housing", subject, "core")])
        monkeypatch.undo()
        assert hub.eraser.under_way() == []
    with open_home(home) as hub:
        assert len(find(hub, ANN)) == 1


def full(*given: Any) -> int:
    raise OSError(errno.ENOSPC, "full")


# ---- a file that somebody kept


def kept_file(hub: Hub, act: Act, monkeypatch: pytest.MonkeyPatch, *, is_told: bool) -> tuple[str, bytes]:
    """The file of an act that meets a fault after its line was written, or after the log told of it."""

    def fault(*given: object, **named: object) -> object:
        raise TryAgainLater("log-full", "no room", where="log")

    with monkeypatch.context() as full:
        full.setattr(Steps, "destroy" if is_told else "_tell", fault)
        with pytest.raises(TryAgainLater, match="log-full"):
            act(hub)
    (path,) = (hub.home / FOLDER).glob(f"{subject_of(hub, ANN).hex()}-*")
    return path.name, path.read_bytes()


def put_back(home: Path, name: str, kept: bytes) -> None:
    (home / FOLDER / name).write_bytes(kept)


@pytest.mark.parametrize("act", ["erase a record", "expire two"])
def test_a_kept_file_of_what_a_hold_came_before_erases_nothing_when_it_is_put_back(
    home: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    with open_home(home) as hub:
        kept = kept_file(hub, ACTS[act], monkeypatch, is_told=False)
        hub.acts.hold_person(*find(hub, PATIENT), ground="litigation", reference="CASE-1")
    with open_home(home) as hub:
        assert list((home / FOLDER).iterdir()) == []
        hub.acts.lift_person(*find(hub, PATIENT), ground="settled", reference="CASE-1")
        send(hub, hope("7", "tenant/1"))
    put_back(home, *kept)
    with open_home(home) as hub:
        assert list((home / FOLDER).iterdir()) == []
        send(hub, hope("8", "tenant/1"))
        assert {"hope/2", "hope/7", "hope/8"} <= {fact for _, fact in shown(hub, ANN)}


def test_a_kept_file_of_a_class_that_was_destroyed_leaves_what_was_said_since(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = {"code": {"text": "asthma"}}

    def expire(hub: Hub) -> None:
        hub.eraser.expire([("housing", subject_of(hub, ANN), "health")])

    with open_home(home) as hub:
        send(hub, cloudevent("7", "health.condition-recorded", "tenant/1", condition, fact="condition/1"))
        kept = kept_file(hub, expire, monkeypatch, is_told=True)
    with open_home(home) as hub:
        assert (ANN, "condition/1") not in shown(hub, ANN)
        send(hub, cloudevent("8", "health.condition-recorded", "tenant/1", condition, fact="condition/2"))
    put_back(home, *kept)
    with open_home(home) as hub:
        hub.runner.rebuild()
        assert (ANN, "condition/2") in shown(hub, ANN)


def test_a_kept_file_under_another_name_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_home(home) as hub:
        _, kept = kept_file(hub, ACTS["erase a record"], monkeypatch, is_told=False)
    put_back(home, "another.json", kept)
    with pytest.raises(WrongSettings, match=r"erasure-run-foreign.*another\.json"):
        open_home(home)
