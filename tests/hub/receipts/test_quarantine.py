"""Messages that wait in quarantine, and what a retry makes of them."""

import pytest

from adapters.sdk.adapter import Message
from adapters.sdk.outcome import Counts
from adapters.sdk.receipts import Part
from events.clock import DrivenClock, from_us
from events.errors import Refused
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, not_mapped, quarantined
from tests.hub.receipts.keeping import KEYS, NORTH, SOUTH, OpenStore, a_receipt, finish, note, places, replace


def test_a_quarantined_message_waits_with_its_reason(store: ReceiptStore, clock: DrivenClock) -> None:
    name = a_receipt(store, accepted(1), quarantined("row 17", sender_id="M17"), arrival=SOUTH)
    (entry,) = store.quarantined()
    assert entry.name == f"Q-{entry.number:04d}"
    assert (entry.receipt, entry.agency, entry.system, entry.adapter) == (name, "south", "adt", "hl7v2")
    assert (entry.place, entry.sender_id, entry.file_name) == ("row 17", "M17", "adt.hl7")
    assert (entry.code, entry.where, entry.detail) == ("bad-segment", "PID-3", "the record cannot be told")
    assert (entry.state, entry.noted_us) == ("waiting", clock())
    assert store.quarantine_entry(entry.number) == entry


def test_the_quarantine_is_listed_by_agency_state_receipt_and_page(store: ReceiptStore) -> None:
    north = a_receipt(store, quarantined(1), quarantined(2), quarantined(3))
    south = a_receipt(store, quarantined(1), arrival=SOUTH)
    replace(store, north, accepted(2))
    everything = store.quarantined(state=None)
    assert [entry.number for entry in everything] == sorted(entry.number for entry in everything)
    assert len(everything) == 4
    assert [entry.place for entry in store.quarantined("north")] == ["1", "3"]
    assert [entry.receipt for entry in store.quarantined("south")] == [south]
    assert [entry.place for entry in store.quarantined(state="released")] == ["2"]
    assert [entry.place for entry in store.quarantined(receipt_id=north, state=None)] == ["1", "2", "3"]
    assert store.quarantined(receipt_id="nonsense") == []
    assert store.quarantined(after=everything[1].number, state=None) == everything[2:]
    assert store.quarantined(limit=2, state=None) == everything[:2]
    assert store.quarantined("nowhere") == []


def test_an_unknown_quarantine_number_is_told(store: ReceiptStore) -> None:
    with pytest.raises(Refused, match=r"unknown-quarantine-number: Q-0031: .*quarantine list"):
        store.quarantine_entry(31)


def test_a_retry_that_succeeds_releases_the_message(open_store: OpenStore) -> None:
    store = open_store()
    name = a_receipt(store, accepted(1), quarantined(2), accepted(3))
    (entry,) = store.quarantined()
    store.close()
    store = open_store()
    replace(store, name, accepted(2, findings=1))
    assert store.quarantined() == []
    assert store.quarantine_entry(entry.number).state == "released"
    assert store.receipt(name).status == "done"
    assert store.receipt(name).counts == Counts(3, 3, 1, 0, 0, 3, 0)
    assert places(store, name) == [("1", "accepted"), ("2", "accepted-with-findings"), ("3", "accepted")]
    (day,) = store.counts_by_day()
    assert (day.accepted, day.with_findings, day.quarantined) == (3, 1, 0)


def test_a_retry_that_fails_again_keeps_the_number_and_tells_the_new_reason(store: ReceiptStore) -> None:
    name = a_receipt(store, quarantined(1))
    (entry,) = store.quarantined()
    replace(store, name, quarantined(1, code="unknown-code"))
    (again,) = store.quarantined()
    assert again.number == entry.number
    assert again.code == "unknown-code"
    assert store.receipt(name).counts == Counts(messages=1, findings=2, quarantined=1)


def test_a_message_may_be_retried_again_and_again(store: ReceiptStore) -> None:
    name = a_receipt(store, quarantined(1), accepted(2))
    for outcome in (accepted(1), quarantined(1), not_mapped(1), accepted(1, duplicates=2)):
        replace(store, name, outcome)
        expected = Counts()
        expected.add([outcome, accepted(2)])
        assert store.receipt(name).counts == expected
        (day,) = store.counts_by_day()
        assert (day.accepted, day.not_mapped, day.quarantined) == (
            expected.accepted,
            expected.not_mapped,
            expected.quarantined,
        )
        assert len(store.quarantined()) == expected.quarantined


def test_a_message_may_be_retried_while_its_file_is_still_read(store: ReceiptStore) -> None:
    name = store.store(NORTH, b"raw").id
    note(store, name, quarantined(1), accepted(2))
    replace(store, name, accepted(1))
    finish(store, name, [accepted(9)], [quarantined(10)])
    assert [place for place, _ in places(store, name)] == ["1", "2", "9", "10"]
    assert store.receipt(name).counts == Counts(messages=4, accepted=3, findings=2, quarantined=1, events=3)
    assert [entry.place for entry in store.quarantined()] == ["10"]


def test_a_message_that_never_was_quarantined_is_not_replaced(store: ReceiptStore) -> None:
    name = a_receipt(store, accepted(1))
    replace(store, name, not_mapped(1))
    replace(store, name, accepted(2))
    assert places(store, name) == [("1", "accepted")]
    assert store.receipt(name).counts.messages == 1


def kept_for(store: ReceiptStore, who: str | None) -> str:
    """A receipt with one message in quarantine, whose record could be told or not, and one that was understood."""
    receipt = store.store(NORTH, b"raw").id
    owners = () if who is None else (KEYS.of(who),)
    parts = [Part(Message("1", b"one"), owners), Part(Message("2", b"two"), (KEYS.of("Bartholomew Fictitious"),))]
    store.note(receipt, [quarantined(1), accepted(2)], parts, are_last=True)
    return receipt


def waits(store: ReceiptStore) -> tuple[int, int, int]:
    """How many wait by the list, by the sums of days, and by those of receipts."""
    listed = store.quarantined()
    by_receipt = sum(store.receipt(each.receipt).counts.quarantined for each in store.quarantined(state=None))
    return len(listed), sum(day.quarantined for day in store.counts_by_day()), by_receipt


def test_what_nobody_could_read_for_thirty_days_waits_no_longer(store: ReceiptStore, clock: DrivenClock) -> None:
    receipt = kept_for(store, None)
    (entry,) = store.quarantined()
    assert waits(store) == (1, 1, 1)
    clock.set(from_us(entry.gone_at_us))
    for _ in range(2):
        store.forget_old()
        assert waits(store) == (0, 0, 0)
        assert store.quarantine_entry(entry.number) == entry._replace(state="expired")
        assert store.receipt(receipt).counts == Counts(messages=2, accepted=1, events=1, not_mapped=1)
        assert places(store, receipt) == [("1", "not-mapped"), ("2", "accepted")]


def test_what_is_kept_for_a_record_waits_on_and_goes_with_the_record(store: ReceiptStore, clock: DrivenClock) -> None:
    kept_for(store, "Ottoline Fictitious")
    (entry,) = store.quarantined()
    clock.set(from_us(entry.gone_at_us))
    store.forget_old()
    assert waits(store) == (1, 1, 1)
    store.drop_parts(KEYS.of("Bartholomew Fictitious").subject)
    assert waits(store) == (1, 1, 1)
    store.drop_parts(KEYS.of("Ottoline Fictitious").subject)
    assert waits(store) == (0, 0, 0)
    assert store.quarantine_entry(entry.number).state == "expired"
