"""Copies of a home, made while it runs.

The order is what makes a copy whole. The log comes first: whatever it holds has its receipts and keys in what is copied
after it, since both are durable before a row is. The keys come last of the three, the list of erasures after them: a
key that was destroyed meanwhile is gone from the copy, or named in the list that a restore goes by. The manifest ends
it: a folder without one is no backup. The wrapping keys (`kms.key`) are never copied: a backup opens nothing without.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import orjson

from adapters.sdk.register import read_register
from events.clock import from_us, us_text
from events.errors import WrongSettings
from events.log.file import damage_told
from hub.access.tokens import KEY_FILE
from hub.assembly import KEYS, LOG, REGISTER, Hub
from hub.durable import make_folder, sync_folder, sync_folders
from hub.epochs import standing_of
from hub.erasure.certificate import FOLDER as CERTIFICATES
from hub.erasure.retention import FILE as RETENTION_FILE
from hub.erasurelist import ErasureList, Place, read_united, write_list
from hub.opening import access_told
from hub.settings import ERASURES_FILE, MANIFEST_FILE
from hub.vault.listkey import ListKey
from hub.vault.tables import KEYS_KEPT_DAYS
from hub.witness.memory import FILE as WITNESSED
from hub.witness.settings import WITNESSES

FORMAT = 1
RECEIPTS = "receipts.sqlite"
BODIES = "receipts"
IN_ORDER = (LOG, RECEIPTS, KEYS)
_OTHERS = (REGISTER, WITNESSES, RETENTION_FILE, KEY_FILE)
_HASH_BYTES = 32
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `erasures` and `erasures_hash`: how long the list of erasures was, and its running hash.

    `keys_expire`: the day by which the backup has to be destroyed, or its keys at least. `files`: name to SHA-256.
    """

    made: str
    origin: str
    size: int
    root: str
    keys_expire: str
    erasures: int
    erasures_hash: str
    files: Mapping[str, str]
    format: int = FORMAT


def back_up(hub: Hub, target: Path) -> dict[str, Any]:
    """Copies log, receipts and keys of an open home into a new folder. Raises WrongSettings `backup-exists`."""
    with access_told(target):
        if target.exists() and any(target.iterdir()):
            raise WrongSettings(
                "backup-exists", "the folder is not empty", where=str(target), next_step="Name a new one."
            )
        make_folder(target)
        hub.receipts.settle()
        copy_home(hub.home, target)
        erasures = read_united(hub.lists)
        write_list(Place(target / ERASURES_FILE, ListKey(hub.kms)), erasures)
        manifest = _manifest(target, hub.clock(), erasures)
        _write(target / MANIFEST_FILE, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        hub.keys.note_backup()
    return {
        "backup": str(target),
        "files": sorted(path.name for path in target.iterdir()),
        "events": manifest.size,
        "keys_expire": manifest.keys_expire,
    }


def read_manifest(source: Path) -> Manifest:
    """Raises WrongSettings `no-backup`, `home-newer`, `broken-file`."""
    try:
        told = orjson.loads((source / MANIFEST_FILE).read_bytes())
        found = int(told["format"])
        if found == FORMAT:
            return _checked(Manifest(**told))
    except FileNotFoundError as error:
        raise WrongSettings(
            "no-backup",
            f"it has no {MANIFEST_FILE}, which ends a backup: it was interrupted, or is none",
            where=str(source),
            next_step="Name the folder that `tellonce backup` made.",
        ) from error
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise WrongSettings("broken-file", "this is no manifest of a backup", where=MANIFEST_FILE) from error
    raise WrongSettings(
        "home-newer", f"the backup has format {found}, this program reads {FORMAT}", where=MANIFEST_FILE
    )


def _checked(manifest: Manifest) -> Manifest:
    """Raises TypeError or ValueError where a value is not of the kind that was written."""
    counts = (manifest.size, manifest.erasures)
    if not isinstance(manifest.files, dict) or any(type(each) is not int for each in counts):
        raise TypeError
    hashes = (manifest.root, manifest.erasures_hash, *manifest.files.values())
    if not all(isinstance(each, str) for each in (manifest.made, manifest.origin, manifest.keys_expire, *hashes)):
        raise TypeError
    if min(counts) < 0 or any(len(bytes.fromhex(each)) != _HASH_BYTES for each in hashes):
        raise ValueError
    return manifest


def check_backup(source: Path) -> Manifest:
    """The manifest of a backup that is what it says: its files and no others, its log as long and with that root.

    Raises WrongSettings `backup-damaged`, and as `read_manifest` does.
    """
    manifest = read_manifest(source)
    there = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    as_they_were = {name for name, sha256 in manifest.files.items() if _sha256(source / name) == sha256}
    if faults := {*manifest.files, *IN_ORDER} - as_they_were:
        raise _damaged(source, f"files of the backup are not as they were: {', '.join(sorted(faults))}")
    if strays := there - manifest.files.keys() - {MANIFEST_FILE}:
        raise _damaged(source, f"files that its manifest does not name are there: {', '.join(sorted(strays))}")
    with damage_told(source / LOG):
        standing = standing_of(source / LOG)
    if (standing.origin, standing.size, standing.root.hex()) != (manifest.origin, manifest.size, manifest.root):
        raise _damaged(source, f"{LOG} is not the log that its manifest tells of, by origin, size and root")
    return manifest


def _damaged(source: Path, what: str) -> WrongSettings:
    return WrongSettings("backup-damaged", what, where=str(source), next_step="Restore another backup.")


def _manifest(target: Path, now_us: int, erasures: ErasureList) -> Manifest:
    standing = standing_of(target / LOG)
    names = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    return Manifest(
        made=us_text(now_us),
        origin=standing.origin,
        size=standing.size,
        root=standing.root.hex(),
        keys_expire=(from_us(now_us) + timedelta(days=KEYS_KEPT_DAYS)).date().isoformat(),
        erasures=len(erasures.entries),
        erasures_hash=erasures.digest.hex(),
        files={name: _sha256(target / name) for name in names},
    )


def _sha256(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- copying


def copy_home(source: Path, target: Path) -> None:
    """Copies a home or a backup into a folder, in order, for the owner alone whatever the modes of the source are.

    Files of receipts come both before and after the rows that name them: they go as soon as they are parted. The list
    of erasures is not copied: it is more than one file's.
    """
    _copy_folder(source / BODIES, target / BODIES)
    copy_database(source / LOG, target / LOG)
    copy_database(source / RECEIPTS, target / RECEIPTS)
    _copy_folder(source / BODIES, target / BODIES)
    copy_database(source / KEYS, target / KEYS)
    _copy_folder(source / CERTIFICATES, target / CERTIFICATES)
    if (source / WITNESSED).exists():
        copy_database(source / WITNESSED, target / WITNESSED)
    for name in (*_OTHERS, *named_by_register(source)):
        make_folder((target / name).parent)
        copy_privately(source / name, target / name)
    sync_folders(target)


def named_by_register(home: Path) -> list[str]:
    """Files of a home that its register names, as mappings: without them nothing of their systems can be read."""
    systems = [system for agency in read_register(home / REGISTER).agencies for system in agency.system]
    named = {value for system in systems for value in system.options.values() if isinstance(value, str)}
    inside = [name for name in sorted(named) if not Path(name).is_absolute() and ".." not in Path(name).parts]
    return [name for name in inside if (home / name).is_file() and name not in _OTHERS]


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite file, also while others write to it; durable when it returns.

    Raises WrongSettings `broken-file` where it is no database, or a damaged one.
    """
    original = _opened_to_copy(source)
    _make_private(target)
    copy = apsw.Connection(str(target))
    with damage_told(source), copy.backup("main", original, "main") as job:
        job.step()
    copy.pragma(
        "journal_mode", "delete"
    )  # one file that is whole by itself; who opens a home takes up the journal again
    copy.close()
    original.close()
    _sync(target)


def _opened_to_copy(path: Path) -> apsw.Connection:
    """A connection that reads; also to a backup on a disk that cannot be written, where SQLite could keep no index."""
    if os.access(path.parent, os.W_OK) or path.with_name(f"{path.name}-wal").exists():
        return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    uri = f"{path.absolute().as_uri()}?immutable=1"
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _copy_folder(source: Path, target: Path) -> None:
    make_folder(target)
    for path in sorted(source.glob("*")):
        if not (target / path.name).exists():
            copy_privately(path, target / path.name)
    sync_folder(target)


def copy_privately(source: Path, target: Path) -> None:
    """A file's copy; what is not there, or was taken away meanwhile, is passed over."""
    try:
        with source.open("rb") as original:
            _make_private(target)
            with target.open("wb") as copy:
                shutil.copyfileobj(original, copy, _CHUNK_BYTES)
                copy.flush()
                os.fsync(copy.fileno())
    except FileNotFoundError:
        return


def _write(path: Path, content: bytes) -> None:
    """A small file, there whole or not at all."""
    draft = path.with_name(f"{path.name}.draft")
    _make_private(draft)
    draft.write_bytes(content)
    _sync(draft)
    draft.rename(path)
    sync_folder(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_private(path: Path) -> None:
    """An empty file of its owner's alone, before anything is in it."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
