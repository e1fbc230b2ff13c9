"""Rows to try a log with, and ways to read all of it."""

from __future__ import annotations

import hashlib
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from events.codec import Sealed, StoredRow, seal
from events.identity import subject_keys
from events.ids import EventId, SubjectId
from events.log.port import Log, Subscription
from events.sealing import NONCE_BYTES, SECRET_BYTES, Cipher

WAIT_MAX_S = 20.0


class ASigner:
    """A Signer whose key follows from a number: never for a log that anybody relies on."""

    def __init__(self, number: int = 1) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def a_row(number: int, subject: int = 0, size_bytes: int = 0) -> Sealed:
    """A row whose id, subject, nonce and body follow from its numbers."""
    event_id = EventId(hashlib.sha256(b"event %d" % number).digest())
    nonce = hashlib.sha256(b"nonce %d of %d, %d" % (number, subject, size_bytes)).digest()[:NONCE_BYTES]
    keys = subject_keys(
        SubjectId(subject.to_bytes(16, "big")), bytes(SECRET_BYTES), lambda key: Cipher(key, lambda: nonce)
    )
    return seal(keys, event_id, "north", {"number": number, "text": "x" * size_bytes})


def rows_from(start: int, count: int) -> list[Sealed]:
    return [a_row(number) for number in range(start, start + count)]


def everything(log: Log) -> list[tuple[str, StoredRow]]:
    """All rows of all partitions."""
    whole = 1 << 40
    return [(partition, row) for partition in sorted(log.head()) for row in log.read(partition, 0, whole)]


def polled(subscription: Subscription, count: int) -> list[tuple[str, StoredRow]]:
    """So many rows of a subscription, or those that came in time."""
    rows: list[tuple[str, StoredRow]] = []
    deadline = time.monotonic() + WAIT_MAX_S
    while len(rows) < count and time.monotonic() < deadline:
        rows.extend(subscription.poll(0.2))
    return rows


def leaf_of(row: StoredRow) -> bytes:
    """The leaf of a row by the published layout, written here a second time."""
    parts = [b"\0", row.offset.to_bytes(8, "big"), row.known_us.to_bytes(8, "big")]
    parts += [len(row.header).to_bytes(2, "big"), row.header, row.nonce, len(row.body).to_bytes(4, "big"), row.body]
    return hashlib.sha256(b"".join(parts)).digest()
