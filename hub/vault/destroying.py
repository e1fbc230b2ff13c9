"""Destroying secrets, so that no file of the key store holds them any more."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw

from events.errors import TryAgainLater
from events.ids import SubjectId
from events.log.bulk import insert_rows
from events.log.transaction import transaction
from events.sealing import SecretName
from hub.vault.tables import EMPTY

_CHUNK_BYTES = 4 << 20
_TRIES, _PAUSE_S = 50, 0.1
_OF_SUBJECT = "SELECT seq, agency, subject, class, key_id, wrapped FROM secrets WHERE subject = ? ORDER BY seq"
_KEYS_OF = "SELECT wrapped FROM agency_keys WHERE agency = ? AND wrapped <> ?"
_DESTROYED_OF = "SELECT agency, subject, class, key_id FROM destroyed WHERE subject = ? ORDER BY seq"
_LED_NOWHERE = "UPDATE partners SET subject = zeroblob(16), key_id = zeroblob(24) WHERE subject = ?"
_DESTROYED = "INSERT OR IGNORE INTO destroyed(key_id, agency, subject, class, at_us) VALUES"


def secrets_of(db: apsw.Connection, subject: bytes) -> list[SecretName]:
    """The secrets that a subject has, its agency's and the hub's."""
    return [name for _, name, wrapped in _stored(db, subject) if wrapped != EMPTY]


def subjects_of(db: apsw.Connection, agency: str) -> list[SubjectId]:
    """The subjects of which an agency's secrets are there."""
    found = db.execute("SELECT DISTINCT subject FROM secrets WHERE agency = ? AND wrapped <> ?", (agency, EMPTY))
    return [SubjectId(subject) for (subject,) in found]


def _stored(db: apsw.Connection, subject: bytes) -> list[tuple[int, SecretName, bytes]]:
    rows: list[Any] = db.execute(_OF_SUBJECT, (subject,)).fetchall()
    return [(seq, SecretName(*name), wrapped) for seq, *name, wrapped in rows]


def chosen(names: Iterable[SecretName], key_ids: Collection[bytes] | None) -> list[SecretName]:
    """All of them, or those of some ids."""
    return [name for name in names if key_ids is None or name.key_id in key_ids]


def destroyed_of(db: apsw.Connection, subject: bytes) -> list[SecretName]:
    """What was destroyed of a subject, in that order."""
    rows: list[Any] = db.execute(_DESTROYED_OF, (subject,)).fetchall()
    return [SecretName(*row) for row in rows]


def destroy(
    db: apsw.Connection,
    wanted: Iterable[SecretName],
    pending: Sequence[SecretName],
    whole: Collection[bytes],
    at_us: int,
) -> list[bytes]:
    """Empties stored secrets where they stand and notes their names, those never stored too, in one transaction.

    Returns the bytes that no file may hold any more.

    Of subjects that go as a `whole` the look-up goes too, and what led to them from decisions about others: nobody
    finds them by a record any more, nor by those.
    """
    names = list(wanted)
    traces: list[bytes] = []
    with transaction(db):
        for name in names:
            for seq, stored, wrapped in _stored(db, name.subject):
                if stored == name and wrapped != EMPTY:
                    traces.append(wrapped)
                    db.execute("UPDATE secrets SET wrapped = ? WHERE seq = ?", (EMPTY, seq))
        noted = [(each.key_id, each.agency, each.subject, each.retention, at_us) for each in [*names, *pending]]
        insert_rows(db, _DESTROYED, noted)
        for subject in whole:
            lookup: bytes | None = db.execute("SELECT lookup FROM subjects WHERE subject = ?", (subject,)).get
            traces += [lookup] if lookup is not None else []
            db.execute("DELETE FROM subjects WHERE subject = ?", (subject,))
            db.execute(_LED_NOWHERE, (subject,))
    return traces


def has_key(db: apsw.Connection, agency: str) -> bool:
    """Whether an agency's own key is there, in any generation."""
    return bool(db.execute(_KEYS_OF, (agency, EMPTY)).fetchall())


def destroy_agency(db: apsw.Connection, agency: str, at_us: int) -> list[bytes]:
    """Empties an agency's own key in all its generations, and before it all that is left of its records.

    Returns the bytes that no file may hold any more.
    """
    found: list[Any] = db.execute(_KEYS_OF, (agency, EMPTY)).fetchall()
    if not found:
        return []
    left = subjects_of(db, agency)
    names = [name for subject in left for name in secrets_of(db, subject)]
    traces = destroy(db, names, (), left, at_us)
    with transaction(db):
        db.execute("UPDATE agency_keys SET wrapped = ? WHERE agency = ?", (EMPTY, agency))
    return traces + [wrapped for (wrapped,) in found]


def leave_no_trace(db: apsw.Connection, path: Path, traces: Sequence[bytes] | None) -> None:
    """Empties the write-ahead log and makes the file anew where a copy of these bytes is left in it.

    None: which bytes is not known any more, so it is made anew in any case.

    SQLite copies cells when it balances a tree and does not overwrite where they came from (docs/stored-bytes.md).
    Raises TryAgainLater `file-locked` while another process keeps an old state open; what was destroyed is destroyed,
    and asking again goes on here.
    """
    empty_wal(db)
    if traces is None or is_left(path, traces):
        db.execute("VACUUM")
        empty_wal(db)


def empty_wal(db: apsw.Connection) -> None:
    for _ in range(_TRIES):
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # type: ignore[misc]
        if not busy:
            return
        time.sleep(_PAUSE_S)
    raise TryAgainLater(
        "file-locked",
        "another process keeps an old state of the key store open, and with it what was destroyed",
        where="keys.sqlite",
        next_step="Stop what reads or copies the files of the home, then ask again.",
    )


def is_left(path: Path, traces: Iterable[bytes]) -> bool:
    """Whether the file holds any of these bytes.

    Read by SQLite's own means: whoever closes a file by others takes away all locks that this process has on it.
    """
    wanted = [trace for trace in traces if trace]
    overlap = max(map(len, wanted), default=1) - 1
    file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    try:
        size = file.xFileSize()
        for at in range(0, size, _CHUNK_BYTES):
            chunk = file.xRead(min(_CHUNK_BYTES + overlap, size - at), at)
            if any(trace in chunk for trace in wanted):
                return True
        return False
    finally:
        file.xClose()
