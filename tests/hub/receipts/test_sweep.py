"""What is found unfinished, left over or missing when the store is opened again."""

from pathlib import Path

import pytest

from adapters.sdk.outcome import Counts
from events.errors import Refused
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, not_mapped, quarantined
from tests.hub.receipts.keeping import LARGE, NORTH, OpenStore, a_receipt, finish, note, places, replace


def test_receipts_without_outcome_are_found_oldest_first(open_store: OpenStore) -> None:
    store = open_store()
    names = [store.store(NORTH, b"raw %d" % at).id for at in range(6)]
    for name in names[1::2]:
        finish(store, name, [accepted(1)])
    note(store, names[2], accepted(1))
    store.close()
    assert [receipt.id for receipt in open_store().unfinished()] == names[::2]


@pytest.mark.parametrize("is_reopened", [False, True])
@pytest.mark.parametrize("is_finished", [False, True])
def test_a_run_that_is_begun_again_forgets_what_was_noted(
    open_store: OpenStore, is_reopened: bool, is_finished: bool
) -> None:
    store = open_store()
    name = store.store(NORTH, b"raw").id
    note(store, name, accepted(1), quarantined(2), quarantined(3))
    replace(store, name, accepted(3))
    if is_finished:
        store.finish(name)
    if is_reopened:
        store.close()
        store = open_store()
    store.begin(name)
    assert store.receipt(name).counts == Counts()
    assert [receipt.id for receipt in store.unfinished()] == [name]
    finish(store, name, [accepted(1), quarantined(2), accepted(3)], [not_mapped(4)])
    assert store.receipt(name).status == "done"
    assert store.receipt(name).counts == Counts(4, 2, 2, 1, 1, 2, 0)
    assert places(store, name)[1:3] == [("2", "quarantined"), ("3", "accepted")]
    assert [entry.place for entry in store.quarantined()] == ["2"]
    (day,) = store.counts_by_day()
    assert (day.accepted, day.not_mapped, day.quarantined) == (2, 1, 1)
    assert list(store.unfinished()) == []


def test_a_receipt_just_stored_needs_no_beginning_and_stands_one(store: ReceiptStore) -> None:
    name = store.store(NORTH, b"raw").id
    store.begin(name)
    finish(store, name, [accepted(1)], [accepted(2)])
    assert store.receipt(name).counts.messages == 2


def test_a_message_keeps_its_quarantine_number_through_a_second_run(store: ReceiptStore) -> None:
    name = a_receipt(store, quarantined(1), quarantined(2))
    before = store.quarantined()
    store.begin(name)
    finish(store, name, [quarantined(1), quarantined(2)])
    assert store.quarantined() == before


def test_a_file_without_a_row_is_removed_at_start(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    kept = store.store(NORTH, LARGE).id
    store.close()
    (tmp_path / "receipts" / "R-0000000001").write_bytes(b"half")
    store = open_store()
    assert [path.name for path in (tmp_path / "receipts").iterdir()] == [kept]
    assert store.missing == ()


@pytest.mark.parametrize("harm", ["removed", "cut"])
def test_a_row_without_its_file_is_a_loud_finding(open_store: OpenStore, tmp_path: Path, harm: str) -> None:
    store = open_store()
    lost, kept = store.store(NORTH, LARGE).id, store.store(NORTH, LARGE).id
    store.close()
    if harm == "removed":
        (tmp_path / "receipts" / lost).unlink()
    else:
        (tmp_path / "receipts" / lost).write_bytes(LARGE[:-1])
    store = open_store()
    assert store.missing == (lost,)
    assert [receipt.id for receipt in store.unfinished()] == [kept]
    with pytest.raises(Refused, match=rf"receipt-bytes-missing: receipt {lost}: .*from a backup"):
        store.open(lost)
    assert store.receipt(lost).status == "received"
