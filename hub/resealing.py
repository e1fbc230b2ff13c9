"""Homes from before sealing (format 1) are written anew: every event sealed, with its id, position and known time.

The new home is built beside and gets its name when it is whole; the old one is left as it is, in plain text, for
whoever runs the machine to destroy.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import orjson

from events.clock import Clock
from events.codec import Header, Sealed, StoredRow, leaf_hash, read_header
from events.errors import TryAgainLater, WrongSettings
from events.ledger import EMPTY, Edge, extended
from events.log import file
from events.log.faults import DISK_CODES, later
from events.log.file import damage_told
from events.sealing import NO_KEY_ID
from hub.anew import Anew, decided_in, record_text
from hub.assembly import KEYS, LOCK, LOG, REGISTER, lock_home
from hub.backup import copy_privately, named_by_register
from hub.draft import begin, finish
from hub.durable import make_folder, sync_folders
from hub.linkage.decisions import AGENCY, DecisionWriter
from hub.opening import access_told
from hub.receipts import older as older_receipts
from hub.settings import Settings
from hub.sqlite import faults_told
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.older import OLD_FORMAT, take_over

_OTHERS = (REGISTER, "token-key.pem")
_PAGE = 2_000
_ROWS = "SELECT position, known_us, header, nonce, body, leaf FROM log WHERE position >= ? ORDER BY position LIMIT ?"
_OF_THE_HUB = (
    "SELECT position, known_us, header, nonce, body, leaf FROM log WHERE substr(header, 1, 5) = ? ORDER BY position"
)
_HELD = "SELECT 1 FROM secrets WHERE agency = ? AND subject = ? AND key_id = ?"
_NEXT_STEP = "Restore the old home from a backup, and write that anew."
_HUB_HEADER = b"\x01\x03hub"
Progress = Callable[[int, int], None]


class _Then:
    """A clock that says when the event at hand was known: the hub's own keys are those of that month."""

    now_us = 0

    def __call__(self) -> int:
        return self.now_us


def reseal(old: Path, settings: Settings, clock: Clock, progress: Progress = lambda done, of: None) -> dict[str, Any]:
    """Makes the sealed home that `settings` name out of an old one; what is in it.

    Raises WrongSettings `home-not-empty`, `draft-in-the-way`, `not-older`, `home-in-use`, `no-home`, `broken-file`,
    `broken-row`, `leaf-differs`, `log-gap`, `unknown-key`, `receipt-damaged`, `receipt-bytes-missing`, and
    TryAgainLater `disk-full`, `disk-error`.
    """
    home = settings.home
    draft = home.with_name(f"{home.name}.draft")
    with access_told(old), closing(lock_home(old / LOCK)):
        _check(old, home)
        with _faults_told(draft), access_told(draft):
            begin(draft)
            told = _build(old, replace(settings, home=draft), clock, progress)
            sync_folders(draft)
            finish(draft, home)
    return {"home": str(home), "old": str(old), **told}


def _check(old: Path, home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        raise WrongSettings("home-not-empty", "the new home is not empty", where=str(home), next_step="Name a new one.")
    if not (old / LOG).exists():
        raise WrongSettings("no-home", "here is no log", where=str(old), next_step="Name another with --home.")
    with damage_told(old / LOG), closing(_to_read(old / LOG)) as db:
        found = db.execute("SELECT value FROM meta WHERE name = 'format'").get
    if found != OLD_FORMAT:
        raise WrongSettings(
            "not-older",
            f"the log has stored format {found}, and only format {OLD_FORMAT} is written anew",
            where=str(old),
            next_step="This home is sealed already: use it as it is.",
        )
    for name in (KEYS, older_receipts.FILE):
        if not (old / name).exists():
            raise WrongSettings("broken-file", "this file of the old home is gone", where=name, next_step=_NEXT_STEP)


@contextmanager
def _faults_told(draft: Path) -> Iterator[None]:
    """What the disk fails at comes out as TryAgainLater, saying what is left of the work."""
    try:
        with faults_told(str(draft), _not_written):
            yield
    except TryAgainLater as error:
        if error.code not in DISK_CODES:
            raise
        raise _not_written(error.code, str(draft)) from error


def _not_written(code: str, where: str) -> TryAgainLater:
    return later(code, "; the old home is as it was, and this folder is not a home yet", where, "write it anew again")


def _to_read(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)


def _build(old: Path, settings: Settings, clock: Clock, progress: Progress) -> dict[str, Any]:
    home, then = settings.home, _Then()
    kms = LocalKms(settings.kms_file)
    with damage_told(old / KEYS):
        take_over(old / KEYS, home / KEYS, kms)
    with (
        closing(KeyStore(home / KEYS, kms, clock=then)) as keys,
        closing(_to_read(old / LOG)) as source,
        closing(_to_read(old / KEYS)) as held,
        closing(file.connect(home / LOG)) as db,
    ):
        with damage_told(old / LOG):
            old_epoch = str(source.execute("SELECT value FROM meta WHERE name = 'epoch'").get)
            epoch = f"{int(old_epoch.partition('-')[0]) + 1}-{secrets.token_hex(4)}"
            file.prepare(db, home / LOG, lambda: epoch)
            edge = _Rewriting(source, held, db, keys, then).all(progress)
        then.now_us = max(clock(), then.now_us + 1)
        with damage_told(old / older_receipts.FILE):
            receipts = older_receipts.take_over(old, home, keys, settings.zone)
        _note(db, keys, edge, then.now_us, {"epoch": epoch, "origin": old_epoch, "size": edge.size})
    for name in (*_OTHERS, *named_by_register(old)):
        make_folder((home / name).parent)
        copy_privately(old / name, home / name)
    return {"epoch": epoch, "origin": old_epoch, "events": edge.size, "receipts": receipts}


# ---- the log


class _Rewriting:
    """Writes every event of an old log anew. `held` is the old key store: whatever a row needs has to be in it."""

    def __init__(
        self, source: apsw.Connection, held: apsw.Connection, db: apsw.Connection, keys: KeyStore, then: _Then
    ) -> None:
        self._source, self._held, self._db, self._keys, self._then = source, held, db, keys, then

    def all(self, progress: Progress) -> Edge:
        end = int(self._source.execute("SELECT ifnull(max(position) + 1, 0) FROM log").get)
        anew = Anew(self._keys, lambda place: _record_at(self._source, place), decided_in(_decisions(self._source)))
        edge, at = EMPTY, 0
        while at < end:
            rows: list[Any] = self._source.execute(_ROWS, (at, _PAGE)).fetchall()
            sealed = [self._anew(StoredRow(*row), at + number, anew) for number, row in enumerate(rows)]
            edge = _append(self._db, self._keys, edge, sealed)
            at += len(rows)
            progress(at, end)
        return edge

    def _anew(self, row: StoredRow, expected: int, anew: Anew) -> StoredRow:
        if row.offset != expected:
            raise _damaged("log-gap", "a position is missing", expected)
        header = _checked(row)
        self._then.now_us = row.known_us
        sealed = anew.sealed(row.offset, header, row.body)
        if header.agency != AGENCY and not self._is_held(sealed):
            raise _damaged("unknown-key", "the key store does not hold what this event's id was made with", expected)
        return StoredRow(row.offset, row.known_us, *sealed, leaf_hash(row.offset, row.known_us, sealed))

    def _is_held(self, sealed: Sealed) -> bool:
        """Whether an event was sealed anew under a secret that was there, and none that had to be made."""
        header = read_header(sealed.header)
        return header is not None and bool(
            self._held.execute(_HELD, (header.agency, header.subject, header.key_id)).get
        )


def _note(db: apsw.Connection, keys: KeyStore, edge: Edge, known_us: int, payload: Mapping[str, Any]) -> None:
    """The log says itself that it goes on, sealed, where another epoch was plain."""
    epoch = payload["epoch"]
    sealed = DecisionWriter(keys).row("hub.restored", epoch, payload, cause=epoch, model="home/1")
    row = StoredRow(edge.size, known_us, *sealed, leaf_hash(edge.size, known_us, sealed))
    _append(db, keys, edge, [row])


def _decisions(source: apsw.Connection) -> dict[int, dict[str, Any]]:
    """The hub's own events by their place."""
    rows: list[Any] = source.execute(_OF_THE_HUB, (_HUB_HEADER,)).fetchall()
    for row in rows:
        _checked(StoredRow(*row))
    return {at: orjson.loads(body) for at, _, _, _, body, _ in rows}


def _record_at(source: apsw.Connection, place: int) -> str:
    body: Any = source.execute("SELECT body FROM log WHERE position = ?", (place,)).get
    return record_text(orjson.loads(body))


def _append(db: apsw.Connection, keys: KeyStore, edge: Edge, rows: Sequence[StoredRow]) -> Edge:
    """Keys first, as ever."""
    edge, tiles = extended(edge, [row.leaf for row in rows])
    keys.commit()
    with db:
        file.store(db, rows, tiles)
    return edge


def _checked(row: StoredRow) -> Header:
    """The header of an old row that holds. Raises WrongSettings `broken-row`, `leaf-differs`."""
    header = read_header(row.header)
    try:
        leaf = leaf_hash(row.offset, row.known_us, Sealed(row.header, row.nonce, row.body))
    except (TypeError, struct.error) as error:  # SQLite keeps a value of another type where somebody wrote one
        raise _damaged("broken-row", "the stored event is of another type than it was written", row.offset) from error
    if leaf != row.leaf:
        raise _damaged("leaf-differs", "the stored event is not the one that was written", row.offset)
    if header is None or header.key_id != NO_KEY_ID:
        raise _damaged("broken-row", "the stored event is not of the old format", row.offset)
    return header


def _damaged(code: str, what: str, position: int) -> WrongSettings:
    return WrongSettings(code, what, where=f"log, position {position}", next_step=_NEXT_STEP)
