"""A new key for an agency, wrapped by a new wrapping key: every secret is wrapped anew, no ciphertext is touched.

Killed at any moment it loses nothing: until the last step both keys are stored, each secret is wrapped with the one
that its row names, and the next rotation goes on where this one stopped. The old key of the agency goes at once; the
wrapping key that opened it goes when no backup needs it any more, and what is still wrapped with it comes under its
successor first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from events.log.transaction import transaction
from events.sealing import SecretName, wrap
from hub.sqlite import faults_told
from hub.vault.agencies import AgencyKeys, broken_key, kms_name, opened_secret
from hub.vault.boxes import AGENCY
from hub.vault.kms import KeyDestroyed, Kms
from hub.vault.tables import EMPTY

_BATCH = 500  # what a commit of new keys may have to wait for
_LIVE = "SELECT generation FROM agency_keys WHERE agency = ? AND wrapped <> ? ORDER BY generation"
_TO_DO = (
    "SELECT seq, subject, class, key_id, generation, wrapped FROM secrets "
    "WHERE seq > ? AND agency = ? AND generation < ? AND wrapped <> ? ORDER BY seq LIMIT ?"
)
_WRAPPED = "SELECT seq, agency, wrapped FROM agency_keys WHERE wrapped <> ?"
_LEFT = "SELECT count(*) FROM secrets WHERE agency = ? AND generation < ? AND wrapped <> ?"


class Wrapped(NamedTuple):
    """How many secrets a step wrapped anew, the place in the table that it came to, and where that ends."""

    many: int
    seq: int
    end: int


def agencies_of(db: apsw.Connection) -> list[str]:
    """All that have a key, the hub among them."""
    rows: list[Any] = db.execute("SELECT DISTINCT agency FROM agency_keys WHERE wrapped <> ?", (EMPTY,)).fetchall()
    return sorted(agency for (agency,) in rows)


def rotated(
    db: apsw.Connection, agencies: AgencyKeys, agency: str, lock: threading.Lock, now_us: int
) -> Iterator[Wrapped]:
    """Wraps all secrets of an agency under its next key, step by step; others may commit between two steps.

    Raises TryAgainLater where the disk takes no more, BrokenKey for a secret that does not open.
    """
    with lock, faults_told("keys.sqlite"):
        generation = _begun(db, agencies, agency, now_us)
    seq, many = 0, 1
    while many:
        with lock, faults_told("keys.sqlite"):
            many, seq = _step(db, agencies, agency, generation, seq)
            end = int(db.execute("SELECT ifnull(max(seq), 0) FROM secrets").get)
        yield Wrapped(many, seq, end)


def _begun(db: apsw.Connection, agencies: AgencyKeys, agency: str, now_us: int) -> int:
    """The generation to wrap with: a new one, or that of a rotation which was not finished."""
    live: list[Any] = db.execute(_LIVE, (agency, EMPTY)).fetchall()
    if len(live) > 1:
        return int(live[-1][0])
    agencies.renew(agency, now_us)
    with transaction(db):
        generation, cipher = agencies.make(db, agency)
    agencies.adopt(agency, generation, cipher)
    return generation


def _step(db: apsw.Connection, agencies: AgencyKeys, agency: str, generation: int, after: int) -> tuple[int, int]:
    new = agencies.cipher(agency, generation)
    rows: list[Any] = db.execute(_TO_DO, (after, agency, generation, EMPTY, _BATCH)).fetchall()
    anew = []
    for seq, subject, retention, key_id, old_generation, wrapped in rows:
        old = agencies.cipher(agency, old_generation)
        if old is None or new is None:
            raise broken_key("a secret is wrapped with an agency's key that was destroyed")
        name = SecretName(agency, subject, retention, key_id)
        anew.append((generation, wrap(new, name, opened_secret(old, *name, wrapped)), seq))
    with transaction(db):
        db.executemany("UPDATE secrets SET generation = ?, wrapped = ? WHERE seq = ?", anew)
    return len(rows), rows[-1][0] if rows else after


def finish(db: apsw.Connection, agencies: AgencyKeys, agency: str) -> None:
    """Empties the keys before the newest. Raises BrokenKey where something is still wrapped with one of them."""
    generation = db.execute(_LIVE, (agency, EMPTY)).fetchall()[-1][0]
    with transaction(db):
        if db.execute(_LEFT, (agency, generation, EMPTY)).get:
            raise broken_key("secrets are left that the new key of their agency does not open")
        db.execute(
            "UPDATE agency_keys SET wrapped = ? WHERE agency = ? AND generation < ?", (EMPTY, agency, generation)
        )
    agencies.load()


def rewrap(db: apsw.Connection, kms: Kms) -> list[bytes]:
    """Wraps what the newest wrapping keys do not open, and their forerunners do, with the newest.

    Returns the bytes that no file needs to hold any more.
    """
    agencies: list[Any] = db.execute(_WRAPPED, (EMPTY,)).fetchall()
    own: list[Any] = db.execute("SELECT name, wrapped FROM hub_keys").fetchall()
    stale = []
    with transaction(db):
        for table, key, rows in (
            ("agency_keys", "seq", [(seq, kms_name(agency), wrapped) for seq, agency, wrapped in agencies]),
            ("hub_keys", "name", [(name, AGENCY, wrapped) for name, wrapped in own]),
        ):
            for row, name, wrapped in rows:
                if (anew := _rewrapped(kms, name, wrapped)) is not None:
                    db.execute(f"UPDATE {table} SET wrapped = ? WHERE {key} = ?", (anew, row))
                    stale.append(wrapped)
    return stale


def _rewrapped(kms: Kms, name: str, wrapped: bytes) -> bytes | None:
    try:
        return kms.rewrapped(name, wrapped)
    except KeyDestroyed:  # a key store from before the agency was erased
        return None
