"""The file of the embedded log: its tables, and how they are opened, checked, written and read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from events.checkpoints import Checkpoint, Note, origin_of, parse_checkpoint, parse_note
from events.codec import StoredRow
from events.errors import HubError, RejectedMessage, WrongSettings
from events.ledger import Nodes, Tile, Tree
from events.log.bulk import insert_rows
from events.log.faults import broken_file, other_format

STORED_FORMAT = 2
_INSERT = "INSERT INTO log(position, known_us, header, nonce, body, leaf) VALUES"
_SELECT = "SELECT position, known_us, header, nonce, body, leaf FROM log WHERE position >= ? ORDER BY position LIMIT ?"
# The leaf stands before the body, so that a proof reads no page of a long one.
_TABLES = (
    "CREATE TABLE log(position INTEGER PRIMARY KEY, known_us INTEGER NOT NULL, leaf BLOB NOT NULL, "
    "header BLOB NOT NULL, nonce BLOB NOT NULL, body BLOB NOT NULL)",
    "CREATE TABLE tiles(level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, "
    "PRIMARY KEY(level, number)) WITHOUT ROWID",
    "CREATE TABLE checkpoints(number INTEGER PRIMARY KEY, size INTEGER NOT NULL, signed_us INTEGER NOT NULL, "
    "is_kept INTEGER NOT NULL, note TEXT NOT NULL)",
    "CREATE TABLE removed(position INTEGER PRIMARY KEY, named_by INTEGER NOT NULL)",
)
NO_NONCE = bytes(12)
# What reading a damaged file raises: a page, the schema or a text of it that does not read back.
DAMAGE = (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, UnicodeDecodeError)


class Meta(NamedTuple):
    """The log's random name, which it keeps for ever, and its epoch; and what it tells of its restores, as JSON."""

    name: str
    epoch: str
    restored: str = ""

    @property
    def origin(self) -> str:
        return origin_of(self.name, self.epoch)


class Signed(NamedTuple):
    """A stored checkpoint: what was signed and when. What is not kept goes when the next one comes."""

    note: Note
    checkpoint: Checkpoint
    signed_us: int
    is_kept: bool


def connect(path: Path, flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) -> apsw.Connection:
    if flags & apsw.SQLITE_OPEN_CREATE:
        path.touch(mode=0o600)  # SQLite gives its -wal and -shm files the same mode
    db = apsw.Connection(str(path), flags=flags)
    db.set_busy_timeout(10_000)
    if flags & apsw.SQLITE_OPEN_CREATE:
        db.pragma("page_size", 8192)
        db.pragma("journal_mode", "wal")
        db.pragma("synchronous", "full")
        db.pragma("secure_delete", True)
        db.pragma("wal_autocheckpoint", 4000)
    return db


def prepare(db: apsw.Connection, path: Path, new_epoch: Callable[[], str]) -> Meta:
    """Makes the tables of a new log. Raises WrongSettings `home-older`, `home-newer`."""
    with db:
        db.execute("CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        meta = dict(db.execute("SELECT name, value FROM meta"))
        if not meta:
            name = f"tellonce-{secrets.token_hex(8)}"
            meta = {"format": str(STORED_FORMAT), "name": name, "epoch": new_epoch()}
            db.executemany("INSERT INTO meta VALUES(?, ?)", list(meta.items()))
            for statement in _TABLES:
                db.execute(statement)
    return meta_of(db, path)


def meta_of(db: apsw.Connection, path: Path) -> Meta:
    """What a log says of itself. Raises WrongSettings `home-older`, `home-newer`, `broken-file`."""
    meta = {str(name): str(value) for name, value in db.execute("SELECT name, value FROM meta")}
    if "format" not in meta:
        raise broken_file(path.name)
    if meta["format"] != str(STORED_FORMAT):
        raise other_format(path.name, meta["format"], STORED_FORMAT)
    if not meta.keys() >= {"name", "epoch"}:
        raise broken_file(path.name)
    return Meta(meta["name"], meta["epoch"], meta.get("restored", ""))


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """A file that is no database, or a damaged one, comes out as WrongSettings `broken-file`."""
    try:
        yield
    except DAMAGE as error:
        raise broken_file(path.name) from error


def check_contiguity(db: apsw.Connection, path: Path) -> tuple[int, int]:
    """Next offset and last known time. Raises WrongSettings `log-gap` where a row is missing."""
    count, low, high = db.execute("SELECT count(*), min(position), max(position) FROM log").fetchone()  # type: ignore[misc]
    if not count:
        return 0, 0
    if low != 0 or high != count - 1:
        raise WrongSettings(
            "log-gap",
            f"the log holds {count} rows, but its positions run from {low} to {high}",
            where=path.name,
            next_step="Rows are missing: restore from a backup; `tellonce log verify` names the first gap.",
        )
    return count, int(db.execute("SELECT known_us FROM log WHERE position = ?", (high,)).get)


# ---- rows


def store(db: apsw.Connection, rows: Sequence[StoredRow], tiles: Sequence[Tile]) -> None:
    """Rows and the tiles that they complete, within the caller's transaction."""
    insert_rows(db, _INSERT, rows)
    insert_rows(db, "INSERT INTO tiles VALUES", tiles)


def rows_from(db: apsw.Connection, start: int, limit: int) -> Iterator[StoredRow]:
    return map(StoredRow._make, db.execute(_SELECT, (start, limit)))


def remove_bodies(db: apsw.Connection, positions: Sequence[int], named_by: int) -> None:
    """Rows lose nonce and body, not their leaf, within the caller's transaction; noted is which event names them."""
    for at in positions:
        db.execute("UPDATE log SET nonce = ?, body = x'' WHERE position = ?", (NO_NONCE, at))
    insert_rows(db, "INSERT OR IGNORE INTO removed VALUES", [(at, named_by) for at in positions])


def truncate_wal(db: apsw.Connection) -> bool:
    """What was overwritten is in no file any more; False where a reader holds the old state longer than one waits."""
    try:
        return bool(db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)[0] == 0)
    except apsw.BusyError:
        return False


def nodes_of(db: apsw.Connection) -> Nodes:
    """The stored nodes of the tree."""

    def nodes(level: int, first: int, count: int) -> list[bytes]:
        if level:
            found = db.execute(
                "SELECT hash FROM tiles WHERE level = ? AND number >= ? AND number < ? ORDER BY number",
                (level, first, first + count),
            )
        else:
            found = db.execute(
                "SELECT leaf FROM log WHERE position >= ? AND position < ? ORDER BY position", (first, first + count)
            )
        return [each for (each,) in found]

    return nodes


# ---- checkpoints


def newest_checkpoint(db: apsw.Connection) -> Signed | None:
    """What was signed last. Raises WrongSettings `log-changed` where it does not read back."""
    row = db.execute(
        "SELECT CAST(note AS BLOB), signed_us, is_kept FROM checkpoints ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    told, signed_us, is_kept = row
    try:
        note = parse_note(told.decode(errors="replace"))
        return Signed(note, parse_checkpoint(note.text), int(signed_us), bool(is_kept))
    except RejectedMessage as error:
        raise _changed("its newest checkpoint does not read back") from error


def store_checkpoint(db: apsw.Connection, signed: Signed) -> None:
    """In place of those that are not kept, within the caller's transaction."""
    db.execute("DELETE FROM checkpoints WHERE NOT is_kept")
    db.execute(
        "INSERT INTO checkpoints(size, signed_us, is_kept, note) VALUES(?, ?, ?, ?)",
        (signed.checkpoint.size, signed.signed_us, int(signed.is_kept), str(signed.note)),
    )


def last_kept_us(db: apsw.Connection) -> int:
    """When the newest checkpoint was signed that stays; 0 where there is none."""
    return int(db.execute("SELECT max(signed_us) FROM checkpoints WHERE is_kept").get or 0)


def kept_checkpoint(db: apsw.Connection, size: int) -> str | None:
    """The note of the newest checkpoint of this size that stays."""
    note: str | None = db.execute(
        "SELECT note FROM checkpoints WHERE size = ? AND is_kept ORDER BY number DESC LIMIT 1", (size,)
    ).get
    return note


def keep_checkpoint(db: apsw.Connection) -> None:
    """The newest one stays, within the caller's transaction."""
    db.execute("UPDATE checkpoints SET is_kept = 1 WHERE number = (SELECT max(number) FROM checkpoints)")


def check_signed(db: apsw.Connection, size: int) -> Signed | None:
    """The newest checkpoint, if there is one. A log must never sign what contradicts what it has signed.

    Raises WrongSettings `log-changed` where its root is not that of the rows as they are stored now.
    """
    signed = newest_checkpoint(db)
    if signed is None:
        return None
    signed_size = signed.checkpoint.size
    if signed_size > size:
        raise _changed(f"it holds {size} events, but signed that it had {signed_size}")
    try:
        root = Tree(nodes_of(db)).root(signed_size)
    except HubError as error:
        raise _changed("a part of its tree is missing") from error
    if root != signed.checkpoint.root:
        raise _changed(f"its first {signed_size} events are not those that it signed")
    return signed


def _changed(why: str) -> WrongSettings:
    return WrongSettings(
        "log-changed",
        f"the log was changed or damaged: {why}",
        where="log.sqlite",
        next_step="Keep the file as it is, run `tellonce log verify`, and restore the newest backup that verifies.",
    )
