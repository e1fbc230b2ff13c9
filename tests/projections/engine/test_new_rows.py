"""What is said first of a fact goes into the table as it was read."""

from __future__ import annotations

import pytest

from events.order import parse_order
from projections.engine.facts.history import NewRow, new_row, row_of
from projections.engine.standing import Item, is_plainly_ordered, why_arrival
from projections.timeline import tables

NOON_US = 1_714_564_800_000_000  # 2024-05-01T12:00:00Z


def test_a_new_row_has_the_columns_of_the_table_in_their_order() -> None:
    assert NewRow._fields == tuple(tables.facts.entries.columns.keys())


def test_a_new_row_comes_back_from_the_one_that_may_change() -> None:
    new = NewRow._make(NewRow._fields)  # type: ignore[arg-type]
    assert new_row(row_of(new)) == new


@pytest.mark.parametrize(
    "order",
    [
        None,
        "7",
        "12345/2099-01-01T00:00:00Z/0",
        "2024-04-30T23:59:59Z/0",
        "2024-05-01T23:59:59Z/0",
        "2024-05-01T23:59:59-23:59",
        "2024-05-02T11:59:59Z/3",
        "2024-05-02T12:00:01Z",
        "2024-05-01",
        "2024-05-03",
        "2024-05-01T10:00:00.5Z",
        "2031-01-01T00:00:00Z",
        "2024-13-01",
    ],
)
def test_what_is_plainly_ordered_is_no_arrival(order: str | None) -> None:
    parsed = parse_order(order) if order is not None else None
    item = Item(0, NOON_US, "assert", parsed)
    if is_plainly_ordered(order, NOON_US):
        assert why_arrival(item, None) is None


@pytest.mark.parametrize("order", ["7", "2024-05-01T23:59:59Z/0", "1999-12-31T00:00:00Z/2"])
def test_the_usual_orders_are_plain(order: str) -> None:
    assert is_plainly_ordered(order, NOON_US)
