"""The key store: which random number stands for a source record, and the secrets its keys come from.

A subject is found by HMAC(look-up key, agency ‖ 0x00 ‖ record), so the file names nobody by itself. There is one
secret per (agency, subject, retention class); until sealing lands it is stored unwrapped.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw

from events.errors import HubError
from events.identity import SECRET_BYTES, SubjectKeys, mac, subject_keys
from events.ids import SubjectId
from events.log.bulk import insert_rows
from hub.sqlite import faults_told, open_file, open_to_read, transaction

STORED_FORMAT = 1
SUBJECT_BYTES = 16
KEY_ID_BYTES = 24
CACHE_MAX = 200_000
_KEY_ID_LABEL = b"tellonce/key-id/1\0"
_Name = tuple[str, str, str]  # agency, record, retention class
_Owner = tuple[str, SubjectId, str]  # agency, subject, retention class


class BrokenKey(HubError):
    """A stored secret that does not fit its key id: the key store was damaged."""


class _Pending(NamedTuple):
    """What was made and is not durable yet."""

    subjects: dict[bytes, SubjectId]
    secrets: dict[_Owner, bytes]


class KeyStore:
    """A Keyring on one SQLite file. Keys are made in memory at first sight and durable after `commit`.

    The log's writer commits here before it commits its own rows: a key without events is harmless, an event whose
    keys are lost can never be told apart from a new one. May be used from any thread.
    """

    def __init__(self, path: Path, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._db = open_file(path, STORED_FORMAT, lambda db: _make_tables(db, random(SECRET_BYTES)))
        self._reader = open_to_read(path)
        self._look_up_key: bytes = self._reader.execute("SELECT secret FROM hub_keys WHERE name = 'look-up'").get
        self._making = threading.Lock()
        self._committing = threading.Lock()
        self._pending = _Pending({}, {})
        # Two generations bound the cache without a lock on a hit: the older one goes when the younger is half of all.
        self._young: dict[_Name, SubjectKeys] = {}
        self._old: dict[_Name, SubjectKeys] = {}

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        """Keys for a source record (its text form), made at first sight; the same ever after."""
        name = (agency, record, retention)
        keys = self._young.get(name)
        return keys if keys is not None else self._find_or_make(name)

    def _find_or_make(self, name: _Name) -> SubjectKeys:
        with self._making:
            keys = self._young.get(name) or self._old.get(name) or self._made(*name)
            if len(self._young) >= CACHE_MAX // 2:
                self._old, self._young = self._young, {}
            self._young[name] = keys
        return keys

    def _made(self, agency: str, record: str, retention: str) -> SubjectKeys:
        lookup = self._lookup(agency, record)
        subject = self._stored_subject(lookup)
        if subject is None:
            drawn = self._random(SUBJECT_BYTES + SECRET_BYTES)  # at once: each draw lets go of the interpreter
            subject = self._pending.subjects[lookup] = SubjectId(drawn[:SUBJECT_BYTES])
            self._pending.secrets[agency, subject, retention] = drawn[SUBJECT_BYTES:]
        owner = (agency, subject, retention)
        secret = self._stored_secret(owner, is_new=lookup in self._pending.subjects)
        if secret is None:
            secret = self._pending.secrets[owner] = self._random(SECRET_BYTES)
        return subject_keys(subject, secret)

    def subject_of(self, agency: str, record: str) -> SubjectId | None:
        """The subject of a source record that was seen before; makes none."""
        with self._making:
            return self._stored_subject(self._lookup(agency, record))

    def _lookup(self, agency: str, record: str) -> bytes:
        return mac(self._look_up_key, f"{agency}\0{record}".encode())

    def _stored_subject(self, lookup: bytes) -> SubjectId | None:
        pending = self._pending.subjects.get(lookup)
        if pending is not None:
            return pending
        found = self._reader.execute("SELECT subject FROM subjects WHERE lookup = ?", (lookup,)).get
        return None if found is None else SubjectId(found)

    def _stored_secret(self, owner: _Owner, *, is_new: bool) -> bytes | None:
        pending = self._pending.secrets.get(owner)
        if pending is not None or is_new:
            return pending
        row = self._reader.execute(
            "SELECT key_id, secret FROM secrets WHERE agency = ? AND subject = ? AND class = ?", owner
        ).fetchone()
        if row is None:
            return None
        if key_id_of(row[1]) != row[0]:
            raise BrokenKey(
                "broken-key",
                "a stored secret does not fit its key id",
                where="keys.sqlite",
                next_step="The key store was damaged: restore it from a backup.",
            )
        return bytes(row[1])

    def commit(self) -> None:
        """Makes every key handed out so far durable.

        Raises TryAgainLater (`disk-full`, `disk-error`); the keys then wait for the next commit.
        """
        if not self._pending.secrets and not self._pending.subjects:
            return
        with self._committing:
            with self._making:
                batch = _Pending(dict(self._pending.subjects), dict(self._pending.secrets))
            with faults_told("keys.sqlite"):
                self._store(batch)
            with self._making:
                for lookup in batch.subjects:
                    del self._pending.subjects[lookup]
                for owner in batch.secrets:
                    del self._pending.secrets[owner]

    def _store(self, batch: _Pending) -> None:
        with transaction(self._db):
            insert_rows(self._db, "INSERT INTO subjects VALUES", sorted(batch.subjects.items()))
            secrets = [(*owner, key_id_of(secret), secret) for owner, secret in sorted(batch.secrets.items())]
            insert_rows(self._db, "INSERT INTO secrets VALUES", secrets)

    def close(self) -> None:
        """Closes the file. Keys that no commit made durable are gone: nothing durable can have used them."""
        self._reader.close()
        self._db.close()


def key_id_of(secret: bytes) -> bytes:
    """First 24 bytes of SHA-256(label ‖ secret)."""
    return hashlib.sha256(_KEY_ID_LABEL + secret).digest()[:KEY_ID_BYTES]


def _make_tables(db: apsw.Connection, look_up_key: bytes) -> None:
    db.execute("CREATE TABLE hub_keys(name TEXT PRIMARY KEY, secret BLOB NOT NULL) WITHOUT ROWID")
    db.execute("INSERT INTO hub_keys VALUES('look-up', ?)", (look_up_key,))
    db.execute("CREATE TABLE subjects(lookup BLOB PRIMARY KEY, subject BLOB NOT NULL UNIQUE) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE secrets(agency TEXT NOT NULL, subject BLOB NOT NULL, class TEXT NOT NULL, key_id BLOB NOT NULL, "
        "secret BLOB NOT NULL, PRIMARY KEY(agency, subject, class)) WITHOUT ROWID"
    )
