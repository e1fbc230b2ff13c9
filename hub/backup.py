"""Copies of a home, and a home from a copy.

A restored home opens a new epoch: positions and cursors from before it are refused, since what came after the copy
is lost and its positions are given out again.
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw

from events.errors import WrongSettings
from events.log.sqlite import PARTITION
from hub.assembly import REGISTER, Hub
from hub.receipts.journal import reopen_since
from hub.settings import Settings

# The log first: whatever it holds is then in the receipts and keys that are copied after it.
_FILES = ("log.sqlite", "receipts.sqlite", "keys.sqlite")
_OVERLAP_US = 3_600_000_000
_OTHERS = (REGISTER, "token-key.pem")


def back_up(hub: Hub, target: Path) -> dict[str, Any]:
    """Copies log, receipts and keys of an open home into a new folder. Raises WrongSettings `backup-exists`."""
    if target.exists() and any(target.iterdir()):
        raise WrongSettings("backup-exists", "the folder is not empty", where=str(target), next_step="Name a new one.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    hub.receipts.settle()
    for name in _FILES:
        copy_database(hub.home / name, target / name)
    _copy_files(hub.home, target)
    return {"backup": str(target), "files": sorted(path.name for path in target.iterdir())}


def restore(source: Path, settings: Settings) -> dict[str, Any]:
    """Makes a home from a backup, in a new epoch that its log records.

    Receipts that came about when the copy was made are translated again: what the log has of them is known to it.
    Raises WrongSettings `home-not-empty`, `no-backup`.
    """
    home = settings.home
    if home.exists() and any(home.iterdir()):
        raise WrongSettings("home-not-empty", "the home is not empty", where=str(home), next_step="Name a new one.")
    missing = [name for name in _FILES if not (source / name).exists()]
    if missing:
        raise WrongSettings("no-backup", f"it has no {', '.join(missing)}", where=str(source))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _FILES:
        copy_database(source / name, home / name)
    _copy_files(source, home)
    old, last_known_us = _begin_epoch(home / "log.sqlite")
    reopen_since(home / "receipts.sqlite", last_known_us - _OVERLAP_US)
    with Hub(replace(settings, accepts_clock=True)) as hub:
        size = hub.log.head()[PARTITION]
        hub.record_restore(old, size)
    return {"home": str(home), "origin": old, "epoch": hub.log.epoch, "events": size}


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file, also while others write to it."""
    original = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    copy = apsw.Connection(str(target))
    with copy.backup("main", original, "main") as job:
        job.step()
    copy.close()
    original.close()
    target.chmod(0o600)


def _copy_files(source: Path, target: Path) -> None:
    for name in _OTHERS:
        if (source / name).exists():
            shutil.copy2(source / name, target / name)
    if (source / "receipts").is_dir():
        shutil.copytree(source / "receipts", target / "receipts", dirs_exist_ok=True)


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
