"""A home from a copy goes on in a new epoch, loses nothing that the copy holds and refuses old positions."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import apsw
import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.errors import Refused, WrongSettings
from hub import backup
from hub.access.tokens import Tokens
from hub.assembly import Hub
from hub.backup import back_up
from hub.reading import Reading, TimelineQuestion
from hub.receipts.store import ROW_MAX_BYTES
from hub.restore import restore
from hub.settings import Settings, read_settings
from tests.hub.homes import STEWARD, nhs_number, open_home, registration, send
from tests.keyring import opened
from tests.registers import an_agency, write_register


def again(folder: Path) -> Settings:
    """A new home, where the wrapping keys and the list of erasures of the old one have been brought."""
    (folder / "again").mkdir()
    shutil.copyfile(folder / "home" / "kms.key", folder / "again" / "kms.key")
    (folder / "again" / "kms.key").chmod(0o600)
    (folder / "again" / "erasures.jsonl").touch(0o600)
    return read_settings(folder / "again", {})


def test_a_restored_home_reads_the_same_and_goes_on_in_a_new_epoch(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        report = send(hub, registration("1", "tenant/1", number=nhs_number(1)))
        question = TimelineQuestion(nhs_number=nhs_number(1))
        before = Reading(hub).timeline(STEWARD, question)
        back_up(hub, tmp_path / "copy")
    restored = restore(tmp_path / "copy", again(tmp_path))
    assert restored["epoch"].startswith("2-")
    with open_home(tmp_path / "again") as hub:
        assert hub.wait_until_read(60)
        after = Reading(hub).timeline(STEWARD, question)
        assert [each["payload"] for each in after["entries"]] == [each["payload"] for each in before["entries"]]
        assert after["person"] == before["person"]
        last = list(hub.log.read("main-0", restored["events"], 10))
        assert opened(hub.keys.ring, last)[0].event.payload["origin"] == restored["origin"]
        assert restored["origin"].rpartition("/")[2] == report.position.partition(":")[0]
        with pytest.raises(Refused, match="other-epoch"):
            Reading(hub).timeline(STEWARD, TimelineQuestion(person=before["person"], min_position=report.position))
        resent = send(hub, registration("1", "tenant/1", number=nhs_number(1)))
        assert (resent.counts.events, resent.counts.duplicates) == (0, 1)


def test_what_the_copied_receipts_hold_beyond_the_copied_log_is_translated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(tmp_path / "home") as hub:

        def copied_slowly(source: Path, target: Path) -> None:
            copy(source, target)
            if source.name == "log.sqlite":  # a message comes in while the rest is copied
                send(hub, registration("1", "tenant/1", number=nhs_number(1)))

        copy = backup.copy_database
        monkeypatch.setattr(backup, "copy_database", copied_slowly)
        back_up(hub, tmp_path / "copy")
    monkeypatch.undo()
    assert restore(tmp_path / "copy", again(tmp_path))["events"] == 1
    with open_home(tmp_path / "again") as hub:
        assert hub.wait_until_read(60)
        found = Reading(hub).timeline(STEWARD, TimelineQuestion(nhs_number=nhs_number(1)))
        assert len(found["entries"]) == 1


def test_a_backup_that_somebody_looked_at_is_as_good_as_before(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        told = back_up(hub, tmp_path / "copy")
    assert not any("-wal" in name or "-shm" in name for name in told["files"])
    db = apsw.Connection(str(tmp_path / "copy" / "log.sqlite"))
    assert db.execute("SELECT count(*) FROM log").get == 1
    db.close()
    assert restore(tmp_path / "copy", again(tmp_path))["events"] == 1


def test_files_that_the_register_names_are_in_a_backup(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        (home / "mappings").mkdir()
        for name in ("mappings/tenancies.toml", "unnamed.toml"):
            (home / name).write_text("x = 1\n", "utf-8")
        system = '{ name = "csv", adapter = "csv_mapping", options = { mapping = "mappings/tenancies.toml" } }'
        write_register(home, an_agency("housing", system))
        back_up(hub, tmp_path / "copy")
    assert not (tmp_path / "copy" / "unnamed.toml").exists()
    restore(tmp_path / "copy", again(tmp_path))
    assert (tmp_path / "again" / "mappings" / "tenancies.toml").read_text("utf-8") == "x = 1\n"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        back_up(hub, tmp_path / "copy")
        with pytest.raises(WrongSettings, match="backup-exists"):
            back_up(hub, tmp_path / "copy")
    with pytest.raises(WrongSettings, match="home-not-empty"):
        restore(tmp_path / "copy", read_settings(tmp_path / "home", {}))
    with pytest.raises(WrongSettings, match="no-backup"):
        restore(tmp_path / "nowhere", again(tmp_path))


def test_a_backup_alone_opens_nothing(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        back_up(hub, tmp_path / "copy")
    assert not (tmp_path / "copy" / "kms.key").exists()
    with pytest.raises(WrongSettings, match="kms-missing"):
        restore(tmp_path / "copy", read_settings(tmp_path / "again", {}))
    assert not (tmp_path / "again").exists()


@pytest.mark.long
def test_every_file_that_the_hub_writes_is_its_owners_alone(tmp_path: Path) -> None:
    usual = os.umask(0o022)
    try:
        with open_home(tmp_path / "home") as hub:
            send(hub, registration("1", "tenant/1", number=nhs_number(1)))
            large = registration("2", "tenant/2", number=nhs_number(2), note="x" * ROW_MAX_BYTES)
            hub.receipts.store(Arrival("housing", "crm", "cloudevents"), orjson.dumps([large]))
            hub.runner.rebuild()
            Tokens(hub.home, hub.clock)
            back_up(hub, tmp_path / "copy")
            assert open_to_others(tmp_path / "home") == {"agencies.toml"}  # written by hand: its mode is its writer's
        assert any((tmp_path / "copy" / "receipts").iterdir())
        for path in (tmp_path / "copy").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # as after a journey on another disk
        restore(tmp_path / "copy", again(tmp_path))
        with Hub(read_settings(tmp_path / "again", {})) as hub:
            back_up(hub, tmp_path / "next")
            hub.runner.rebuild()
            assert open_to_others(tmp_path / "again") | open_to_others(tmp_path / "next") == set()
    finally:
        os.umask(usual)


def open_to_others(folder: Path) -> set[str]:
    """What in a folder others than its owner may read or write."""
    return {path.name for path in folder.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077}
