"""The key store: which random number stands for a source record, and the secrets its keys come from.

A subject is found by HMAC(look-up key, agency ‖ 0x00 ‖ record), so the file names nobody by itself. There is one
secret per (agency, subject, retention class); until sealing lands it is stored unwrapped.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import NamedTuple

import apsw

from events.errors import HubError
from events.identity import SECRET_BYTES, SubjectKeys, mac, subject_keys
from events.ids import SubjectId
from events.log.bulk import insert_rows, select_rows
from hub.sqlite import faults_told, open_file, open_to_read, transaction

STORED_FORMAT = 1
SUBJECT_BYTES = 16
KEY_ID_BYTES = 24
CACHE_MAX = 200_000
_KEY_ID_LABEL = b"tellonce/key-id/1\0"
_DRAW_BYTES = 4_096
_STORED = (
    "SELECT s.lookup, s.subject, k.class, k.key_id, k.secret FROM wanted CROSS JOIN subjects s "
    "ON s.lookup = wanted.column1 LEFT JOIN secrets k ON k.agency = wanted.column2 AND k.subject = s.subject"
)
_Record = tuple[str, str]  # agency, record
_Secret = tuple[str, SubjectId, str, bytes]  # agency, subject, retention class, secret
_Owner = tuple[str, SubjectId]  # agency, subject


class BrokenKey(HubError):
    """A stored secret that does not fit its key id: the key store was damaged."""


class _Pending(NamedTuple):
    """What was made and is not durable yet."""

    subjects: dict[bytes, SubjectId]
    secrets: dict[_Owner, dict[str, bytes]]  # by retention class


class _Known:
    """What is known of one record: its subject, if it has one, and the secrets of its retention classes."""

    __slots__ = ("keys", "lookup", "secrets", "subject")

    def __init__(self, lookup: bytes, subject: SubjectId | None) -> None:
        self.lookup = lookup
        self.subject = subject
        self.secrets: dict[str, bytes | None] = {}  # by class; None: stored, but damaged
        self.keys: dict[str, SubjectKeys] = {}  # of the classes that were asked for


class KeyStore:
    """A Keyring on one SQLite file. Keys are made in memory at first sight and durable after `commit`.

    The log's writer commits here before it commits its own rows: a key without events is harmless, an event whose
    keys are lost can never be told apart from a new one. May be used from any thread.
    """

    def __init__(self, path: Path, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._drawn, self._used = b"", 0
        self._db = open_file(path, STORED_FORMAT, lambda db: _make_tables(db, random(SECRET_BYTES)))
        self._reader = open_to_read(path)
        self._look_up_key: bytes = self._reader.execute("SELECT secret FROM hub_keys WHERE name = 'look-up'").get
        self._making = threading.Lock()
        self._committing = threading.Lock()
        self._pending = _Pending({}, {})
        # Two generations bound the cache without a lock on a hit: the older one goes when the younger is half of all.
        self._young: dict[_Record, _Known] = {}
        self._old: dict[_Record, _Known] = {}

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        """Keys for a source record (its text form), made at first sight; the same ever after."""
        known = self._young.get((agency, record))
        keys = known.keys.get(retention) if known is not None else None
        return keys if keys is not None else self._find_or_make((agency, record), retention)

    def look_up(self, records: Iterable[_Record]) -> None:
        """Reads what is stored of many records (agency, text form) at once: each query lets go of the interpreter."""
        names = set(records)
        if names <= self._young.keys():
            return
        with self._making:
            self._load(names - self._young.keys())

    # ---- in memory; under the lock

    def _find_or_make(self, name: _Record, retention: str) -> SubjectKeys:
        with self._making:
            if name not in self._young:
                self._load({name})
            known = self._young[name]
            keys = known.keys.get(retention)
            if keys is None:
                subject = known.subject or self._new_subject(known)
                if retention not in known.secrets:
                    self._make_secret(name[0], subject, known, retention)
                keys = known.keys[retention] = subject_keys(subject, _whole(known.secrets[retention]))
        return keys

    def _new_subject(self, known: _Known) -> SubjectId:
        known.subject = self._pending.subjects[known.lookup] = SubjectId(self._draw(SUBJECT_BYTES))
        return known.subject

    def _make_secret(self, agency: str, subject: SubjectId, known: _Known, retention: str) -> None:
        secret = known.secrets[retention] = self._draw(SECRET_BYTES)
        self._pending.secrets.setdefault((agency, subject), {})[retention] = secret

    def _load(self, names: Set[_Record]) -> None:
        """Brings records into the younger generation; those that nobody has stored yet come without a subject."""
        held = {name: self._old[name] for name in names & self._old.keys()}
        lookups = {self._lookup(name): name for name in names - held.keys()}
        stored = self._stored(lookups)
        for name, known in held.items():
            self._keep(name, known)
        for lookup, name in lookups.items():
            known = stored.get(lookup) or _Known(lookup, self._pending.subjects.get(lookup))
            if known.subject is not None:
                known.secrets |= self._pending.secrets.get((name[0], known.subject), {})
            self._keep(name, known)

    def _keep(self, name: _Record, known: _Known) -> None:
        if len(self._young) >= CACHE_MAX // 2:
            self._old, self._young = self._young, {}
        self._young[name] = known

    def _draw(self, size: int) -> bytes:
        """Random bytes, drawn by the page: each draw lets go of the interpreter."""
        if self._used + size > len(self._drawn):
            self._drawn, self._used = self._random(_DRAW_BYTES), 0
        self._used += size
        return self._drawn[self._used - size : self._used]

    def _lookup(self, name: _Record) -> bytes:
        return mac(self._look_up_key, "\0".join(name).encode())

    def _stored(self, lookups: Mapping[bytes, _Record]) -> dict[bytes, _Known]:
        found: dict[bytes, _Known] = {}
        wanted = [(lookup, agency) for lookup, (agency, _) in lookups.items()]
        with faults_told("keys.sqlite"):
            rows = list(select_rows(self._reader, _STORED, wanted, 2))
        for lookup, subject, retention, key_id, secret in rows:
            known = found.setdefault(lookup, _Known(lookup, SubjectId(subject)))
            if secret is not None:
                known.secrets[retention] = secret if key_id_of(secret) == key_id else None
        return found

    # ---- durable

    def commit(self) -> None:
        """Makes every key handed out so far durable.

        Raises TryAgainLater (`disk-full`, `disk-error`); the keys then wait for the next commit.
        """
        if not self._pending.secrets and not self._pending.subjects:
            return
        with self._committing:
            with self._making:
                subjects = dict(self._pending.subjects)
                secrets = [
                    (*owner, retention, secret)
                    for owner, of_classes in self._pending.secrets.items()
                    for retention, secret in of_classes.items()
                ]
            with faults_told("keys.sqlite"):
                self._store(subjects, secrets)
            with self._making:
                self._forget(subjects, secrets)

    def _store(self, subjects: Mapping[bytes, SubjectId], secrets: Iterable[_Secret]) -> None:
        rows = [(*name, key_id_of(secret), secret) for *name, secret in sorted(secrets)]
        with transaction(self._db):
            insert_rows(self._db, "INSERT INTO subjects VALUES", sorted(subjects.items()))
            insert_rows(self._db, "INSERT INTO secrets VALUES", rows)

    def _forget(self, subjects: Mapping[bytes, SubjectId], secrets: Iterable[_Secret]) -> None:
        """What is durable waits no more; what was made meanwhile does."""
        for lookup in subjects:
            del self._pending.subjects[lookup]
        for agency, subject, retention, _ in secrets:
            of_classes = self._pending.secrets[agency, subject]
            del of_classes[retention]
            if not of_classes:
                del self._pending.secrets[agency, subject]

    def close(self) -> None:
        """Closes the file. Keys that no commit made durable are gone: nothing durable can have used them."""
        self._reader.close()
        self._db.close()


def _whole(secret: bytes | None) -> bytes:
    """Raises BrokenKey for a stored secret that does not fit its key id."""
    if secret is None:
        raise BrokenKey(
            "broken-key",
            "a stored secret does not fit its key id",
            where="keys.sqlite",
            next_step="The key store was damaged: restore it from a backup.",
        )
    return secret


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
