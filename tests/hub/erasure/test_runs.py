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
from hub.vault.kms import LocalKms
from hub.vault.listkey import ListKey
from tests.hub.erasure.test_eraser import ANN, BOB, fill, find
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
