"""An old home that was damaged is told, by code and place, before anything of it counts as sealed."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.clock import SystemClock
from events.errors import HubError, TryAgainLater, WrongSettings
from hub.receipts.store import ROW_MAX_BYTES
from hub.resealing import reseal
from hub.settings import read_settings
from tests.hub.homes import nhs_number, open_home, registration
from tests.older import write_older

NOTES = ("", "x" * ROW_MAX_BYTES)  # the second receipt lies in a file of its own


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An old home of two records, and the ids of its receipts."""
    folder = tmp_path_factory.mktemp("old")
    received, receipts = [], []
    with open_home(folder / "source") as hub:
        for number, note in enumerate(NOTES, 1):
            told = registration(str(number), f"tenant/{number}", number=nhs_number(number), note=note)
            received.append((Arrival("housing", "crm", "cloudevents"), orjson.dumps([told])))
            receipts.append(hub.intake.receive(*received[-1]).receipt)
        assert hub.wait_until_read(60)
        write_older(hub, folder / "old", received)
    return folder / "old", receipts


@pytest.fixture
def old(kept: tuple[Path, list[str]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept[0], tmp_path / "old"))


def refusal(old: Path) -> HubError:
    with pytest.raises(HubError) as raised:
        reseal(old, read_settings(old.with_name("new"), {}), SystemClock())
    assert not old.with_name("new").exists()
    return raised.value


def change(path: Path, statement: str) -> None:
    db = apsw.Connection(str(path))
    db.execute(statement)
    assert db.changes()
    db.close()


@pytest.mark.parametrize("body", ["x'41'", "'a text'", "x''", "5"])
def test_a_receipt_that_was_changed_is_named(old: Path, kept: tuple[Path, list[str]], body: str) -> None:
    change(old / "receipts.sqlite", f"UPDATE receipts SET body = {body} WHERE body IS NOT NULL")
    told = refusal(old)
    assert (told.code, told.where) == ("receipt-damaged", f"receipt {kept[1][0]}")


@pytest.mark.parametrize("keep", [ROW_MAX_BYTES, 0])
def test_a_receipt_whose_file_was_cut_is_named(old: Path, kept: tuple[Path, list[str]], keep: int) -> None:
    (file,) = (old / "receipts").iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    told = refusal(old)
    assert (told.code, told.where) == ("receipt-damaged", f"receipt {kept[1][1]}")


def test_a_receipt_whose_options_cannot_be_read_is_named(old: Path, kept: tuple[Path, list[str]]) -> None:
    change(old / "receipts.sqlite", "UPDATE receipts SET options = x'7b' WHERE body IS NOT NULL")
    told = refusal(old)
    assert (told.code, told.where) == ("receipt-damaged", f"receipt {kept[1][0]}")


def test_a_receipt_that_outcomes_name_and_that_is_gone_is_named(old: Path, kept: tuple[Path, list[str]]) -> None:
    change(old / "receipts.sqlite", "DELETE FROM receipts WHERE body IS NOT NULL")
    told = refusal(old)
    assert (told.code, told.where) == ("receipt-bytes-missing", f"receipt {kept[1][0]}")


def test_a_receipt_whose_file_is_gone_is_named(old: Path, kept: tuple[Path, list[str]]) -> None:
    shutil.rmtree(old / "receipts")
    told = refusal(old)
    assert (told.code, told.where) == ("receipt-bytes-missing", f"receipt {kept[1][1]}")


@pytest.mark.parametrize("statement", ["DELETE FROM secrets WHERE class = 'core'", "DELETE FROM subjects"])
def test_an_event_whose_id_was_made_with_a_secret_that_is_gone_is_named(old: Path, statement: str) -> None:
    change(old / "keys.sqlite", statement)
    told = refusal(old)
    assert (told.code, told.where) == ("unknown-key", "log, position 1")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE secrets SET secret = 'a text' WHERE class = 'core'",
        "DELETE FROM hub_keys",
        "UPDATE hub_keys SET secret = ''",
        "DROP TABLE secrets",
    ],
)
def test_a_key_store_that_does_not_hold_is_told(old: Path, statement: str) -> None:
    db = apsw.Connection(str(old / "keys.sqlite"))
    db.execute(statement)
    db.close()
    told = refusal(old)
    assert (told.code, told.where) == ("broken-file", "keys.sqlite")


@pytest.mark.parametrize("name", ["keys.sqlite", "receipts.sqlite"])
def test_a_file_that_is_gone_or_no_database_is_told(old: Path, name: str) -> None:
    (old / name).write_bytes(b"no database" * 1_000)
    told = refusal(old)
    assert (told.code, told.where) == ("broken-file", name)
    for path in old.glob(f"{name}*"):
        path.unlink()
    told = refusal(old)
    assert (told.code, told.where) == ("broken-file", name)


def test_where_no_log_is_there_is_no_home(old: Path) -> None:
    for path in old.glob("log.sqlite*"):
        path.unlink()
    assert refusal(old).code == "no-home"


@pytest.mark.parametrize("column", ["body", "header", "known_us"])
@pytest.mark.parametrize("position", [0, 1])
def test_an_event_of_another_type_is_named(old: Path, column: str, position: int) -> None:
    change(old / "log.sqlite", f"UPDATE log SET {column} = 'a text' WHERE position = {position}")
    told = refusal(old)
    assert (told.code, told.where) == ("broken-row", f"log, position {position}")


def test_a_disk_without_room_is_told_with_what_is_left_of_the_work(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("hub.resealing.file.store", full)
        told = refusal(old)
    assert isinstance(told, TryAgainLater)
    assert (told.code, told.where) == ("disk-full", str(old.with_name("new.draft")))
    assert "the old home is as it was" in str(told)
    reseal(old, read_settings(old.with_name("new"), {}), SystemClock())


def test_a_healthy_old_home_is_not_refused(old: Path) -> None:
    done = reseal(old, read_settings(old.with_name("new"), {}), SystemClock())
    assert done["receipts"] == len(NOTES)
    with pytest.raises(WrongSettings, match="not-older"):
        reseal(old.with_name("new"), read_settings(old.with_name("newer"), {}), SystemClock())
