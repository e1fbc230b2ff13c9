"""Whether a secret is really gone: every window of every byte that is left is tried, as a key and as a wrapped one.

GCM's tag is not asked: what it protects is the counter mode of AES, and the key id is a hash of the secret, so a window
that decrypts to the secret is found whatever it was bound to, and with its tag cut off.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from events.sealing import NONCE_BYTES, SECRET_BYTES, key_id_of
from tests.traces.looking import contents

_WRAPPED_BYTES = NONCE_BYTES + SECRET_BYTES
_FIRST, _SECOND = b"\0\0\0\2", b"\0\0\0\3"  # counters of GCM's first two blocks (NIST SP 800-38D, 7.1)
_PIECE_BYTES = 1 << 16


def secrets_in(
    folders: Collection[Path], key_ids: Collection[bytes], wrapping: Collection[bytes]
) -> dict[bytes, bytes]:
    """The secrets with these key ids that somebody gets who has all these files and these wrapping keys; by key id."""
    found: dict[bytes, bytes] = {}
    for folder in folders:
        for _, content in contents(folder):
            found |= secrets_in_bytes(content, set(key_ids), wrapping)
    return found


def secrets_in_bytes(content: bytes, key_ids: Collection[bytes], wrapping: Collection[bytes]) -> dict[bytes, bytes]:
    found = {}
    for secret in _candidates(content, wrapping):
        key_id = key_id_of(secret)
        if key_id in key_ids:
            found[key_id] = secret
    return found


def unwrapped(key: bytes, wrapped: bytes) -> bytes:
    """What is wrapped, whatever it is bound to."""
    (secret,) = _unwrapped(wrapped, 0, 1, key)
    return secret


def _candidates(content: bytes, wrapping: Collection[bytes]) -> Iterator[bytes]:
    for start, end in _random(content, SECRET_BYTES):
        for at in range(start, end):
            yield content[at : at + SECRET_BYTES]
    for start, end in _random(content, _WRAPPED_BYTES):
        for key in wrapping:
            yield from _unwrapped(content, start, end, key)


def _random(content: bytes, size: int) -> Iterator[tuple[int, int]]:
    """Where windows of a size may begin that could be chance: not those of text and zeros alone."""
    start = 0
    for plain in re.finditer(rb"[\0-\x7f]{%d,}" % size, content):
        yield from _pieces(start, plain.start())
        start = plain.end() - size + 1
    yield from _pieces(start, len(content) - size + 1)


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end, _PIECE_BYTES):
        yield at, min(at + _PIECE_BYTES, end)


def _unwrapped(content: bytes, start: int, end: int, key: bytes) -> Iterator[bytes]:
    """What each window decrypts to: many at once, since a cipher for each would take ten times as long."""
    nonces = [content[at : at + NONCE_BYTES] for at in range(start, end)]
    stream = _encrypted(key, b"".join([nonce + count for nonce in nonces for count in (_FIRST, _SECOND)]))
    sealed = b"".join([content[at + NONCE_BYTES : at + _WRAPPED_BYTES] for at in range(start, end)])
    plain = (int.from_bytes(stream, "big") ^ int.from_bytes(sealed, "big")).to_bytes(len(stream), "big")
    for at in range(0, len(plain), SECRET_BYTES):
        yield plain[at : at + SECRET_BYTES]


def _encrypted(key: bytes, blocks: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # the counter mode's own blocks
    return encryptor.update(blocks) + encryptor.finalize()
