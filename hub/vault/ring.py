"""The ring: opens rows of the log with the keys that still exist, and with no other.

A key is used only within a minute of its last check, by the time since boot, tested at each use: a process that was
stopped while a key was destroyed can't open with it when it goes on. One lease holds for all keys at once: the ring
reads again what was destroyed since, and drops it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.codec import Closed, Header, Opened, StoredRow, open_row, read_header
from events.envelope import Logged
from events.errors import BrokenKey
from events.identity import PairKeys, cipher_of, keys_of_pair, reading_keys
from events.ids import SubjectId
from events.log.bulk import select_rows
from events.sealing import NO_KEY_ID, Cipher
from events.soundness import BROKEN_ROW
from hub.sqlite import open_to_read, reading_told
from hub.vault.agencies import AgencyKeys, opened_secret
from hub.vault.boxes import ERASED, Held, Opening, is_boxed, unboxed
from hub.vault.counting import refusal, refusal_of_unboxed
from hub.vault.kms import Kms
from hub.vault.tables import EMPTY, STORED_ROW, text_of

LEASE_S = 60.0
CACHE_MAX = 200_000
_HELD = f"SELECT {STORED_ROW} FROM wanted CROSS JOIN secrets k ON k.subject = wanted.column1"
_PARTNER = "SELECT CAST(subject AS BLOB), CAST(key_id AS BLOB) FROM partners WHERE ref = ?"
_GONE = "SELECT d.key_id FROM wanted CROSS JOIN destroyed d ON d.key_id = wanted.column1"
_SINCE = "SELECT seq, CAST(key_id AS BLOB) FROM destroyed WHERE seq > ? ORDER BY seq"
_UNKNOWN, _BROKEN = "unknown-key", "broken-key"


def since_boot_s() -> float:
    """Seconds since the machine was started, those that it slept included; nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class _Page(NamedTuple):
    """What is kept while rows are opened together."""

    made: dict[bytes, AESGCM]
    absent: dict[bytes, str]  # why a key can't be had
    used: dict[bytes, Held]  # with what rows were opened


class Ring:
    """An Opener on a key store's file, whichever process writes it. For any thread."""

    def __init__(
        self, path: Path, kms: Kms, boot_s: Callable[[], float] = since_boot_s, *, lease_s: float = LEASE_S
    ) -> None:
        """`lease_s` is 0 for whoever nobody tells of an erasure: they look at each use whether a key is there still."""
        self._lease_s = lease_s
        self._db = open_to_read(path)
        self._agencies = AgencyKeys(self._db, kms)
        self._boot_s = boot_s
        self._loading = threading.Lock()
        self._young: dict[bytes, Held] = {}  # two generations, as in the key store
        self._old: dict[bytes, Held] = {}
        self._checked_s = boot_s()
        self._checked_version: int | None = None
        self._read_up_to = 0
        with self._loading:
            self._check()

    def open(self, partition: str, rows: Sequence[StoredRow], *, with_grounds: bool = False) -> Opened:
        """See Opener. Raises TryAgainLater when the key store can't be read.

        What a decision about a record rests on, where that is another record, is told `with_grounds` alone.
        """
        headers = [read_header(row.header) for row in rows]
        page = _Page({}, self._load({header.key_id: header.subject for header in headers if header is not None}), {})
        found = [
            BROKEN_ROW if header is None else self._opened(partition, row, header, page)
            for row, header in zip(rows, headers, strict=True)
        ]
        boxed = {at: Opening(headers[at], each) for at, each in enumerate(found) if is_boxed(each)}
        if boxed:
            told = unboxed(self, list(boxed.values()), with_grounds=with_grounds)
            for (at, opening), each in zip(boxed.items(), told, strict=True):
                found[at] = _counting(opening, each, page)
        return _parted(rows, headers, found)

    def keys_at_hand(self, wanted: Mapping[bytes, SubjectId]) -> Mapping[bytes, Held | str]:
        """See Keys of boxes."""
        absent = self._load(wanted)
        found: dict[bytes, Held | str] = {}
        for key_id, subject in wanted.items():
            held = self._held(key_id)
            if held is None and key_id not in absent:  # gone since
                absent.update(self._load({key_id: subject}))
            found[key_id] = held or absent.get(key_id, _UNKNOWN)
        return found

    def keys_for(self, ref: int, about: Header) -> PairKeys | str:
        """See Keys of boxes. Both secrets are read at each asking: nothing of them is kept."""
        with self._loading, reading_told("keys.sqlite"):
            partner: Any = self._db.execute(_PARTNER, (ref,)).fetchone()
            if partner is None:
                return _UNKNOWN
            if partner[1] == NO_KEY_ID:
                return ERASED
            mine, theirs = self._secret(about.subject, about.key_id), self._secret(*partner)
        if isinstance(mine, str):
            return mine
        return theirs if isinstance(theirs, str) else keys_of_pair(ref, mine, theirs)

    def ciphers_of(self, agency: str, subjects: Iterable[SubjectId], retention: str) -> dict[SubjectId, Cipher]:
        """The keys of many subjects in one class; those that were destroyed, or never made, are absent.

        They are read from the file at each asking, and no lease lies on what is handed out: nothing looks again when it
        is used. Use them at once and keep none: one that is kept still opens after it was destroyed, and so does one in
        the hands of a process that is stopped between asking and use.
        """
        wanted = [(subject,) for subject in set(subjects)]
        with self._loading, reading_told("keys.sqlite"):
            whose = (agency.encode(), retention.encode())
            rows = [row for row in select_rows(self._db, _HELD, wanted, 1) if (row[0], row[2]) == whose]
            secrets = [(row[1], self._unwrapped(row)) for row in rows if row[5] != EMPTY]
        return {SubjectId(subject): cipher_of(secret) for subject, secret in secrets if secret is not None}

    def learn(self, key_id: bytes, held: Held) -> None:
        """Takes a key that was just made, so that nobody has to unwrap it."""
        if len(self._young) >= CACHE_MAX // 2:
            self._old, self._young = self._young, {}
        self._young[key_id] = held

    def drop(self, key_ids: Iterable[bytes]) -> None:
        """Forgets keys that were destroyed; whoever reads the file meanwhile is waited for."""
        with self._loading:
            self._drop(key_ids)

    def load_agencies(self) -> None:
        """Forgets agencies' keys that were destroyed."""
        with self._loading:
            self._agencies.load()

    def close(self) -> None:
        self._db.close()

    # ---- one row

    def _opened(self, partition: str, row: StoredRow, header: Header, page: _Page) -> Logged | str:
        """The event of a row, or the code of why it stays closed."""
        if header.key_id == NO_KEY_ID:
            return "unsealed-row"
        if row.body == b"":
            return "removed"  # by a redaction; `log verify` looks whether an event says so
        held = self._held(header.key_id)
        if held is None and header.key_id not in page.absent:  # known when the page was begun, and gone since
            page.absent.update(self._load({header.key_id: header.subject}))
            held = self._held(header.key_id)
        if held is None:
            return page.absent.get(header.key_id, _UNKNOWN)
        if (held.agency, held.subject) != (header.agency, header.subject):
            return "foreign-key"
        made = page.made.get(header.key_id) or page.made.setdefault(header.key_id, held.cipher.made())
        logged = open_row(partition, row, header, made)
        if logged is None:
            return BROKEN_ROW
        page.used[header.key_id] = held
        return refusal(logged.event, held) or logged

    def _secret(self, subject: bytes, key_id: bytes) -> bytes | str:
        """A secret as the file holds it, or the code of why there is none; under the lock."""
        is_stored = False
        for _ in range(2):  # it may be wrapped anew meanwhile
            for row in select_rows(self._db, _HELD, [(subject,)], 1):
                if row[3] == key_id and row[5] != EMPTY:
                    is_stored = True
                    if (secret := self._unwrapped_or_none(row)) is not None:
                        return secret
        if is_stored:
            return _BROKEN
        return ERASED if self._db.execute("SELECT 1 FROM destroyed WHERE key_id = ?", (key_id,)).get else _UNKNOWN

    def _held(self, key_id: bytes) -> Held | None:
        """The key, if it may be used now."""
        if self._boot_s() - self._checked_s >= self._lease_s:
            with self._loading:
                self._check()
        held = self._young.get(key_id)
        return held if held is not None else self._old.get(key_id)

    # ---- from the file; under the lock

    def _drop(self, key_ids: Iterable[bytes]) -> None:
        for key_id in key_ids:
            self._young.pop(key_id, None)
            self._old.pop(key_id, None)

    def _check(self) -> None:
        """Drops what was destroyed since the last check. Raises TryAgainLater where that can't be read."""
        begun_s = self._boot_s()
        with reading_told("keys.sqlite"):
            version = self._db.pragma("data_version")
            if version == self._checked_version:  # nobody has written since
                self._checked_s = begun_s
                return
            gone: list[Any] = self._db.execute(_SINCE, (self._read_up_to,)).fetchall()
            self._agencies.load()
        self._drop(key_id for _, key_id in gone)
        self._read_up_to = gone[-1][0] if gone else self._read_up_to
        self._checked_s, self._checked_version = begun_s, version

    def _load(self, wanted: Mapping[bytes, SubjectId]) -> dict[bytes, str]:
        """Reads keys that are not at hand; for those that can't be had, why."""
        missing = {key_id: subject for key_id, subject in wanted.items() if self._held(key_id) is None}
        if not missing:
            return {}
        with self._loading, reading_told("keys.sqlite"):
            found, broken = self._read(missing)
            absent = missing.keys() - found
            erased = {key_id for (key_id,) in select_rows(self._db, _GONE, [(key_id,) for key_id in absent], 1)}
        return {key_id: ERASED if key_id in erased else _BROKEN if key_id in broken else _UNKNOWN for key_id in absent}

    def _read(self, missing: Mapping[bytes, SubjectId]) -> tuple[set[bytes], set[bytes]]:
        """Takes in what the file holds of these keys; those it has, and those whose secret does not open."""
        found: set[bytes] = set()
        broken: set[bytes] = set()
        for _ in range(2):  # wrapped anew between the row and the agency's key that it named: the row is read again
            broken.clear()
            wanted = [(missing[key_id],) for key_id in missing.keys() - found]
            for row in select_rows(self._db, _HELD, wanted, 1):
                agency, subject, retention, key_id, _, wrapped = row
                if key_id not in missing or wrapped == EMPTY:
                    continue
                secret = self._unwrapped_or_none(row)
                if secret is None:
                    broken.add(key_id)
                else:
                    self.learn(key_id, Held(text_of(agency), subject, text_of(retention), *reading_keys(secret)))
                    found.add(key_id)
            if not broken:
                break
        return found, broken

    def _unwrapped_or_none(self, row: Sequence[Any]) -> bytes | None:
        try:
            return self._unwrapped(row)
        except BrokenKey:
            return None

    def _unwrapped(self, row: Sequence[Any]) -> bytes | None:
        """The secret of a row; None where the agency's key was destroyed. Raises BrokenKey."""
        agency, retention = text_of(row[0]), text_of(row[2])
        _, subject, _, key_id, generation, wrapped = row
        cipher = self._agencies.cipher(agency, generation)
        return None if cipher is None else opened_secret(cipher, agency, subject, retention, key_id, wrapped)


def _parted(rows: Sequence[StoredRow], headers: Sequence[Header | None], found: Sequence[Logged | str]) -> Opened:
    opened = Opened([], [])
    for row, header, each in zip(rows, headers, found, strict=True):
        if isinstance(each, Logged):
            opened.logged.append(each)
        else:
            whose = (header.agency, header.subject, header.key_id) if header is not None else ("", b"", b"")
            opened.closed.append(Closed(row.offset, row.known_us, *whose, each))
    return opened


def _counting(opening: Opening, told: Logged | str, page: _Page) -> Logged | str:
    """A row whose box is open, or the code of why it does not count."""
    if isinstance(told, str) or isinstance(opening.found, str) or opening.header is None:
        return told
    return refusal_of_unboxed(opening.found.event, told.event, page.used[opening.header.key_id]) or told
