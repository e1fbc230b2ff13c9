"""What was erased, done again to a key store that is not open: a backup brings no key back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from events.clock import us_text
from events.codec import StoredRow, read_header
from events.envelope import Logged
from events.log.port import page
from events.log.sqlite import PARTITION, SqliteReader
from events.log.transaction import transaction
from events.sealing import SecretName
from hub.erasurelist import (
    Act,
    ErasureList,
    Line,
    Place,
    is_unsigned,
    read_list,
    read_unchecked,
    write_list,
)
from hub.sqlite import faults_told, open_file
from hub.vault import destroying
from hub.vault.agencies import destroyed_agencies
from hub.vault.boxes import AGENCY
from hub.vault.kms import Kms
from hub.vault.ring import Ring
from hub.vault.tables import STORED_FORMAT, make_tables

_PAGE = 2_000
_ACTS: dict[str, Act] = {"hub.subject-erased": "erased", "hub.class-shredded": "shredded"}


class Told(NamedTuple):
    """An erasure that the log tells of."""

    act: Act
    agency: str
    subject: bytes
    key_ids: tuple[bytes, ...]
    known_us: int


def erasures_told(log: Path, keys: Path, kms: Kms) -> list[Told]:
    """What a log that is not open tells of erasures, by the hub's own keys, which no erasure destroys."""
    reader, ring = SqliteReader(log), Ring(keys, kms)
    try:
        return [_told(each) for each in _of_hub(reader, ring) if each.event.attributes["type"] in _ACTS]
    finally:
        ring.close()
        reader.close()


def _of_hub(reader: SqliteReader, ring: Ring) -> Iterator[Logged]:
    at = 0
    while rows := page(reader.read(PARTITION, at, _PAGE)):
        at = rows[-1].offset + 1
        yield from ring.open(PARTITION, [row for row in rows if _is_of_hub(row)]).logged


def _is_of_hub(row: StoredRow) -> bool:
    header = read_header(row.header)
    return header is not None and header.agency == AGENCY


def _told(logged: Logged) -> Told:
    payload = logged.event.payload
    key_ids = tuple(bytes.fromhex(each) for each in payload.get("key_ids", ()))
    act = _ACTS[logged.event.attributes["type"]]
    return Told(act, AGENCY, bytes.fromhex(payload["subject"]), key_ids, logged.known_us)


def missing(listed: ErasureList, told: Iterable[Told]) -> list[Line]:
    """What a log tells of and a list lacks, as lines. Nobody knows those records' suppression tokens any more."""
    standing = listed.standing
    erased = {each.subject for each in standing if each.act == "erased"}
    keys = {(each.subject, key_id) for each in standing for key_id in each.key_ids}
    found = []
    for each in told:
        named = {(each.subject, key_id) for key_id in each.key_ids}
        is_there = each.subject in erased if each.act == "erased" else named <= keys
        if not is_there:
            found.append(Line(each.act, each.agency, each.subject, each.key_ids, b"", us_text(each.known_us)))
            keys |= named
            if each.act == "erased":
                erased.add(each.subject)
    return found


def destroyed_by(kms: Kms) -> list[Line]:
    """Agencies whose key the Kms destroyed, as a list says it: no list has to be there for that."""
    return [Line("key-destroyed", agency, b"", (), b"", "") for agency in destroyed_agencies(kms)]


def destroy_listed(path: Path, entries: Iterable[Line], at_us: int) -> int:
    """Destroys what the list names, in its order; how many secrets there were.

    Everything of an erased subject goes, whichever keys the list knew of; of other entries the keys that they list.
    Raises TryAgainLater; asked again it goes on.
    """
    db = open_file(path, STORED_FORMAT, make_tables)
    try:
        with faults_told(path.name):
            traces: list[bytes] = []
            for entry in entries:
                traces += _done(db, entry, at_us)
            if traces:
                destroying.leave_no_trace(db, path, traces)
        return len(traces)
    finally:
        db.close()


def sign_old_lists(places: Sequence[Place], keys: Path, under_way: Collection[bytes]) -> None:
    """Signs a list that was begun before lines were signed: once, and only where nothing is left to destroy by it.

    The home's own, the last of the places, is believed: who writes there has the key store too. Another place is
    signed as far as it says what the home's does. What is not signed here is refused by whoever reads it.
    """
    home = places[-1]
    if not keys.exists() or not any(is_unsigned(place.path) for place in places):
        return
    if is_unsigned(home.path):
        own = read_unchecked(home.path)
        if would_destroy(keys, [each for each in own.standing if each.subject not in under_way]):
            return
        write_list(home, own)
    own = read_list(home)
    for place in places[:-1]:
        if is_unsigned(place.path):
            theirs = read_unchecked(place.path)
            if own.begins_with(len(theirs.entries), theirs.digest):
                write_list(place, own)


def would_destroy(keys: Path, entries: Iterable[Line]) -> bool:
    """Whether a key is there that a list says is destroyed."""
    db = open_file(keys, STORED_FORMAT, make_tables)
    try:
        with faults_told(keys.name):
            return any(_is_left(db, each) for each in entries)
    finally:
        db.close()


def _done(db: apsw.Connection, entry: Line, at_us: int) -> list[bytes]:
    """The bytes that no file may hold any more."""
    if entry.act == "key-destroyed":
        return destroying.destroy_agency(db, entry.agency, at_us)
    if entry.act == "readmitted":
        db.execute("DELETE FROM suppressed WHERE token = ?", (entry.token,))
        return []
    is_whole = entry.act == "erased"  # without a subject it closes the intake of a whole agency, by its token
    wanted, is_found = _to_destroy(db, entry), is_whole and _is_known(db, entry)
    if is_whole and entry.token:  # without one, the record may come in again, as another subject
        with transaction(db):
            db.execute("INSERT OR IGNORE INTO suppressed VALUES(?, ?)", (entry.token, at_us))
    if not wanted and not is_found:
        return []
    return destroying.destroy(db, wanted, [], [entry.subject] if is_whole else [], at_us)


def _to_destroy(db: apsw.Connection, entry: Line) -> list[SecretName]:
    """The secrets of the subject that go with an entry and are there."""
    stored = destroying.secrets_of(db, entry.subject)
    return [each for each in stored if entry.act == "erased" or each.key_id in entry.key_ids]


def _is_known(db: apsw.Connection, entry: Line) -> bool:
    return bool(db.execute("SELECT 1 FROM subjects WHERE subject = ?", (entry.subject,)).get)


def _is_left(db: apsw.Connection, entry: Line) -> bool:
    """Whether anything is there that goes with an entry."""
    if entry.act == "key-destroyed":
        return destroying.has_key(db, entry.agency)
    return bool(_to_destroy(db, entry)) or (entry.act == "erased" and _is_known(db, entry))
