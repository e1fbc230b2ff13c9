"""Logs for witnesses: leaves in memory, signed with a key of their own, that tell the truth or not as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from events.checkpoints import ED25519, Checkpoint, Note, VerifierKey, origin_of, sign_checkpoint
from events.ledger import EMPTY, Tree, extended
from hub.witness.bodies import Asked
from hub.witness.declarations import Declaration, sign_declaration
from hub.witness.house import FileSigner

NAME = "log-7f3a"


class SignedLog:
    """A log of so many events. `flavour` makes another content of the same events' places."""

    def __init__(self, size: int = 0, *, epoch: str = "1-aaaa", signer: FileSigner | None = None) -> None:
        self.signer = signer or FileSigner(Ed25519PrivateKey.generate())
        self.epoch = epoch
        self.leaves: list[bytes] = []
        self.grow(size)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(NAME, ED25519, self.signer.public_key)

    @property
    def origin(self) -> str:
        return origin_of(NAME, self.epoch)

    def grow(self, more: int, flavour: str = "") -> None:
        start = len(self.leaves)
        self.leaves += [sha256(f"{flavour}{at}".encode()).digest() for at in range(start, start + more)]

    def cut(self, size: int, epoch: str) -> SignedLog:
        """The same log as a restore leaves it: its first events, in another epoch."""
        restored = SignedLog(epoch=epoch, signer=self.signer)
        restored.leaves = self.leaves[:size]
        return restored

    def root(self, size: int) -> bytes:
        return self._tree().root(size)

    def checkpoint(self, size: int | None = None) -> Note:
        size = len(self.leaves) if size is None else size
        return sign_checkpoint(Checkpoint(self.origin, size, self.root(size)), NAME, self.signer)

    def declaration(self, parent: str, size: int) -> Note:
        return sign_declaration(Declaration(self.origin, parent, size, self.root(size)), NAME, self.signer)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        return tuple(self._tree().consistency(old, new or len(self.leaves))) if old else ()

    def asks(self, old: int, size: int | None = None) -> bytes:
        """A request to cosign the tree of a size, from an old one on."""
        size = len(self.leaves) if size is None else size
        return bytes(Asked(old, self.consistency(old, size), (self.checkpoint(size),)))

    def declares(self, old: int, *declarations: Note) -> bytes:
        """A request to note this epoch, its proof from an old size on."""
        return bytes(Asked(old, self.consistency(old), (*declarations, self.checkpoint())))

    def _tree(self) -> Tree:
        _, tiles = extended(EMPTY, self.leaves)
        stored = {(tile.level, tile.number): tile.hash for tile in tiles}

        def nodes(level: int, first: int, count: int) -> Sequence[bytes]:
            numbers = range(first, first + count)
            return self.leaves[first : first + count] if not level else [stored[level, each] for each in numbers]

        return Tree(nodes)
