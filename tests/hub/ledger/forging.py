"""Logs to tamper with, and those who do: each rewrites a row and as much of what hangs on it as it can."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from events.checkpoints import (
    ED25519,
    Checkpoint,
    Signer,
    VerifierKey,
    parse_checkpoint,
    parse_note,
    sign_checkpoint,
)
from events.clock import DrivenClock, from_us
from events.codec import Sealed, leaf_hash
from events.ledger import EMPTY, extended, root_of
from events.log.bulk import insert_rows
from events.log.specimens import ASigner, rows_from
from events.log.sqlite import SqliteLog
from hub.ledger.ranges import Fault
from hub.ledger.verify import Verified, verify

SIZE = 1_003
CHECKPOINTS = (1, 130, 256, 700, 1_000)
SIGNER = ASigner(1)


def make_log(path: Path, size: int = SIZE, checkpoints: tuple[int, ...] = CHECKPOINTS) -> VerifierKey:
    """A log with checkpoints at these sizes; what comes after the last one is not signed."""
    clock = DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))
    log = SqliteLog(path, clock=clock, new_epoch=lambda: "1-0123abcd", signer=SIGNER)
    at = 0
    for end in checkpoints:
        log.append(rows_from(at, end - at))
        log.checkpoint()
        at = end
        clock.set(from_us(clock() + 1_000_000))
    log.append(rows_from(at, size - at))
    key = log.key
    log.close()
    return key


class Copy:
    """A copy of a log's file, for somebody who changes it."""

    def __init__(self, original: Path, folder: Path) -> None:
        self.path = folder / "log.sqlite"
        shutil.copyfile(original, self.path)

    @classmethod
    def of(cls, path: Path) -> Copy:
        """No copy, but the file itself."""
        itself = cls.__new__(cls)
        itself.path = path
        return itself

    def run(self, statement: str, *values: Any) -> None:
        db = apsw.Connection(str(self.path))
        db.execute(statement, values)
        assert db.total_changes() > 0
        db.close()

    def ask(self, statement: str, *values: Any) -> Any:
        db = apsw.Connection(str(self.path))
        found = db.execute(statement, values).get
        db.close()
        return found

    def put(self, raw: bytes) -> None:
        """Another file in its place."""
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.path.write_bytes(raw)

    def content(self) -> list[list[Any]]:
        """Everything that the log says."""
        tables = ("meta", "log", "tiles", "removed")
        db = apsw.Connection(str(self.path))
        found = [list(db.execute(f"SELECT * FROM {table}")) for table in tables]
        found.append(list(db.execute("SELECT size, note FROM checkpoints")))
        db.close()
        return found

    def verify(self, key: VerifierKey, **settings: Any) -> Verified:
        return verify(self.path, key, **{"jobs": 1, **settings})

    def fault(self, key: VerifierKey, **settings: Any) -> Fault:
        """What verifying finds; something it must be."""
        found = self.verify(key, **settings)
        assert found.fault is not None
        return found.fault

    # ---- the four attackers

    def rewrite_row(self, at: int, change: Callable[[bytes], bytes]) -> None:
        """The first: a row's body, nothing else."""
        body = self.ask("SELECT body FROM log WHERE position = ?", at)
        self.run("UPDATE log SET body = ? WHERE position = ?", change(body), at)

    def rewrite_leaves(self) -> None:
        """The second: leaves that fit the rows as they are now."""
        db = apsw.Connection(str(self.path))
        rows = list(db.execute("SELECT position, known_us, header, nonce, body FROM log"))
        with db:
            for at, known_us, *sealed in rows:
                leaf = leaf_hash(at, known_us, Sealed(*sealed))
                db.execute("UPDATE log SET leaf = ? WHERE position = ?", (leaf, at))
        db.close()

    def rewrite_tiles(self) -> None:
        """The third: tiles that fit the leaves, too."""
        db = apsw.Connection(str(self.path))
        _, tiles = extended(EMPTY, self._leaves(db))
        with db:
            db.execute("DELETE FROM tiles")
            insert_rows(db, "INSERT INTO tiles VALUES", tiles)
        db.close()

    def sign_again(self, signer: Signer) -> None:
        """The fourth: every checkpoint, with whatever key is at hand."""
        db = apsw.Connection(str(self.path))
        leaves = self._leaves(db)
        for number, told in list(db.execute("SELECT number, note FROM checkpoints")):
            note = parse_note(told)
            old = parse_checkpoint(note.text)
            root = root_of(extended(EMPTY, leaves[: old.size])[0])
            forged = sign_checkpoint(Checkpoint(old.origin, old.size, root), note.signatures[0].name, signer)
            db.execute("UPDATE checkpoints SET note = ? WHERE number = ?", (str(forged), number))
        db.close()

    @staticmethod
    def _leaves(db: apsw.Connection) -> list[bytes]:
        return [leaf for (leaf,) in db.execute("SELECT leaf FROM log ORDER BY position")]


def key_of(key: VerifierKey, signer: Signer) -> VerifierKey:
    """The same name under another key."""
    return VerifierKey(key.name, ED25519, signer.public_key)
