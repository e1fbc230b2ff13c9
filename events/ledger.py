"""The Merkle tree over the log's leaves (RFC 9162, 2.1): appended to in memory, proved from what is stored.

A leaf is hashed elsewhere (SHA-256 of 0x00 and a row); a node is SHA-256(0x01 ‖ left ‖ right). Stored are the leaves
and **tiles**: tile n of level L is the root of the complete subtree over 16^L leaves from n * 16^L on. Levels begin at
1; at level 0 the leaves themselves stand. Pure: nodes are read through a function.

Sixteen, and not 256, because a proof reads and hashes up to a tile's width of nodes at each level: at a million leaves
a proof from a freshly opened file took 1.7 ms of 256-wide tiles, and their narrowest range is sixteen times as wide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from events.errors import HubError

HASH_BYTES = 32
TILE_HEIGHT = 4
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()

Nodes = Callable[[int, int, int], Sequence[bytes]]
"""(level, first number, count) to the hashes: leaves at level 0, tiles above."""


class BrokenTree(HubError):
    """Nodes that the tree needs are not stored: the log was damaged."""


class Tile(NamedTuple):
    level: int
    number: int
    hash: bytes


class Edge(NamedTuple):
    """The right edge of a tree: the roots of its complete subtrees, one for each bit of its size, largest first."""

    size: int
    peaks: tuple[bytes, ...]


EMPTY = Edge(0, ())


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def extended(edge: Edge, leaves: Iterable[bytes]) -> tuple[Edge, list[Tile]]:
    """The edge after more leaves, and the tiles that they complete, in order."""
    size, peaks = edge.size, list(edge.peaks)
    tiles: list[Tile] = []
    for leaf in leaves:
        root, number, height = leaf, size, 0
        while number & 1:
            root = sha256(b"\1" + peaks.pop() + root).digest()
            number >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                tiles.append(Tile(height // TILE_HEIGHT, number, root))
        peaks.append(root)
        size += 1
    return Edge(size, tuple(peaks)), tiles


def root_of(edge: Edge) -> bytes:
    """The root of the whole tree; SHA-256 of nothing where it is empty."""
    if not edge.peaks:
        return EMPTY_ROOT
    *left, root = edge.peaks
    for peak in reversed(left):
        root = node(peak, root)
    return root


def folded(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [sha256(b"\1" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


class Tree:
    """Roots and proofs of a stored tree, for any size up to what is stored.

    Sizes and indices beyond what is asked raise ValueError; a node that is not stored raises BrokenTree
    `broken-tree`.
    """

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def edge(self, size: int) -> Edge:
        return Edge(size, tuple(_Sized(self._nodes, size).peaks(0, size)))

    def root(self, size: int) -> bytes:
        return root_of(self.edge(size))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the leaf at `index` is in the tree of `size`, from the leaf upwards."""
        if not 0 <= index < size:
            raise ValueError("no such leaf")
        tree, proof = _Sized(self._nodes, size), list[bytes]()
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(tree.over(middle, end))
                end = middle
            else:
                proof.append(tree.over(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `old` leaves is the beginning of that of `new`; `old` may not be 0.

        From nothing every tree may follow: such a proof would say nothing and look like one.
        """
        if not 0 < old <= new:
            raise ValueError("no such sizes")
        tree, proof = _Sized(self._nodes, new), list[bytes]()
        start, end, is_old_root = 0, new, True
        while end != old:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(tree.over(middle, end))
                end = middle
            else:
                proof.append(tree.over(start, middle))
                start, is_old_root = middle, False
        if not is_old_root:
            proof.append(tree.over(start, end))
        return proof[::-1]


class _Sized:
    """The nodes of a tree of one size; each tile's are read once."""

    def __init__(self, nodes: Nodes, size: int) -> None:
        self._nodes = nodes
        self._size = size
        self._read: dict[tuple[int, int], Sequence[bytes]] = {}

    def over(self, start: int, end: int) -> bytes:
        """The root over some leaves."""
        return root_of(Edge(end - start, tuple(self.peaks(start, end))))

    def peaks(self, start: int, end: int) -> Iterable[bytes]:
        """The roots of the complete subtrees over some leaves, largest first."""
        while start < end:
            height = (end - start).bit_length() - 1
            yield self._subtree(height, start >> height)
            start += 1 << height

    def _subtree(self, height: int, number: int) -> bytes:
        """The root of a complete subtree, from the highest level that is stored below it."""
        level, above = divmod(height, TILE_HEIGHT)
        tile, at = divmod(number << above, TILE_WIDTH)
        if (level, tile) not in self._read:
            self._read[level, tile] = self._tile(level, tile * TILE_WIDTH)
        return folded(self._read[level, tile][at : at + (1 << above)])

    def _tile(self, level: int, first: int) -> Sequence[bytes]:
        count = min(TILE_WIDTH, (self._size >> TILE_HEIGHT * level) - first)
        hashes = self._nodes(level, first, count)
        if len(hashes) != count:
            raise BrokenTree(
                "broken-tree",
                f"nodes of level {level} from {first} on are missing",
                where="log",
                next_step="Run `tellonce log verify` and restore from a backup.",
            )
        return hashes


def _split(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1


# ---- what a verifier does (RFC 9162, 2.1.3.2 and 2.1.4.2)


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that the leaf stands at `index` of the tree of `size` with this root."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for sibling in proof:
        if not last or len(sibling) != HASH_BYTES:
            return False
        if number & 1 or number == last:
            found = node(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node(found, sibling)
        number, last = number >> 1, last >> 1
    return not last and found == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of `old` leaves is the beginning of that of `new`. Never for `old` 0."""
    if not 0 < old <= new or any(len(each) != HASH_BYTES for each in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if not old & (old - 1) else list(proof)
    if not path:
        return False
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = path[0]
    for each in path[1:]:
        if not last:
            return False
        if number & 1 or number == last:
            first, second = node(each, first), node(each, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node(second, each)
        number, last = number >> 1, last >> 1
    return not last and first == old_root and second == new_root
