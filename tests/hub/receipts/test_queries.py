"""Answers to "what happened to this message?", and the sums of a day."""

from datetime import UTC, datetime

from events.clock import DrivenClock
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, not_mapped, quarantined
from tests.hub.receipts.keeping import SOUTH, a_receipt, replace


def test_a_message_is_found_by_its_senders_id(store: ReceiptStore) -> None:
    north = a_receipt(store, accepted(1, sender_id="M1"), accepted(2, sender_id='M"2'), accepted(3))
    south = a_receipt(store, quarantined(1, sender_id="M1"), arrival=SOUTH)
    found = store.find(sender_id="M1")
    assert [(each.receipt.id, each.outcome.place) for each in found] == [(south, "1"), (north, "1")]
    assert [each.receipt.id for each in store.find(sender_id="M1", agency="north")] == [north]
    assert [each.outcome.place for each in store.find(sender_id='M"2')] == ["2"]
    assert len(store.find(sender_id="M1", limit=1)) == 1
    assert store.find(sender_id="accepted") == store.find(sender_id="M") == store.find(sender_id="2") == []


def test_a_found_message_tells_its_newest_outcome(store: ReceiptStore) -> None:
    name = a_receipt(store, quarantined(1, sender_id="M1"))
    replace(store, name, accepted(1, sender_id="M1"))
    assert [each.outcome.state for each in store.find(sender_id="M1")] == ["accepted"]


def test_sums_are_kept_per_agency_system_and_day(store: ReceiptStore, clock: DrivenClock) -> None:
    clock.set(datetime(2024, 2, 29, 23, 59, tzinfo=UTC))
    a_receipt(store, accepted(1), accepted(2, findings=1), not_mapped(3))
    a_receipt(store, quarantined(1), arrival=SOUTH)
    clock.set(datetime(2024, 3, 1, 0, 1, tzinfo=UTC))
    a_receipt(store, accepted(1))
    a_receipt(store, accepted(1))
    assert [tuple(day[:-1]) for day in store.counts_by_day()] == [
        ("north", "housing", "2024-02-29", 1, 2, 1, 1, 0),
        ("north", "housing", "2024-03-01", 2, 2, 0, 0, 0),
        ("south", "adt", "2024-02-29", 1, 0, 0, 0, 1),
    ]
    assert [day.last_received_us for day in store.counts_by_day()][1] == clock()


def test_days_are_those_of_the_hubs_zone(store: ReceiptStore, clock: DrivenClock) -> None:
    clock.set(datetime(2024, 6, 30, 23, 30, tzinfo=UTC))
    a_receipt(store, accepted(1))
    assert [day.day for day in store.counts_by_day()] == ["2024-07-01"]
