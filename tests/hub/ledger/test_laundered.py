"""Somebody without a key changes a row with all that hangs on it and takes the checkpoints out: nothing signs that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from events.errors import TryAgainLater, WrongSettings
from hub import restore as restoring
from hub.assembly import Hub
from hub.backup import back_up, read_manifest
from hub.ledger import verification
from hub.ledger.prove import prove
from hub.restore import declare, restore
from hub.settings import Settings, read_settings
from tests.hub.homes import nhs_number, open_home, registration, send
from tests.hub.ledger.forging import Copy


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home whose log says a moment too late when it came to know of its last event."""
    with open_home(tmp_path / "home") as hub:
        send(hub, *(registration(str(at), f"tenant/{at}", number=nhs_number(at)) for at in range(30)))
        assert hub.wait_until_read(20)
        back_up(hub, tmp_path / "honest")
    launder(tmp_path / "home")
    return read_settings(tmp_path / "home", {})


def launder(home: Path) -> None:
    log = Copy.of(home / "log.sqlite")
    log.run("UPDATE log SET known_us = known_us + 1000 WHERE position = (SELECT max(position) FROM log)")
    log.rewrite_leaves()
    log.rewrite_tiles()
    log.run("DELETE FROM checkpoints")


def test_every_byte_of_it_fits_and_the_key_store_knows_another(settings: Settings) -> None:
    key = str(verification.key_of(settings, verification.shape_of(settings.home / "log.sqlite").name))
    fault = verification.run(settings).fault
    assert fault is not None
    assert (fault.code, fault.first) == ("checkpoint-differs", 0)
    (settings.home / "keys.sqlite").rename(settings.home / "away")
    assert verification.run(settings, key=key).fault is None, "whoever has the log alone, and kept nothing, can't tell"


def test_the_hub_signs_nothing_of_it(settings: Settings) -> None:
    with Hub(settings) as hub:
        assert hub.continuity.fault is not None
        with pytest.raises(TryAgainLater, match="log-differs"):
            prove(hub.log, f"{hub.log.epoch}:main-0:0")
    assert Copy.of(settings.home / "log.sqlite").ask("SELECT count(*) FROM checkpoints") == 0


def test_it_does_not_go_on_in_a_new_epoch(settings: Settings) -> None:
    with pytest.raises(WrongSettings, match=r"log-differs.*key-store"):
        declare(settings)
    assert verification.shape_of(settings.home / "log.sqlite").epoch.startswith("1-")


def test_a_backup_whose_log_its_key_store_does_not_know_is_not_restored(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a manifest that fits it, as whoever writes there can make one."""
    again = read_settings(tmp_path / "again", {"TELLONCE_KMS": str(settings.kms_file)})
    shutil.copyfile(settings.home / "erasures.jsonl", prepared(again.home) / "erasures.jsonl")
    shutil.copyfile(tmp_path / "honest" / "manifest.json", settings.home / "manifest.json")
    manifest = read_manifest(tmp_path / "honest")
    with monkeypatch.context() as fits:
        fits.setattr(restoring, "check_backup", lambda source: manifest)
        with pytest.raises(WrongSettings, match=r"log-differs.*key-store"):
            restore(settings.home, again)
    assert {path.name for path in again.home.iterdir()} == {"erasures.jsonl", "home.lock"}
    restore(tmp_path / "honest", again)


def test_a_backup_verifies_whose_keys_are_newer_than_its_log_and_a_home_does_not(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, registration("1", "tenant/1", number=nhs_number(1)))
        back_up(hub, tmp_path / "first")
        send(hub, registration("2", "tenant/2", number=nhs_number(2)))
        hub.continuity.note()
        back_up(hub, tmp_path / "copy")
    shutil.copyfile(tmp_path / "first" / "log.sqlite", tmp_path / "copy" / "log.sqlite")
    settings = read_settings(tmp_path / "copy", {"TELLONCE_KMS": str(tmp_path / "home" / "kms.key")})
    assert verification.run(settings).fault is None
    (tmp_path / "copy" / "manifest.json").unlink()
    fault = verification.run(settings).fault
    assert fault is not None
    assert fault.code == "log-cut-short"


def prepared(home: Path) -> Path:
    home.mkdir()
    return home


# ---- a key store that says nothing


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1_000])
def test_whoever_may_read_the_log_alone_verifies_it(settings: Settings, content: bytes | None) -> None:
    """Without the wrapping keys the key store beside it is not looked at."""
    key = str(verification.key_of(settings, verification.shape_of(settings.home / "log.sqlite").name))
    settings.kms_file.unlink()
    without_keys(settings.home, content)
    assert verification.run(settings, key=key).fault is None


@pytest.mark.parametrize("content", [None, b"no database" * 1_000])
def test_a_home_is_declared_without_its_key_store_and_with_a_damaged_one_it_says_so(
    settings: Settings, content: bytes | None
) -> None:
    without_keys(settings.home, content)
    if content is None:
        assert declare(settings)["epoch"].startswith("2-")
    else:
        with pytest.raises(WrongSettings, match=r"broken-file: keys\.sqlite"):
            declare(settings)


def without_keys(home: Path, content: bytes | None) -> None:
    for path in home.glob("keys.sqlite*"):
        path.unlink()
    if content is not None:
        (home / "keys.sqlite").write_bytes(content)
