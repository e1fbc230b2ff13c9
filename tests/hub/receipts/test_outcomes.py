"""What became of the messages of a receipt, noted while they are read."""

import pytest

from adapters.sdk.outcome import Counts, MessageOutcome
from events.errors import Refused
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, not_mapped, quarantined
from tests.hub.receipts.keeping import NORTH, SOUTH, OpenStore, a_receipt, finish, note, places


def test_a_receipt_tells_what_became_of_it(store: ReceiptStore) -> None:
    receipt = store.store(SOUTH, b"raw")
    assert store.receipt(receipt.id).status == "received"
    outcomes = [accepted(1, sender_id="M1"), accepted(2, findings=2, duplicates=3), not_mapped(3), quarantined(4)]
    finish(store, receipt.id, outcomes)
    status = store.receipt(receipt.id)
    assert status.receipt == receipt
    assert status.status == "done"
    assert status.counts == Counts(4, 2, 4, 1, 1, 1, 3)
    assert store.outcomes(receipt.id) == list(enumerate(outcomes, 1))


def test_counts_can_be_watched_while_messages_are_read(store: ReceiptStore) -> None:
    receipt = store.store(NORTH, b"raw")
    note(store, receipt.id, accepted(1), accepted(2))
    note(store, receipt.id, not_mapped(3))
    assert store.receipt(receipt.id).status == "received"
    assert store.receipt(receipt.id).counts == Counts(messages=3, accepted=2, not_mapped=1, events=2)


def test_a_receipt_without_messages_is_done_too(store: ReceiptStore) -> None:
    receipt = store.store(NORTH, b"")
    note(store, receipt.id)
    store.finish(receipt.id)
    assert store.receipt(receipt.id).status == "done"
    assert store.outcomes(receipt.id) == []
    assert list(store.unfinished()) == []


def test_outcomes_come_in_pages(store: ReceiptStore) -> None:
    receipt = store.store(NORTH, b"raw")
    batches = [[accepted(n) for n in range(at, at + size)] for at, size in ((0, 10), (10, 1), (11, 14), (25, 5))]
    finish(store, receipt.id, *batches)
    paged: list[tuple[int, MessageOutcome]] = []
    while page := store.outcomes(receipt.id, paged[-1][0] if paged else 0, 7):
        assert len(page) <= 7
        paged += page
    assert [at for at, _ in paged] == list(range(1, 31))
    assert [outcome.place for _, outcome in paged] == [str(n) for n in range(30)]
    assert len(store.outcomes(receipt.id, 24, 100)) == 6
    assert store.outcomes(receipt.id, 30) == []


def test_outcomes_are_there_after_reopening(open_store: OpenStore) -> None:
    store = open_store()
    name = a_receipt(store, accepted(1), quarantined(2))
    store.close()
    store = open_store()
    assert store.receipt(name).counts.messages == 2
    assert places(store, name) == [("1", "accepted"), ("2", "quarantined")]
    assert len(store.quarantined()) == 1


def test_noting_for_an_unknown_receipt_harms_no_other(store: ReceiptStore) -> None:
    with pytest.raises(Refused, match="unknown-receipt"):
        note(store, "R-0000000000", accepted(1))
    name = a_receipt(store, accepted(1))
    assert store.receipt(name).status == "done"
