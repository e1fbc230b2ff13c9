"""Epochs of a log: a restore begins a new one, and the log remembers each, with what it went on from.

What is written here is one transaction of `log.sqlite`, so that a restore that is cut off has happened or has not. The
event that tells of it is appended when the home is next opened, and once.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import apsw
import orjson

from events.checkpoints import Checkpoint, origin_of
from events.ledger import Tree
from events.log import file
from events.log.transaction import transaction


@dataclass(frozen=True, slots=True)
class Restoration:
    """A log that went on in a new epoch, `origin`, where `parent` had `size` events with this root (hex).

    `known_size` is the largest size of the old epoch that anybody remembers, and `known_by` who: a witness's name, or
    `key-store`. What lies between is lost. `by_hand`: files were copied back, and a person declared it afterwards.
    """

    origin: str
    parent: str
    size: int
    root: str
    known_size: int | None = None
    known_by: str | None = None
    by_hand: bool = False
    lost_erasures_accepted: bool = False
    is_recorded: bool = False

    @property
    def lost(self) -> tuple[int, int] | None:
        """The first and last position that are known to be lost."""
        if self.known_size is None or self.known_size <= self.size:
            return None
        return self.size, self.known_size - 1

    @property
    def payload(self) -> dict[str, Any]:
        """Of the event that tells of it."""
        told: dict[str, Any] = {
            "epoch": self.origin.rpartition("/")[2],
            "origin": self.parent,
            "size": self.size,
            "root": self.root,
            "known_size": self.known_size,
            "known_by": self.known_by,
            "by_hand": self.by_hand or None,
            "lost_erasures_accepted": self.lost_erasures_accepted or None,
        }
        if self.lost:
            told["lost_from"], told["lost_to"] = self.lost
        return {name: value for name, value in told.items() if value is not None}


def name_of(origin: str) -> str:
    """The log's name in an origin, `<log name>/<epoch>`."""
    return origin.rpartition("/")[0]


def number_of(origin: str) -> int:
    """The how-manieth epoch of its log an origin is; 0 where that cannot be told."""
    number = origin.rpartition("/")[2].partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def restorations(path: Path) -> list[Restoration]:
    """All of a log, the oldest first."""
    db = file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return _told(db)
    finally:
        db.close()


def _told(db: apsw.Connection) -> list[Restoration]:
    text = db.execute("SELECT value FROM meta WHERE name = 'restored'").get
    return [Restoration(**each) for each in orjson.loads(text)] if text else []


def standing_of(path: Path) -> Checkpoint:
    """Where a log that is not open stands: its origin, its size and its root."""
    db = file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return _standing(db)
    finally:
        db.close()


def _standing(db: apsw.Connection) -> Checkpoint:
    name, epoch = (str(db.execute("SELECT value FROM meta WHERE name = ?", (each,)).get) for each in ("name", "epoch"))
    size = int(db.execute("SELECT count(*) FROM log").get)
    return Checkpoint(origin_of(name, epoch), size, Tree(file.nodes_of(db)).root(size))


def begin_epoch(path: Path, *, above: int = 0, **more: Any) -> Restoration:
    """A log that is not open goes on in a new epoch, of a number that is above every one that is known of it.

    `more` are fields of Restoration that the caller knows.
    """
    db = file.connect(path, flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        db.pragma("synchronous", "full")
        with transaction(db):
            old = _standing(db)
            new = f"{max(number_of(old.origin), above) + 1}-{secrets.token_hex(4)}"
            restoration = Restoration(origin_of(name_of(old.origin), new), old.origin, old.size, old.root.hex(), **more)
            db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (new,))
            _keep(db, [*_told(db), restoration])
        return restoration
    finally:
        db.close()


def _keep(db: apsw.Connection, told: list[Restoration]) -> None:
    db.execute(
        "INSERT OR REPLACE INTO meta VALUES('restored', ?)", (orjson.dumps([asdict(each) for each in told]).decode(),)
    )


def note_recorded(path: Path) -> None:
    """The event of the newest restoration is in the log."""
    db = file.connect(path, flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with transaction(db):
            *before, newest = _told(db)
            _keep(db, [*before, replace(newest, is_recorded=True)])
    finally:
        db.close()
