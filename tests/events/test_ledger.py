"""The tree: equal to pymerkle's and to the RFC's own recursion for all sizes to 130, and no mutated proof is taken."""

import hashlib
import random
from collections.abc import Sequence
from functools import cache

import pymerkle
import pytest

from events.ledger import (
    EMPTY,
    EMPTY_ROOT,
    TILE_WIDTH,
    BrokenTree,
    Edge,
    Tile,
    Tree,
    extended,
    extends,
    folded,
    includes,
    node,
    root_of,
)
from tests.counts import times

SIZE_MAX = 130


def entry(number: int) -> bytes:
    return b"entry %d" % number


def leaf(number: int) -> bytes:
    return hashlib.sha256(b"\0" + entry(number)).digest()


class Stored:
    """Leaves and tiles as a log stores them."""

    def __init__(self, count: int) -> None:
        self.leaves = [leaf(number) for number in range(count)]
        self.edge, tiles = extended(EMPTY, self.leaves)
        self.tiles = {(tile.level, tile.number): tile.hash for tile in tiles}

    def nodes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        if level == 0:
            return self.leaves[first : first + count]
        wanted = [(level, number) for number in range(first, first + count)]
        return [self.tiles[each] for each in wanted if each in self.tiles]


@pytest.fixture(scope="module")
def small() -> Tree:
    return Tree(Stored(SIZE_MAX).nodes)


@pytest.fixture(scope="module")
def large() -> Stored:
    return Stored(70_000)


# ---- the RFC's own words, as they stand there


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


@cache
def mth(start: int, end: int) -> bytes:
    if end - start < 2:
        return leaf(start) if end > start else hashlib.sha256(b"").digest()
    k = split(end - start)
    return hashlib.sha256(b"\1" + mth(start, start + k) + mth(start + k, end)).digest()


def path(m: int, start: int, end: int) -> list[bytes]:
    if end - start == 1:
        return []
    k = split(end - start)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, end)]
    return [*path(m - k, start + k, end), mth(start, start + k)]


def subproof(m: int, start: int, end: int, is_whole: bool = True) -> list[bytes]:
    if m == end - start:
        return [] if is_whole else [mth(start, end)]
    k = split(end - start)
    if m <= k:
        return [*subproof(m, start, start + k, is_whole), mth(start + k, end)]
    return [*subproof(m - k, start + k, end, False), mth(start, start + k)]


# ---- equal to both oracles


def test_roots_and_inclusion_proofs_are_pymerkles_and_the_rfcs(small: Tree) -> None:
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    assert small.root(0) == root_of(EMPTY) == EMPTY_ROOT == oracle.get_root(0)
    edge = EMPTY
    for size in range(1, SIZE_MAX + 1):
        oracle.append_entry(entry(size - 1))
        edge, _ = extended(edge, [leaf(size - 1)])
        assert root_of(edge) == small.root(size) == oracle.get_root() == mth(0, size)
        for index in range(size):
            proof = small.inclusion(index, size)
            assert proof == oracle.prove_inclusion(index + 1, size).path[1:] == path(index, 0, size)
            assert includes(leaf(index), index, size, proof, small.root(size))


def test_consistency_proofs_are_the_rfcs_and_both_libraries_take_them(small: Tree) -> None:
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    for new in range(1, SIZE_MAX + 1):
        oracle.append_entry(entry(new - 1))
        for old in range(1, new + 1):
            proof = small.consistency(old, new)
            assert proof == subproof(old, 0, new)
            assert extends(old, small.root(old), new, small.root(new), proof)
            if (old + new) % times(5, proof=1) == 0:
                pymerkle.verify_consistency(small.root(old), small.root(new), oracle.prove_consistency(old, new))


def test_the_examples_of_rfc_6962_hold() -> None:
    """The roots of the test vectors that Certificate Transparency's own implementations share."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [hashlib.sha256(b"\0" + bytes.fromhex(each)).digest() for each in entries]
    roots = [root_of(extended(EMPTY, leaves[:size])[0]).hex() for size in (0, 1, 2, 3, 8)]
    assert roots == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]


# ---- tiles and the edge


def test_tiles_are_the_roots_of_complete_subtrees(large: Stored) -> None:
    counts = {level: sum(each == level for each, _ in large.tiles) for level in range(1, 6)}
    assert counts == {level: 70_000 // TILE_WIDTH**level for level in range(1, 6)}
    assert large.tiles[1, 7] == folded(large.leaves[7 * TILE_WIDTH : 8 * TILE_WIDTH])
    assert large.tiles[3, 2] == folded(large.leaves[2 * TILE_WIDTH**3 : 3 * TILE_WIDTH**3])


def test_the_edge_is_rebuilt_from_what_is_stored(large: Stored) -> None:
    assert Tree(large.nodes).edge(70_000) == large.edge


def test_appending_in_parts_gives_what_appending_at_once_gives() -> None:
    chance = random.Random(4)
    for _ in range(times(30, proof=500)):
        count = chance.randrange(1, 1_500)
        leaves = [leaf(number) for number in range(count)]
        whole, tiles = extended(EMPTY, leaves)
        edge, parted, at = EMPTY, list[Tile](), 0
        while at < count:
            step = chance.randrange(1, 400)
            edge, more = extended(edge, leaves[at : at + step])
            parted, at = parted + more, at + step
        assert (edge, parted) == (whole, tiles)


def test_proofs_of_a_large_tree_hold(large: Stored) -> None:
    tree, chance = Tree(large.nodes), random.Random(4)
    for _ in range(times(100, proof=3_000)):
        size = chance.randrange(1, 70_001)
        index, old = chance.randrange(size), chance.randrange(1, size + 1)
        root = tree.root(size)
        assert includes(large.leaves[index], index, size, tree.inclusion(index, size), root)
        assert extends(old, tree.root(old), size, root, tree.consistency(old, size))


def test_a_missing_tile_is_told() -> None:
    stored = Stored(600)
    del stored.tiles[2, 1]
    with pytest.raises(BrokenTree, match=r"broken-tree: log: nodes of level 2 from 0 on are missing"):
        Tree(stored.nodes).root(600)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (6, 5)])
def test_no_inclusion_is_proved_of_a_leaf_beyond_the_tree(small: Tree, index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        small.inclusion(index, size)
    assert not includes(leaf(0), index, size, [], leaf(0))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_no_consistency_is_proved_with_nothing_or_with_less(small: Tree, old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no such sizes"):
        small.consistency(old, new)
    assert not extends(old, EMPTY_ROOT, new, small.root(max(new, 0)), [])
    assert not extends(old, EMPTY_ROOT, new, small.root(max(new, 0)), [small.root(5)])


# ---- mutated proofs


def mutations(proof: list[bytes], chance: random.Random) -> list[list[bytes]]:
    """The same proof with a bit flipped, a node dropped, doubled, added, swapped, cut short or made longer."""
    changed = [[*proof, leaf(0)], [leaf(0), *proof], [*proof, *proof, leaf(1)]]
    for at, each in enumerate(proof):
        bit = chance.randrange(256)
        flipped = bytearray(each)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        changed += [
            [*proof[:at], bytes(flipped), *proof[at + 1 :]],
            [*proof[:at], *proof[at + 1 :]],
            [*proof[: at + 1], *proof[at:]],
            [*proof[:at], each[:-1], *proof[at + 1 :]],
            [*proof[:at], each + b"\0", *proof[at + 1 :]],
        ]
        if at and proof[at - 1] != each:
            changed.append([*proof[: at - 1], each, proof[at - 1], *proof[at + 1 :]])
    return changed


def test_mutated_inclusion_proofs_are_refused(small: Tree) -> None:
    chance = random.Random(4)
    for _ in range(times(150, proof=3_000)):
        size = chance.randrange(1, SIZE_MAX + 1)
        index = chance.randrange(size)
        proof, root, told = small.inclusion(index, size), small.root(size), leaf(index)
        assert not any(includes(told, index, size, each, root) for each in mutations(proof, chance))
        assert not any(includes(told, other, size, proof, root) for other in range(-1, size + 1) if other != index)
        assert not includes(told, index, 0, proof, root)
        assert not includes(told, index, 2 * size, proof, root)
        assert not includes(leaf(index + 1), index, size, proof, root)
        assert not includes(told, index, size, proof, small.root(size - 1))


def test_mutated_consistency_proofs_are_refused(small: Tree) -> None:
    chance = random.Random(4)
    for _ in range(times(150, proof=3_000)):
        new = chance.randrange(2, SIZE_MAX + 1)
        old = chance.randrange(1, new)
        proof, before, after = small.consistency(old, new), small.root(old), small.root(new)
        assert not any(extends(old, before, new, after, each) for each in mutations(proof, chance))
        assert not any(extends(other, before, new, after, proof) for other in range(-1, new + 2) if other != old)
        assert not extends(old, before, 0, after, proof)
        assert not extends(old, before, 2 * new, after, proof)
        assert not extends(old, after, new, before, proof)
        assert not extends(old, small.root(old - 1), new, after, proof)
        assert not extends(old, before, new, small.root(new - 1), proof)


def test_the_same_size_needs_the_same_root_and_no_proof(small: Tree) -> None:
    root = small.root(9)
    assert extends(9, root, 9, root, [])
    assert not extends(9, root, 9, root, [root])
    assert not extends(9, root, 9, small.root(8), [])


def test_a_node_is_never_a_leaf() -> None:
    left, right = leaf(0), leaf(1)
    assert node(left, right) != hashlib.sha256(b"\0" + left + right).digest()
    assert extended(Edge(0, ()), [left, right])[0].peaks == (node(left, right),)
