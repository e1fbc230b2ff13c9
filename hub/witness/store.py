"""What a witness remembers, in one file: logs it trusts, how far each had come, what it cosigned, and evidence.

Nothing here is ever made smaller: a witness that could be talked out of what it saw would be none.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import apsw

from events.checkpoints import Checkpoint
from events.errors import Refused
from events.log.transaction import transaction
from hub.epochs import name_of
from hub.sqlite import faults_told, open_file
from hub.witness.declarations import Declaration

FILE = "witness.sqlite"
STORED_FORMAT = 1
EVIDENCE_MAX = 1_000  # of one epoch: a stranger with one signed checkpoint must not be able to fill the disk

State = Literal["open", "pending", "closed", "skipped"]
_BRANCH = (
    "SELECT origin, state, size, root, note, since_us, newest_us, parent, restored_size, declaration, compared_size, "
    "accepted_us, accepted_by FROM branches"
)


class Branch(NamedTuple):
    """One epoch of a log, as this witness knows it.

    `open` is cosigned; `pending` waits for a person; `closed` was left behind by a restore that a person accepted;
    `skipped` is known by its declaration alone. `note` is the newest checkpoint with the log's signature and ours.
    """

    origin: str
    state: State
    size: int
    root: bytes
    note: str
    since_us: int
    newest_us: int
    parent: str | None
    restored_size: int | None
    declaration: str | None
    compared_size: int | None
    accepted_us: int | None
    accepted_by: str | None


class Seen(NamedTuple):
    """A checkpoint that was cosigned."""

    size: int
    root: bytes
    note: str


class Evidence(NamedTuple):
    """Two notes that a truthful log could not have signed both, or that it did not prove to belong together."""

    number: int
    at_us: int
    origin: str
    kind: str
    known: str
    shown: str


class WitnessStore:
    """The file of a witness; for any thread, and safe where two processes use it."""

    def __init__(self, folder: Path) -> None:
        self._db = open_file(folder / FILE, STORED_FORMAT, _make_tables)
        self._one_at_a_time = threading.RLock()

    @contextmanager
    def judging(self) -> Iterator[None]:
        """What is looked up and written within is one step to everybody else, durable at its end."""
        with self._one_at_a_time, faults_told(FILE), transaction(self._db):
            yield

    # ---- itself

    @property
    def name(self) -> str | None:
        """The name that it signs under; None before it has one."""
        with self._one_at_a_time:
            found: str | None = self._db.execute("SELECT value FROM meta WHERE name = 'witness'").get
        return found

    def keep_name(self, name: str) -> None:
        with self.judging():
            self._db.execute("INSERT OR IGNORE INTO meta VALUES('witness', ?)", (name,))

    # ---- logs

    def trust(self, name: str, public_key: bytes, at_us: int) -> bool:
        """False where the key was trusted already. Raises Refused `other-log-key` where the name is another key's."""
        with self.judging():
            known = self.keys(name)
            if known and public_key not in known:
                raise _other_log_key(name)
            self._db.execute("INSERT OR IGNORE INTO logs VALUES(?, ?, ?)", (name, public_key, at_us))
            return self._db.changes() > 0

    def keys(self, name: str) -> list[bytes]:
        with self._one_at_a_time:
            return [key for (key,) in self._db.execute("SELECT public_key FROM logs WHERE name = ?", (name,))]

    def logs(self) -> list[str]:
        with self._one_at_a_time:
            return [name for (name,) in self._db.execute("SELECT DISTINCT name FROM logs ORDER BY name")]

    # ---- epochs

    def branch(self, origin: str) -> Branch | None:
        return next(iter(self._branches("WHERE origin = ?", origin)), None)

    def branch_of_hash(self, wanted: str) -> Branch | None:
        """The branch whose origin has this SHA-256, in hex."""
        return next(iter(self._branches("WHERE origin_hash = ?", wanted)), None)

    def branches(self, name: str) -> list[Branch]:
        """The epochs of a log, in the order in which they came up."""
        return self._branches("WHERE name = ? ORDER BY since_us, origin", name)

    def _branches(self, which: str, value: str) -> list[Branch]:
        with self._one_at_a_time:
            return [Branch(*row) for row in self._db.execute(f"{_BRANCH} {which}", (value,))]

    def open_branch(self, checkpoint: Checkpoint, at_us: int) -> None:
        """The first epoch of a log: there is nothing yet that it could contradict."""
        self._insert(checkpoint.origin, "open", at_us)

    def declare(self, declared: Declaration, note: str, compared_size: int, at_us: int) -> None:
        """An epoch that a log went on in after a restore; compared with what was cosigned up to a size."""
        self._insert(declared.origin, "skipped", at_us)
        self._db.execute(
            "UPDATE branches SET parent = ?, restored_size = ?, declaration = ?, compared_size = ? WHERE origin = ?",
            (declared.parent, declared.size, note, compared_size, declared.origin),
        )

    def begin_pending(self, checkpoint: Checkpoint, note: str, compared_size: int) -> None:
        """A declared epoch waits for a person, from this checkpoint on; compared as `declare` says."""
        self._db.execute(
            "UPDATE branches SET state = 'pending', size = ?, root = ?, note = ?, compared_size = ? WHERE origin = ?",
            (checkpoint.size, checkpoint.root, note, compared_size, checkpoint.origin),
        )

    def _insert(self, origin: str, state: State, at_us: int) -> None:
        hashed = hashlib.sha256(origin.encode()).hexdigest()
        self._db.execute(
            "INSERT INTO branches(origin, state, size, root, note, since_us, newest_us, name, origin_hash) "
            "VALUES(?, ?, 0, x'', '', ?, ?, ?, ?)",
            (origin, state, at_us, at_us, name_of(origin), hashed),
        )

    def advance(self, old: int, checkpoint: Checkpoint, signed: str, cosigned: str, at_us: int) -> bool:
        """Moves an epoch from a size to a checkpoint; False, and nothing is moved, where it stands elsewhere."""
        self._db.execute(
            "UPDATE branches SET size = ?, root = ?, note = ?, newest_us = ? WHERE origin = ? AND size = ? "
            "AND state = 'open'",
            (checkpoint.size, checkpoint.root, cosigned, at_us, checkpoint.origin, old),
        )
        if not self._db.changes():
            return False
        self._see(checkpoint, signed, at_us)
        return True

    def _see(self, checkpoint: Checkpoint, note: str, at_us: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO seen VALUES(?, ?, ?, ?, ?)",
            (checkpoint.origin, checkpoint.size, checkpoint.root, note, at_us),
        )

    def accept(self, branch: Branch, by: str, at_us: int) -> None:
        """The epoch is cosigned from now on, from its pending checkpoint; what was open of its log is closed."""
        self._db.execute(
            "UPDATE branches SET state = 'closed' WHERE name = ? AND state = 'open'", (name_of(branch.origin),)
        )
        self._db.execute(
            "UPDATE branches SET state = 'open', accepted_us = ?, accepted_by = ? WHERE origin = ?",
            (at_us, by, branch.origin),
        )
        self._see(Checkpoint(branch.origin, branch.size, branch.root), branch.note, at_us)

    # ---- what was seen

    def seen_at(self, origin: str, size: int) -> Seen | None:
        found = self._db.execute("SELECT size, root, note FROM seen WHERE origin = ? AND size = ?", (origin, size))
        return next((Seen(*row) for row in found), None)

    def newest_up_to(self, origin: str, size: int) -> Seen | None:
        """The largest checkpoint of an epoch that was cosigned and is no larger than this."""
        found = self._db.execute(
            "SELECT size, root, note FROM seen WHERE origin = ? AND size <= ? ORDER BY size DESC LIMIT 1",
            (origin, size),
        )
        return next((Seen(*row) for row in found), None)

    def keep(self, kind: str, origin: str, known: str, shown: str, at_us: int) -> None:
        """Keeps two notes as evidence, each pair once."""
        if self._db.execute("SELECT count(*) FROM evidence WHERE origin = ?", (origin,)).get < EVIDENCE_MAX:
            digest = hashlib.sha256(f"{known}\0{shown}".encode()).digest()
            self._db.execute(
                "INSERT OR IGNORE INTO evidence(at_us, origin, kind, known, shown, digest) VALUES(?, ?, ?, ?, ?, ?)",
                (at_us, origin, kind, known, shown, digest),
            )

    def evidence(self, name: str) -> list[Evidence]:
        question = "SELECT number, at_us, origin, kind, known, shown FROM evidence ORDER BY number"
        with self._one_at_a_time:
            return [each for each in map(Evidence._make, self._db.execute(question)) if name_of(each.origin) == name]

    def close(self) -> None:
        self._db.close()


def _other_log_key(name: str) -> Refused:
    return Refused(
        "other-log-key",
        "this witness trusts another key under this log's name, and a log keeps its key through every epoch",
        where=name[:100],
        next_step="One of the two keys is not the log's. Ask the hub's operator in person; nothing was changed.",
    )


def _make_tables(db: apsw.Connection) -> None:
    db.execute(
        "CREATE TABLE logs(name TEXT NOT NULL, public_key BLOB NOT NULL, trusted_us INTEGER NOT NULL, "
        "PRIMARY KEY(name, public_key)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE branches(origin TEXT PRIMARY KEY, state TEXT NOT NULL, size INTEGER NOT NULL, "
        "root BLOB NOT NULL, note TEXT NOT NULL, since_us INTEGER NOT NULL, newest_us INTEGER NOT NULL, parent TEXT, "
        "restored_size INTEGER, declaration TEXT, compared_size INTEGER, accepted_us INTEGER, accepted_by TEXT, "
        "name TEXT NOT NULL, origin_hash TEXT NOT NULL UNIQUE) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE seen(origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL, "
        "at_us INTEGER NOT NULL, PRIMARY KEY(origin, size)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE evidence(number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, origin TEXT NOT NULL, "
        "kind TEXT NOT NULL, known TEXT NOT NULL, shown TEXT NOT NULL, digest BLOB NOT NULL UNIQUE)"
    )
