"""A witness that forgot what it signed signs no more; a first start that was cut off is not taken for that."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from events.clock import DrivenClock
from events.errors import WrongSettings
from hub.cli import main
from hub.cli.exit_codes import SETTINGS
from hub.witness import house
from hub.witness.house import KEY_FILE, opened
from hub.witness.store import FILE
from tests.hub.witness.conftest import WITNESS


@pytest.fixture
def folder(tmp_path: Path, clock: DrivenClock) -> Path:
    """A witness that was begun and stopped."""
    with opened(tmp_path / "witness", clock, WITNESS):
        pass
    return tmp_path / "witness"


def refusal(folder: Path, clock: DrivenClock, name: str | None) -> WrongSettings:
    with pytest.raises(WrongSettings) as raised, opened(folder, clock, name):
        pass
    return raised.value


def told_to_begin_another(told: WrongSettings) -> bool:
    return told.code == "witness-store-lost" and "begin another witness" in str(told) and "backup" not in str(told)


@pytest.mark.parametrize("name", [WITNESS, "another.example", None])
def test_a_key_whose_store_is_gone_signs_no_more(folder: Path, clock: DrivenClock, name: str | None) -> None:
    for path in folder.glob(f"{FILE}*"):
        path.unlink()
    for _ in range(2):
        assert told_to_begin_another(refusal(folder, clock, name))


def test_a_key_whose_store_is_empty_signs_no_more(folder: Path, clock: DrivenClock) -> None:
    for path in folder.glob(f"{FILE}*"):
        path.unlink()
    (folder / FILE).touch()
    for _ in range(2):
        assert told_to_begin_another(refusal(folder, clock, WITNESS))


@pytest.mark.parametrize("damage", [b"no database" * 1_000, b"SQLite format 3\0" + bytes(8_192)])
def test_a_damaged_store_is_never_to_be_brought_back(folder: Path, clock: DrivenClock, damage: bytes) -> None:
    for path in folder.glob(f"{FILE}?*"):
        path.unlink()
    (folder / FILE).write_bytes(damage)
    assert told_to_begin_another(refusal(folder, clock, WITNESS))


def test_damage_that_is_met_later_is_told_alike(
    folder: Path, clock: DrivenClock, capsys: pytest.CaptureFixture[str]
) -> None:
    db = apsw.Connection(str(folder / FILE))
    db.execute("DROP TABLE logs")
    db.close()
    assert main(["--home", str(folder), "witness", "show"]) == SETTINGS
    assert "witness-store-lost: " in capsys.readouterr().err


@pytest.mark.parametrize("step", ["_named", "sync_folder", "key_of"])
def test_a_first_start_that_was_cut_off_is_begun_again(
    tmp_path: Path, clock: DrivenClock, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(house, step, stop)
        with pytest.raises(KeyboardInterrupt), opened(tmp_path / "witness", clock, WITNESS):
            pass
    assert not (tmp_path / "witness" / KEY_FILE).exists()
    with opened(tmp_path / "witness", clock, WITNESS) as begun:
        assert begun.key.name == WITNESS
