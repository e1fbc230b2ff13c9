"""Copies of a home, and a home from a copy.

A restored home opens a new epoch: positions and cursors from before it are refused, since what came after the copy
is lost and its positions are given out again.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw

from events.errors import WrongSettings
from events.log.sqlite import PARTITION
from hub.assembly import LOG, REGISTER, Hub
from hub.opening import access_told
from hub.receipts.journal import reopen_since
from hub.settings import KMS_FILE, Settings
from hub.vault.kms import check_kms

# The log first: whatever it holds is then in the receipts and keys that are copied after it.
_FILES = (LOG, "receipts.sqlite", "keys.sqlite")
_OVERLAP_US = 3_600_000_000
_OTHERS = (REGISTER, "token-key.pem")


def back_up(hub: Hub, target: Path) -> dict[str, Any]:
    """Copies log, receipts and keys of an open home into a new folder. Raises WrongSettings `backup-exists`."""
    with access_told(target):
        if target.exists() and any(target.iterdir()):
            raise WrongSettings(
                "backup-exists", "the folder is not empty", where=str(target), next_step="Name a new one."
            )
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        hub.receipts.settle()
        _copy_home(hub.home, target)
        hub.keys.note_backup()
    return {"backup": str(target), "files": sorted(path.name for path in target.iterdir())}


def restore(source: Path, settings: Settings) -> dict[str, Any]:
    """Makes a home from a backup, in a new epoch that its log records.

    Receipts that came about when the copy was made are translated again: what the log has of them is known to it.
    Raises WrongSettings `home-not-empty`, `no-backup`, and `kms-missing` where the wrapping keys, which no backup
    holds, are not in their place.
    """
    home = settings.home
    with access_told(home):
        _copy_backup(source, settings)
    old, last_known_us = _begin_epoch(home / LOG)
    reopen_since(home / "receipts.sqlite", last_known_us - _OVERLAP_US)
    with Hub(replace(settings, accepts_clock=True)) as hub:
        size = hub.log.head()[PARTITION]
        hub.record_restore(old, size)
    return {"home": str(home), "origin": old, "epoch": hub.log.epoch, "events": size}


def _copy_backup(source: Path, settings: Settings) -> None:
    home = settings.home
    if home.exists() and any(path.name != KMS_FILE for path in home.iterdir()):
        raise WrongSettings("home-not-empty", "the home is not empty", where=str(home), next_step="Name a new one.")
    missing = [name for name in _FILES if not (source / name).exists()]
    if missing:
        raise WrongSettings("no-backup", f"it has no {', '.join(missing)}", where=str(source))
    check_kms(settings.kms_file)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy_home(source, home)


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file, also while others write to it."""
    original = _opened_to_copy(source)
    _make_private(target)
    copy = apsw.Connection(str(target))
    with copy.backup("main", original, "main") as job:
        job.step()
    copy.close()
    original.close()


def _opened_to_copy(path: Path) -> apsw.Connection:
    """A connection that reads; also to a backup on a disk that cannot be written, where SQLite could keep no index."""
    if os.access(path.parent, os.W_OK) or path.with_name(f"{path.name}-wal").exists():
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    uri = f"{path.absolute().as_uri()}?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _copy_home(source: Path, target: Path) -> None:
    """Copies what a backup holds, for the owner alone whatever the modes of the source are.

    Files of receipts come both before and after the rows that name them: they go as soon as they are parted.
    """
    receipts = target / "receipts"
    receipts.mkdir(mode=0o700, exist_ok=True)
    _copy_files(source / "receipts", receipts)
    for name in _FILES:
        copy_database(source / name, target / name)
    for name in _OTHERS:
        if (source / name).exists():
            _copy_privately(source / name, target / name)
    _copy_files(source / "receipts", receipts)


def _copy_files(source: Path, target: Path) -> None:
    for path in source.glob("*"):
        copy = target / path.name
        if not copy.exists():
            try:
                _copy_privately(path, copy)
            except FileNotFoundError:  # parted meanwhile: its parts are in the rows
                copy.unlink()


def _copy_privately(source: Path, target: Path) -> None:
    _make_private(target)
    shutil.copyfile(source, target)


def _make_private(path: Path) -> None:
    """An empty file of its owner's alone, before anything is in it."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _begin_epoch(path: Path) -> tuple[str, int]:
    """The old epoch and the log's last known time."""
    db = apsw.Connection(str(path))
    old: str = db.execute("SELECT value FROM meta WHERE name = 'epoch'").get
    last_known_us: int = db.execute("SELECT known_us FROM log ORDER BY position DESC LIMIT 1").get or 0
    epoch = f"{int(old.partition('-')[0]) + 1}-{secrets.token_hex(4)}"
    with db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
    db.close()
    return old, last_known_us
