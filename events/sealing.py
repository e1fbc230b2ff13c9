"""Sealing: AES-256-GCM, key ids that commit to their secret, wrapped secrets and the keys of a pair.

Pure but for random nonces. GCM does not commit to its key (one ciphertext opens under two keys), so a secret is named
by its own hash, and whoever unwraps one checks that name (docs/stored-bytes.md).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakSet

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES = 32
KEY_ID_BYTES = 24
NONCE_BYTES = 12
TAG_BYTES = 16
NO_KEY_ID = bytes(KEY_ID_BYTES)  # of rows from before sealing
WRAPPED_BYTES = NONCE_BYTES + SECRET_BYTES + TAG_BYTES
_KEY_ID_LABEL = b"tellonce/key-id/1\0"
_WRAP_LABEL = b"tellonce/wrapped-secret/1\0"
_PAGE_BYTES = 4_096


class DoesNotOpen(ValueError):
    """Sealed bytes that this key, or what they are bound to, does not open."""


class Drawn:
    """Random bytes of one size, drawn by the page: each draw lets go of the interpreter. For any thread."""

    def __init__(self, size_bytes: int, random: Callable[[int], bytes] = os.urandom) -> None:
        self._size = size_bytes
        self._random = random
        self._left: list[bytes] = []
        _ALL_DRAWN.add(self)

    def draw(self) -> bytes:
        try:
            return self._left.pop()  # in one step: no two threads get the same one
        except IndexError:
            page = self._random(_PAGE_BYTES // self._size * self._size)
            fresh = [page[at : at + self._size] for at in range(0, len(page), self._size)]
            first = fresh.pop()
            self._left.extend(fresh)
            return first

    def forget(self) -> None:
        self._left.clear()


def _forget_all() -> None:
    """A forked twin would hand out the same ones."""
    for drawn in list(_ALL_DRAWN):
        drawn.forget()


_ALL_DRAWN: WeakSet[Drawn] = WeakSet()
os.register_at_fork(after_in_child=_forget_all)
_NONCES = Drawn(NONCE_BYTES)


class Cipher:
    """AES-256-GCM under one key; every sealing draws a nonce of its own.

    The key is kept and the cipher made of it at each use: a made one takes 2.5 KB, and 3 µs to make.
    """

    __slots__ = ("_draw", "_key")

    def __init__(self, key: bytes, draw: Callable[[], bytes] = _NONCES.draw) -> None:
        self._key = key
        self._draw = draw

    def seal(self, text: bytes, about: bytes) -> tuple[bytes, bytes]:
        """Nonce and sealed bytes, 16 longer than the text; `about` is bound to them but not in them."""
        nonce = self._draw()
        return nonce, AESGCM(self._key).encrypt(nonce, text, about)

    def open(self, nonce: bytes, sealed: bytes, about: bytes) -> bytes:
        """Raises DoesNotOpen."""
        return opened(self.made(), nonce, sealed, about)

    def made(self) -> AESGCM:
        """For many openings under one key, one after the other (`opened`)."""
        return AESGCM(self._key)


def opened(cipher: AESGCM, nonce: bytes, sealed: bytes, about: bytes) -> bytes:
    """Raises DoesNotOpen."""
    try:
        return cipher.decrypt(nonce, sealed, about)
    except (InvalidTag, ValueError) as error:  # a nonce of another length is a ValueError
        raise DoesNotOpen from error


def key_id_of(secret: bytes) -> bytes:
    """First 24 bytes of SHA-256(label ‖ secret)."""
    return hashlib.sha256(_KEY_ID_LABEL + secret).digest()[:KEY_ID_BYTES]


class SecretName(NamedTuple):
    """Which secret it is: whose, of which subject, of which class, and its key id."""

    agency: str
    subject: bytes
    retention: str
    key_id: bytes

    @property
    def about(self) -> bytes:
        """What a wrapped secret is bound to; with lengths, so that no boundary can be moved."""
        agency, retention = self.agency.encode(), self.retention.encode()
        lengths = bytes((len(agency), len(retention)))
        return b"".join((_WRAP_LABEL, lengths, agency, self.subject, retention, self.key_id))


def wrap(cipher: Cipher, name: SecretName, secret: bytes) -> bytes:
    """12 bytes of nonce ‖ sealed secret ‖ tag, 60 bytes in all."""
    return b"".join(cipher.seal(secret, name.about))


def unwrap(cipher: Cipher, name: SecretName, wrapped: bytes) -> bytes:
    """The secret. Raises DoesNotOpen, also where it is not the one that the key id names."""
    secret = cipher.open(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.about)
    if key_id_of(secret) != name.key_id:
        raise DoesNotOpen
    return secret
