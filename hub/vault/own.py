"""What the key store keeps beside secrets: the keys of a day's intake, and the newest checkpoint of each origin."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from events.log.file import damage_told
from events.log.transaction import transaction
from events.sealing import NONCE_BYTES, SECRET_BYTES, Cipher, DoesNotOpen
from hub.sqlite import open_to_read
from hub.vault.agencies import broken_key
from hub.vault.tables import EMPTY

_LABEL = b"tellonce/intake-key/1\0"
_NOTE = (
    "INSERT INTO noted_checkpoints VALUES(?, ?, ?) ON CONFLICT(origin) DO UPDATE "
    "SET size = excluded.size, root = excluded.root WHERE excluded.size > size"
)


def intake_key(
    db: apsw.Connection, cipher: Cipher, day: str, random: Callable[[int], bytes] = os.urandom
) -> bytes | None:
    """The key of a day (ISO date), made at first sight; None for days that were destroyed or lie before such.

    Raises BrokenKey.
    """
    about = _LABEL + day.encode()
    wrapped = db.execute("SELECT CAST(wrapped AS BLOB) FROM intake_keys WHERE day = ?", (day,)).get
    if wrapped == EMPTY:
        return None
    if wrapped is not None:
        try:
            return cipher.open(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], about)
        except DoesNotOpen as error:
            raise broken_key("the key of a day's intake does not open") from error
    if db.execute("SELECT 1 FROM intake_keys WHERE day > ? AND wrapped = ?", (day, EMPTY)).get:
        return None
    key = random(SECRET_BYTES)
    with transaction(db):
        db.execute("INSERT INTO intake_keys VALUES(?, ?)", (day, b"".join(cipher.seal(key, about))))
    return key


def destroy_intake_keys(db: apsw.Connection, before: str) -> int:
    """Empties the keys of the days before one (ISO date); how many."""
    with transaction(db):
        db.execute("UPDATE intake_keys SET wrapped = ? WHERE day < ? AND wrapped <> ?", (EMPTY, before, EMPTY))
        return int(db.changes())


def note_backup(db: apsw.Connection, at_us: int) -> None:
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO backups VALUES(?)", (at_us,))


def note_checkpoint(db: apsw.Connection, origin: str, size: int, root: bytes) -> None:
    with transaction(db):
        db.execute(_NOTE, (origin, size, root))


def noted_checkpoint(db: apsw.Connection, origin: str) -> tuple[int, bytes] | None:
    row = db.execute("SELECT size, root FROM noted_checkpoints WHERE origin = ?", (origin,)).fetchone()
    return None if row is None else (row[0], row[1])


def noted_checkpoints(db: apsw.Connection) -> list[tuple[str, int, bytes]]:
    rows: list[Any] = db.execute("SELECT origin, size, root FROM noted_checkpoints").fetchall()
    return [(origin, size, root) for origin, size, root in rows]


def notes_in(path: Path) -> list[tuple[str, int, bytes]]:
    """The same of a key store that is not open; none where there is no file. Raises WrongSettings `broken-file`."""
    if not path.exists():
        return []
    db = open_to_read(path)
    try:
        with damage_told(path):
            has_notes = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'noted_checkpoints'").get
            return noted_checkpoints(db) if has_notes else []
    finally:
        db.close()
