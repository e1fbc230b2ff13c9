"""Copies of a home, and a home from a copy.

A restored home opens a new epoch: positions and cursors from before it are refused, since what came after the copy
is lost and its positions are given out again.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import apsw

from events.errors import WrongSettings
from hub.assembly import REGISTER, Hub

# The log first: whatever it holds is then in the receipts and keys that are copied after it.
_FILES = ("log.sqlite", "receipts.sqlite", "keys.sqlite")
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


def restore(source: Path, home: Path) -> str:
    """Makes a home from a backup; the new epoch. Raises WrongSettings `home-not-empty`, `no-backup`."""
    if home.exists() and any(home.iterdir()):
        raise WrongSettings("home-not-empty", "the home is not empty", where=str(home), next_step="Name a new one.")
    missing = [name for name in _FILES if not (source / name).exists()]
    if missing:
        raise WrongSettings("no-backup", f"it has no {', '.join(missing)}", where=str(source))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _FILES:
        copy_database(source / name, home / name)
    _copy_files(source, home)
    return _new_epoch(home / "log.sqlite")


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


def _new_epoch(path: Path) -> str:
    db = apsw.Connection(str(path))
    old: str = db.execute("SELECT value FROM meta WHERE name = 'epoch'").get
    epoch = f"{int(old.partition('-')[0]) + 1}-{secrets.token_hex(4)}"
    with db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
    db.close()
    return epoch
