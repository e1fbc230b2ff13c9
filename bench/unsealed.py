"""The same program with a cipher that does nothing, to measure what sealing costs. For the bench alone.

The product has no such way: its log refuses what no key names, and these rows name keys. Their bytes lie in clear, as
long as they would be sealed, so no home that was made here may be kept, or opened again outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from events.ledger import Edge, Tile
from events.sealing import NONCE_BYTES, TAG_BYTES, Cipher
from hub.continuity import Continuity

NO_LEAF = bytes(32)
_NO_NONCE = bytes(NONCE_BYTES)
_NO_TAG = bytes(TAG_BYTES)


class _Nothing:
    """In the place of AES-256-GCM: the text as it is, and a tag of zeros."""

    def __init__(self, key: bytes) -> None:
        pass

    def encrypt(self, nonce: bytes, text: bytes, about: bytes | None) -> bytes:
        return text + _NO_TAG

    def decrypt(self, nonce: bytes, sealed: bytes, about: bytes | None) -> bytes:
        return sealed[:-TAG_BYTES]


@contextmanager
def unsealed() -> Iterator[None]:
    """Whatever is sealed inside stays as it is, and only that opens inside: events, receipts, wrapped secrets."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Cipher, "seal", _seal))
        for module in ("events.sealing", "hub.receipts.files"):
            stack.enter_context(patch(f"{module}.AESGCM", _Nothing))
        yield


def lies_in_clear(sealed: bytes) -> bool:
    """Whether bytes went through the cipher that does nothing; a true tag is all zeros once in 2^128."""
    return sealed.endswith(_NO_TAG)


def _seal(cipher: Cipher, text: bytes, about: bytes) -> tuple[bytes, bytes]:
    return _NO_NONCE, text + _NO_TAG


@contextmanager
def without_tree() -> Iterator[None]:
    """Logs that are opened inside have leaves of zeros, no tiles, and sign nothing."""
    with ExitStack() as stack:
        stack.enter_context(patch("events.log.sqlite.leaf_hash", lambda offset, known_us, sealed: NO_LEAF))
        stack.enter_context(patch("events.log.sqlite.extended", _counted))
        stack.enter_context(patch.object(Continuity, "note", lambda continuity: None))
        yield


def _counted(edge: Edge, leaves: Iterable[bytes]) -> tuple[Edge, list[Tile]]:
    return Edge(edge.size + sum(1 for _ in leaves), ()), []
