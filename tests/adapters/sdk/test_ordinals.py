"""Counting equal keys of a file of any length."""

import tracemalloc
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.ordinals import Ordinals

KINDS = (st.integers(0, 9).map(str), st.binary(max_size=1), st.tuples(st.sampled_from("ab")))


@given(st.one_of(*map(st.lists, KINDS)))
def test_the_how_manieth_of_each_key_is_told(keys: Sequence[str | bytes | tuple[str, ...]]) -> None:
    ordinals = Ordinals()
    counted: Counter[object] = Counter()
    for key in keys:
        assert ordinals.next_of(key) == counted[key]
        counted[key] += 1


def test_many_keys_are_counted_right() -> None:
    ordinals = Ordinals()
    assert all(ordinals.next_of(f"row {number}") == 0 for number in range(50_000))
    assert all(ordinals.next_of(f"row {number}") == 1 for number in range(0, 50_000, 1_000))
    assert all(ordinals.next_of(f"row {number}") == 0 for number in range(50_000, 60_000))


def test_memory_is_a_few_bytes_a_key() -> None:
    keys = 60_000
    tracemalloc.start()
    ordinals = Ordinals()
    for number in range(keys):
        ordinals.next_of(f"row {number}, with a digest as long as a row's digest is")
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / keys < 40
    assert peak / keys < 80
