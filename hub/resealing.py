"""Homes from before sealing (format 1) are written anew: every event sealed, with its id, position and known time.

The new home is built beside and gets its name when it is whole; the old one is left as it is, in plain text, for
whoever runs the machine to destroy.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import orjson

from events.clock import Clock
from events.codec import Sealed, StoredRow, leaf_hash, read_header
from events.errors import WrongSettings
from events.ledger import EMPTY, Edge, extended
from events.log import file
from events.sealing import NO_KEY_ID
from hub.anew import Anew, decided_in, record_text
from hub.assembly import KEYS, LOCK, LOG, REGISTER, lock_home
from hub.backup import copy_privately, named_by_register
from hub.durable import make_folder, sync_folder, sync_folders
from hub.linkage.decisions import DecisionWriter
from hub.opening import access_told
from hub.receipts import older as older_receipts
from hub.settings import Settings
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.older import OLD_FORMAT, take_over

_OTHERS = (REGISTER, "token-key.pem")
_PAGE = 2_000
_ROWS = "SELECT position, known_us, header, nonce, body, leaf FROM log WHERE position >= ? ORDER BY position LIMIT ?"
_OF_THE_HUB = "SELECT position, body FROM log WHERE substr(header, 1, 5) = ? ORDER BY position"
_HUB_HEADER = b"\x01\x03hub"
Progress = Callable[[int, int], None]


class _Then:
    """A clock that says when the event at hand was known: the hub's own keys are those of that month."""

    now_us = 0

    def __call__(self) -> int:
        return self.now_us


def reseal(old: Path, settings: Settings, clock: Clock, progress: Progress = lambda done, of: None) -> dict[str, Any]:
    """Makes the sealed home that `settings` name out of an old one; what is in it.

    Raises WrongSettings `home-not-empty`, `not-older`, `home-in-use`, `broken-file`, `leaf-differs`, `log-gap`.
    """
    home = settings.home
    with access_told(old), closing(lock_home(old / LOCK)):
        _check(old, home)
        draft = home.with_name(f"{home.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)  # a killed one's
        make_folder(draft)
        told = _build(old, replace(settings, home=draft), clock, progress)
        sync_folders(draft)
        if home.exists():
            home.rmdir()
        draft.replace(home)
        sync_folder(home.parent)
    return {"home": str(home), "old": str(old), **told}


def _check(old: Path, home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        raise WrongSettings("home-not-empty", "the new home is not empty", where=str(home), next_step="Name a new one.")
    with closing(apsw.Connection(str(old / LOG), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        found = db.execute("SELECT value FROM meta WHERE name = 'format'").get
    if found != OLD_FORMAT:
        raise WrongSettings(
            "not-older",
            f"the log has stored format {found}, and only format {OLD_FORMAT} is written anew",
            where=str(old),
            next_step="This home is sealed already: use it as it is.",
        )


def _build(old: Path, settings: Settings, clock: Clock, progress: Progress) -> dict[str, Any]:
    home, then = settings.home, _Then()
    kms = LocalKms(settings.kms_file)
    take_over(old / KEYS, home / KEYS, kms)
    with (
        closing(KeyStore(home / KEYS, kms, clock=then)) as keys,
        closing(apsw.Connection(str(old / LOG), flags=apsw.SQLITE_OPEN_READONLY)) as source,
        closing(file.connect(home / LOG)) as db,
    ):
        old_epoch = str(source.execute("SELECT value FROM meta WHERE name = 'epoch'").get)
        epoch = f"{int(old_epoch.partition('-')[0]) + 1}-{secrets.token_hex(4)}"
        file.prepare(db, home / LOG, lambda: epoch)
        edge = _rewrite(source, db, keys, then, progress)
        then.now_us = max(clock(), then.now_us + 1)
        receipts = older_receipts.take_over(old, home, keys, settings.zone)
        _note(db, keys, edge, then.now_us, {"epoch": epoch, "origin": old_epoch, "size": edge.size})
    for name in (*_OTHERS, *named_by_register(old)):
        make_folder((home / name).parent)
        copy_privately(old / name, home / name)
    return {"epoch": epoch, "origin": old_epoch, "events": edge.size, "receipts": receipts}


# ---- the log


def _rewrite(source: apsw.Connection, db: apsw.Connection, keys: KeyStore, then: _Then, progress: Progress) -> Edge:
    end = int(source.execute("SELECT ifnull(max(position) + 1, 0) FROM log").get)
    anew = Anew(keys, lambda place: _record_at(source, place), decided_in(_decisions(source)))
    edge, at = EMPTY, 0
    while at < end:
        rows: list[Any] = source.execute(_ROWS, (at, _PAGE)).fetchall()
        sealed = [_anew(StoredRow(*row), at + number, anew, then) for number, row in enumerate(rows)]
        edge = _append(db, keys, edge, sealed)
        at += len(rows)
        progress(at, end)
    return edge


def _note(db: apsw.Connection, keys: KeyStore, edge: Edge, known_us: int, payload: Mapping[str, Any]) -> None:
    """The log says itself that it goes on, sealed, where another epoch was plain."""
    epoch = payload["epoch"]
    sealed = DecisionWriter(keys).row("hub.restored", epoch, payload, cause=epoch, model="home/1")
    row = StoredRow(edge.size, known_us, *sealed, leaf_hash(edge.size, known_us, sealed))
    _append(db, keys, edge, [row])


def _decisions(source: apsw.Connection) -> dict[int, dict[str, Any]]:
    """The hub's own events by their place."""
    rows: list[Any] = source.execute(_OF_THE_HUB, (_HUB_HEADER,)).fetchall()
    return {at: orjson.loads(body) for at, body in rows}


def _record_at(source: apsw.Connection, place: int) -> str:
    body: Any = source.execute("SELECT body FROM log WHERE position = ?", (place,)).get
    return record_text(orjson.loads(body))


def _append(db: apsw.Connection, keys: KeyStore, edge: Edge, rows: Sequence[StoredRow]) -> Edge:
    """Keys first, as ever."""
    edge, tiles = extended(edge, [row.leaf for row in rows])
    keys.commit()
    with db:
        file.store(db, rows, tiles)
    return edge


def _anew(row: StoredRow, expected: int, anew: Anew, then: _Then) -> StoredRow:
    header = read_header(row.header)
    if row.offset != expected:
        raise _damaged("log-gap", "a position is missing", expected)
    if leaf_hash(row.offset, row.known_us, Sealed(row.header, row.nonce, row.body)) != row.leaf:
        raise _damaged("leaf-differs", "the stored event is not the one that was written", expected)
    if header is None or header.key_id != NO_KEY_ID:
        raise _damaged("broken-row", "the stored event is not of the old format", expected)
    then.now_us = row.known_us
    sealed = anew.sealed(row.offset, header, row.body)
    return StoredRow(row.offset, row.known_us, *sealed, leaf_hash(row.offset, row.known_us, sealed))


def _damaged(code: str, what: str, position: int) -> WrongSettings:
    return WrongSettings(
        code,
        what,
        where=f"log, position {position}",
        next_step="Restore the old home from a backup, and write that anew.",
    )
