"""Keys for tests: a keyring that opens what it sealed, and the events of a hub's log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from events.codec import Closed, Opened, Opener, Sealed, StoredRow, leaf_hash, open_row, read_header
from events.envelope import Logged
from events.identity import SubjectKeys, subject_keys
from events.ids import SubjectId
from events.log.port import Log

HUB = "hub"


class Keys:
    """Keys that follow from their names; what was sealed with one of them, it opens."""

    def __init__(self) -> None:
        self.made: dict[bytes, SubjectKeys] = {}

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        return self._keys(f"{agency}|{record}", retention)

    def keys_about(self, agency: str, record: str, retention: str) -> SubjectKeys:
        return self._keys(f"{agency}|{record}", f"{HUB}|{retention}")

    def service_keys(self, retention: str) -> SubjectKeys:
        return self._keys(HUB, retention)

    def look_up(self, records: Iterable[tuple[str, str]]) -> None:
        """There is nothing to be read."""

    def of_subject(self, subject: bytes) -> SubjectKeys:
        """Keys of a subject that has no record."""
        return self._keep(subject_keys(SubjectId(subject), hashlib.sha256(subject).digest()))

    def open(self, partition: str, rows: Sequence[StoredRow]) -> Opened:
        opened = Opened([], [])
        for row in rows:
            header = read_header(row.header)
            keys = self.made.get(header.key_id) if header is not None else None
            logged = open_row(partition, row, header, keys.cipher.made()) if header is not None and keys else None
            if logged is not None:
                opened.logged.append(logged)
            else:
                whose = (header.agency, header.subject, header.key_id) if header is not None else ("", b"", b"")
                opened.closed.append(Closed(row.offset, row.known_us, *whose, "unknown-key"))
        return opened

    def _keys(self, record: str, retention: str) -> SubjectKeys:
        subject = SubjectId(hashlib.sha256(record.encode()).digest()[:16])
        return self._keep(subject_keys(subject, hashlib.sha256(f"{record}|{retention}".encode()).digest()))

    def _keep(self, keys: SubjectKeys) -> SubjectKeys:
        return self.made.setdefault(keys.key_id, keys)


class _Vault(Protocol):
    @property
    def ring(self) -> Opener: ...


class _Home(Protocol):
    @property
    def keys(self) -> _Vault: ...

    @property
    def log(self) -> Log: ...


def opened(opener: Opener, rows: Iterable[StoredRow], partition: str = "main-0") -> list[Logged]:
    """The events of rows, all of which open."""
    found = opener.open(partition, list(rows))
    assert found.closed == []
    return found.logged


def events_of(home: _Home) -> list[Logged]:
    """All events of a home, in the order of its log."""
    return opened(home.keys.ring, home.log.read("main-0", 0, 1 << 40))


def stored(sealed: Sealed, offset: int = 7, known_us: int = 1_700_000_000_000_000) -> StoredRow:
    """The row that a log makes of it."""
    return StoredRow(offset, known_us, *sealed, leaf_hash(offset, known_us, sealed))
