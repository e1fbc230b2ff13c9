"""Keys for tests: a keyring that opens what it sealed, and the events of a hub's log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from events.codec import Closed, Header, Opened, Opener, Sealed, StoredRow, leaf_hash, open_row, read_header
from events.envelope import Logged
from events.identity import PairKeys, SubjectKeys, keys_of_pair, subject_keys
from events.ids import SubjectId
from events.log.port import Log
from hub.vault.boxes import Held, Opening, unboxed

HUB = "hub"


class Keys:
    """Keys that follow from their names; what was sealed with one of them, it opens."""

    def __init__(self) -> None:
        self.made: dict[bytes, SubjectKeys] = {}
        self.gone: set[bytes] = set()  # key ids of what was destroyed on purpose
        self._held: dict[bytes, Held] = {}
        self._secrets: dict[bytes, bytes] = {}
        self._partners: list[bytes] = []

    def keys_of(self, agency: str, record: str, retention: str) -> SubjectKeys:
        return self._keys(agency, f"{agency}|{record}", retention)

    def keys_about(self, agency: str, record: str, retention: str) -> SubjectKeys:
        return self._keys(HUB, f"{agency}|{record}", retention)

    def service_keys(self, retention: str) -> SubjectKeys:
        return self._keys(HUB, HUB, retention)

    def pair_keys(self, about: tuple[str, str], other: tuple[str, str], retention: str) -> PairKeys:
        mine, theirs = (self.keys_about(*record, retention).key_id for record in (about, other))
        self._partners.append(theirs)
        return keys_of_pair(len(self._partners), self._secrets[mine], self._secrets[theirs])

    def look_up(self, records: Iterable[tuple[str, str]]) -> None:
        """There is nothing to be read."""

    def of_subject(self, subject: bytes) -> SubjectKeys:
        """Keys of a subject that has no record."""
        return self._keep(HUB, SubjectId(subject), "", hashlib.sha256(subject).digest())

    def others_of(self, agency: str, subject: bytes, retention: str) -> SubjectKeys:
        """Keys of the third persons of a fact of a subject that has no record."""
        secret = hashlib.sha256(subject + retention.encode()).digest()
        return self._keep(agency, SubjectId(subject), retention, secret)

    def open(self, partition: str, rows: Sequence[StoredRow]) -> Opened:
        opened = Opened([], [])
        for row in rows:
            header = read_header(row.header)
            found = self._opened(partition, row, header) if header is not None else "broken-row"
            if isinstance(found, Logged):
                opened.logged.append(found)
            else:
                whose = (header.agency, header.subject, header.key_id) if header is not None else ("", b"", b"")
                opened.closed.append(Closed(row.offset, row.known_us, *whose, found))
        return opened

    def _opened(self, partition: str, row: StoredRow, header: Header) -> Logged | str:
        held = self._at_hand(header.key_id)
        if isinstance(held, str):
            return held
        logged = open_row(partition, row, header, held.cipher.made())
        return unboxed(self, [Opening(header, logged)], with_grounds=False)[0] if logged is not None else "broken-row"

    def keys_at_hand(self, wanted: Mapping[bytes, SubjectId]) -> Mapping[bytes, Held | str]:
        return {key_id: self._at_hand(key_id) for key_id in wanted}

    def keys_for(self, ref: int, about: Header) -> PairKeys | str:
        pair = (about.key_id, self._partners[ref - 1])
        return "erased" if self.gone & set(pair) else keys_of_pair(ref, *(self._secrets[each] for each in pair))

    def _at_hand(self, key_id: bytes) -> Held | str:
        return "erased" if key_id in self.gone else self._held.get(key_id, "unknown-key")

    def _keys(self, agency: str, record: str, retention: str) -> SubjectKeys:
        subject = SubjectId(hashlib.sha256(record.encode()).digest()[:16])
        return self._keep(
            agency, subject, retention, hashlib.sha256(f"{agency}|{record}|{retention}".encode()).digest()
        )

    def _keep(self, agency: str, subject: SubjectId, retention: str, secret: bytes) -> SubjectKeys:
        keys = subject_keys(subject, secret)
        self._held[keys.key_id] = Held(agency, subject, retention, keys.cipher, keys.id_key)
        self._secrets[keys.key_id] = secret
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
