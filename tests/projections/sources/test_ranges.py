"""Numbers of a sequence that came and did not come, whatever the order in which they come and go."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from projections.engine.testing import empty_view
from projections.sources import ranges
from projections.sources.fold import SourcesProjection
from projections.sources.queries import states


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=40))
def test_ranges_are_those_of_the_set_of_numbers(steps: list[tuple[bool, int]]) -> None:
    db = empty_view(SourcesProjection())
    there: set[int] = set()
    for is_added, number in steps:
        if is_added:
            ranges.add(db, "a", number)
            there.add(number)
        elif number in there:
            ranges.remove(db, "a", number)
            there.remove(number)
    found = db.execute("SELECT first, last FROM sources_ranges ORDER BY first").fetchall()
    assert [number for first, last in found for number in range(first, last + 1)] == sorted(there)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


def test_what_lies_between_two_ranges_has_not_come() -> None:
    db = empty_view(SourcesProjection())
    db.execute("INSERT INTO sources_sums VALUES('a', 3, 0), ('b', 1, 0)")
    for source, number in (("a", 4), ("a", 9), ("a", 5), ("b", 40)):
        ranges.add(db, source, number)
    assert [(state.source, state.missing) for state in states(db)] == [("a", ((6, 8),)), ("b", ())]
