"""The store of receipts: raw first, outcomes after, answers to "what happened to this message?"."""

import hashlib
import io
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import apsw
import pytest

from adapters.sdk.adapter import Finding
from adapters.sdk.outcome import Counts, EventOutcome, MessageOutcome
from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock
from events.errors import Refused, TryAgainLater, WrongSettings
from hub.receipts import writer
from hub.receipts.store import ROW_MAX_BYTES, ReceiptStore
from tests.small_disk import mounted

NORTH = Arrival("north", "housing", "cloudevents")
SOUTH = Arrival("south", "adt", "hl7v2", "adt.hl7", {"wards": ["7"]})
LARGE = bytes(range(256)) * 5_000
OpenStore = Callable[..., ReceiptStore]


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))


@pytest.fixture
def open_store(tmp_path: Path, clock: DrivenClock) -> Iterator[OpenStore]:
    opened: list[ReceiptStore] = []

    def open_it(**settings: Any) -> ReceiptStore:
        opened.append(ReceiptStore(tmp_path, clock=clock, **settings))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> ReceiptStore:
    return open_store()


def accepted(place: object, *, sender_id: str | None = None, findings: int = 0, duplicates: int = 0) -> MessageOutcome:
    events = tuple(EventOutcome(f"{at:064x}", f"e:main-0:{at}", at < duplicates) for at in range(max(1, duplicates)))
    found = tuple(Finding("odd-value", f"column {at}", "not in the code list") for at in range(findings))
    state = "accepted-with-findings" if findings else "accepted"
    return MessageOutcome(str(place), state, sender_id, "", found, events)  # type: ignore[arg-type]


def not_mapped(place: object) -> MessageOutcome:
    return MessageOutcome(str(place), "not-mapped", reason="trigger ADT^A60")


def quarantined(place: object, *, code: str = "bad-segment", sender_id: str | None = None) -> MessageOutcome:
    why = Finding(code, "PID-3", "the record cannot be told")
    return MessageOutcome(str(place), "quarantined", sender_id, "", (why, Finding("odd-value", "PID-8")))


def finish(store: ReceiptStore, receipt_id: str, *batches: list[MessageOutcome]) -> None:
    for batch in batches:
        store.note(receipt_id, batch)
    store.finish(receipt_id)


def a_receipt(store: ReceiptStore, *outcomes: MessageOutcome, arrival: Arrival = NORTH) -> str:
    receipt = store.store(arrival, b"raw")
    finish(store, receipt.id, list(outcomes))
    return receipt.id


def places(store: ReceiptStore, receipt_id: str) -> list[tuple[str, str]]:
    return [(outcome.place, outcome.state) for _, outcome in store.outcomes(receipt_id)]


# ---- raw bytes


@pytest.mark.parametrize("raw", [b"", b"MSH|^~\\&", b"\0" * 1_000, LARGE[:ROW_MAX_BYTES], LARGE])
@pytest.mark.parametrize("as_stream", [False, True])
def test_raw_bytes_are_kept_as_they_came(
    open_store: OpenStore, tmp_path: Path, raw: bytes, as_stream: bool, clock: DrivenClock
) -> None:
    store = open_store()
    receipt = store.store(SOUTH, io.BytesIO(raw) if as_stream else raw)
    assert receipt.size_bytes == len(raw)
    assert receipt.sha256 == hashlib.sha256(raw).hexdigest()
    assert receipt.received_us == clock()
    store.close()
    found, stream = open_store().open(receipt.id)
    with stream:
        assert stream.read() == raw
    assert found == receipt
    assert found.arrival == SOUTH
    assert [path.name for path in (tmp_path / "receipts").iterdir()] == ([receipt.id] if raw == LARGE else [])


def test_a_stream_that_gives_few_bytes_at_a_time_is_kept_whole(store: ReceiptStore) -> None:
    class Trickle(io.RawIOBase):
        def __init__(self, raw: bytes) -> None:
            self._rest = raw

        def read(self, size: int = -1) -> bytes:
            part, self._rest = self._rest[:70_001], self._rest[70_001:]
            return part

    for raw in (b"short", LARGE):
        receipt = store.store(NORTH, cast(BinaryIO, Trickle(raw)))
        with store.open(receipt.id)[1] as stream:
            assert stream.read() == raw


def test_a_file_whose_row_cannot_be_stored_goes_too(
    store: ReceiptStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(jobs: object) -> None:
        raise apsw.FullError

    with monkeypatch.context() as patched:
        patched.setattr(store._writer, "_commit", full)
        with pytest.raises(TryAgainLater, match="disk-full"):
            store.store(NORTH, LARGE)
    assert list((tmp_path / "receipts").iterdir()) == []
    with store.open(store.store(NORTH, LARGE).id)[1] as stream:
        assert stream.read() == LARGE


def test_a_sender_that_breaks_off_leaves_nothing(store: ReceiptStore, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > ROW_MAX_BYTES:
                raise ConnectionResetError("the sender hung up")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        store.store(NORTH, Broken(LARGE * 3))
    assert list((tmp_path / "receipts").iterdir()) == []
    assert list(store.unfinished()) == []


def test_receipt_ids_are_short_random_and_told_apart(store: ReceiptStore) -> None:
    names = {store.store(NORTH, b"x").id for _ in range(200)}
    assert len(names) == 200
    assert all(name.startswith("R-") and len(name) == 12 for name in names)


def test_ids_are_the_same_after_reopening(open_store: OpenStore) -> None:
    store = open_store()
    names = [a_receipt(store, accepted(1)) for _ in range(5)]
    store.close()
    store = open_store()
    names.append(a_receipt(store, accepted(1)))
    assert len(set(names)) == 6
    assert [store.receipt(name).receipt.id for name in names] == names


def test_a_restored_home_gives_no_lost_id_to_another_message(
    open_store: OpenStore, tmp_path: Path, clock: DrivenClock
) -> None:
    store = open_store(epoch="1-a")
    kept = a_receipt(store, accepted(1))
    store.close()
    backup = (tmp_path / "receipts.sqlite").read_bytes()
    store = open_store(epoch="1-a")
    lost = a_receipt(store, accepted(1))
    store.close()
    (tmp_path / "receipts.sqlite").write_bytes(backup)
    store = open_store(epoch="2-b")
    new = a_receipt(store, accepted(1))
    assert new != lost
    assert store.receipt(kept).receipt.id == kept
    assert store.receipt(new).receipt.id == new
    with pytest.raises(Refused, match="unknown-receipt"):
        store.receipt(lost)


@pytest.mark.parametrize("name", ["R-0000000000", "", "R-1", "nonsense", "R-0000000000'; DROP TABLE receipts"])
def test_an_unknown_receipt_is_told(store: ReceiptStore, name: str) -> None:
    for ask in (store.open, store.receipt, store.outcomes):
        with pytest.raises(Refused, match=r"unknown-receipt: receipt .*R- and ten characters"):
            ask(name)


def test_a_file_name_that_is_not_utf_8_is_kept_readably(store: ReceiptStore) -> None:
    receipt = store.store(Arrival("north", "housing", "csv_mapping", "Stra\udce9e.csv"), b"x")
    assert receipt.arrival.file_name == "Stra\ufffde.csv"
    assert store.open(receipt.id)[0] == receipt
    assert [status.receipt for status in store.find_file("Stra\udce9e.csv")] == [receipt]


# ---- outcomes


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
    store.note(receipt.id, [accepted(1), accepted(2)])
    store.note(receipt.id, [not_mapped(3)])
    assert store.receipt(receipt.id).status == "received"
    assert store.receipt(receipt.id).counts == Counts(messages=3, accepted=2, not_mapped=1, events=2)


def test_a_receipt_without_messages_is_done_too(store: ReceiptStore) -> None:
    receipt = store.store(NORTH, b"")
    store.note(receipt.id, [])
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
    store.note("R-0000000000", [accepted(1)])
    name = a_receipt(store, accepted(1))
    assert store.receipt(name).status == "done"


# ---- the start-up sweep


def test_receipts_without_outcome_are_found_oldest_first(open_store: OpenStore) -> None:
    store = open_store()
    names = [store.store(NORTH, b"raw %d" % at).id for at in range(6)]
    for name in names[1::2]:
        finish(store, name, [accepted(1)])
    store.note(names[2], [accepted(1)])
    store.close()
    assert [receipt.id for receipt in open_store().unfinished()] == names[::2]


@pytest.mark.parametrize("is_reopened", [False, True])
@pytest.mark.parametrize("is_finished", [False, True])
def test_a_run_that_is_begun_again_forgets_what_was_noted(
    open_store: OpenStore, is_reopened: bool, is_finished: bool
) -> None:
    store = open_store()
    name = store.store(NORTH, b"raw").id
    store.note(name, [accepted(1), quarantined(2), quarantined(3)])
    store.replace(name, accepted(3))
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


# ---- the quarantine


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
    store.replace(north, accepted(2))
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
    store.replace(name, accepted(2, findings=1))
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
    store.replace(name, quarantined(1, code="unknown-code"))
    (again,) = store.quarantined()
    assert again.number == entry.number
    assert again.code == "unknown-code"
    assert store.receipt(name).counts == Counts(messages=1, findings=2, quarantined=1)


def test_a_message_may_be_retried_again_and_again(store: ReceiptStore) -> None:
    name = a_receipt(store, quarantined(1), accepted(2))
    for outcome in (accepted(1), quarantined(1), not_mapped(1), accepted(1, duplicates=2)):
        store.replace(name, outcome)
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
    store.note(name, [quarantined(1), accepted(2)])
    store.replace(name, accepted(1))
    finish(store, name, [accepted(9)], [quarantined(10)])
    assert [place for place, _ in places(store, name)] == ["1", "2", "9", "10"]
    assert store.receipt(name).counts == Counts(messages=4, accepted=3, findings=2, quarantined=1, events=3)
    assert [entry.place for entry in store.quarantined()] == ["10"]


def test_a_message_that_never_was_quarantined_is_not_replaced(store: ReceiptStore) -> None:
    name = a_receipt(store, accepted(1))
    store.replace(name, not_mapped(1))
    store.replace(name, accepted(2))
    assert places(store, name) == [("1", "accepted")]
    assert store.receipt(name).counts.messages == 1


# ---- questions


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
    store.replace(name, accepted(1, sender_id="M1"))
    assert [each.outcome.state for each in store.find(sender_id="M1")] == ["accepted"]


def test_receipts_are_found_by_file_name(store: ReceiptStore) -> None:
    a_receipt(store, accepted(1))
    names = [a_receipt(store, accepted(1), arrival=SOUTH) for _ in range(2)]
    assert [status.receipt.id for status in store.find_file("adt.hl7")] == names[::-1]
    assert store.find_file("adt.hl7", agency="north") == []
    assert store.find_file("adt.hl7")[0].counts.accepted == 1


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


# ---- many at once


def test_many_senders_at_once_lose_and_mix_up_nothing(store: ReceiptStore) -> None:
    def send(sender: int) -> list[str]:
        names = []
        for at in range(25):
            receipt = store.store(NORTH, b"%d/%d" % (sender, at))
            outcome = quarantined(1) if at % 5 == 0 else accepted(1, sender_id=f"{sender}/{at}")
            finish(store, receipt.id, [outcome])
            names.append(receipt.id)
        return names

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert len({name for names in answers for name in names}) == 400
    for sender, names in enumerate(answers):
        for at, name in enumerate(names):
            with store.open(name)[1] as stream:
                assert stream.read() == b"%d/%d" % (sender, at)
            ((_, outcome),) = store.outcomes(name)
            assert outcome.sender_id == (None if at % 5 == 0 else f"{sender}/{at}")
    assert list(store.unfinished()) == []
    assert len(store.quarantined(limit=1_000)) == 80
    (day,) = store.counts_by_day()
    assert (day.receipts, day.accepted, day.quarantined) == (400, 320, 80)


def test_storing_returns_only_when_the_bytes_are_durable(
    store: ReceiptStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_committing, go_on = threading.Event(), threading.Event()
    commit = store._writer._commit

    def slowly(jobs: Any) -> None:
        is_committing.set()
        assert go_on.wait(10)
        commit(jobs)

    monkeypatch.setattr(store._writer, "_commit", slowly)
    with ThreadPoolExecutor(1) as pool:
        storing = pool.submit(store.store, NORTH, b"raw")
        assert is_committing.wait(10)
        assert not storing.done()
        go_on.set()
        receipt = storing.result(10)
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    assert db.execute("SELECT body FROM receipts").get == b"raw"
    db.close()
    assert store.receipt(receipt.id).receipt == receipt


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_writer_that_died(store: ReceiptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    is_writing, go_on = threading.Event(), threading.Event()

    def dies(jobs: object) -> None:
        is_writing.set()
        assert go_on.wait(10)
        raise SystemExit

    monkeypatch.setattr(store._writer, "_commit", dies)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(store.store, NORTH, b"raw")]
        assert is_writing.wait(10)
        waiting.append(pool.submit(store.store, NORTH, b"raw"))
        go_on.set()
        for storing in waiting:
            assert isinstance(storing.exception(10), SystemExit | Refused)
    store._writer._thread.join(10)
    with pytest.raises(Refused, match="hub-stopping"):
        store.store(NORTH, b"raw")


def test_a_bug_in_one_job_harms_no_other(store: ReceiptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = store._writer._commit
    is_committing, go_on = threading.Event(), threading.Event()

    def picky(jobs: Any) -> None:
        is_committing.set()
        assert go_on.wait(10)
        if any(getattr(job, "body", None) == b"bad" for job in jobs):
            raise ValueError("a bug")
        commit(jobs)

    monkeypatch.setattr(store._writer, "_commit", picky)
    with ThreadPoolExecutor(4) as pool:
        storing = [pool.submit(store.store, NORTH, raw) for raw in (b"one", b"bad", b"two", b"three")]
        assert is_committing.wait(10)
        go_on.set()
        errors = [each.exception(10) for each in storing]
    assert [type(error) for error in errors] == [type(None), ValueError, type(None), type(None)]
    assert len(list(store.unfinished())) == 3


def test_outcomes_alone_are_written_soon(store: ReceiptStore, tmp_path: Path) -> None:
    name = store.store(NORTH, b"raw").id
    finish(store, name, [accepted(1)])
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    for _ in range(500):
        if db.execute("SELECT count(*) FROM unfinished").get == 0:
            break
        threading.Event().wait(0.01)
    else:
        pytest.fail("the outcome was not written within five seconds")
    db.close()


def test_a_full_queue_slows_the_caller_and_loses_nothing(store: ReceiptStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BACKLOG_MAX", 3)
    name = store.store(NORTH, b"raw").id
    finish(store, name, *[[accepted(n)] for n in range(50)])
    assert store.receipt(name).counts.messages == 50


# ---- a full disk


@pytest.mark.parametrize("raw", [b"x" * 200_000, LARGE * 4], ids=["row", "file"])
def test_a_full_disk_keeps_nothing_half_and_the_next_receipt_lands(
    tmp_path: Path, clock: DrivenClock, raw: bytes
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=16) as disk:
        store = ReceiptStore(folder, clock=clock)
        first = store.store(NORTH, raw).id
        disk.fill(but_bytes=100_000)
        for _ in range(3):
            with pytest.raises(TryAgainLater, match=r"disk-full: receipts.*Make room"):
                store.store(NORTH, raw)
        assert [receipt.id for receipt in store.unfinished()] == [first]
        assert {path.name for path in (folder / "receipts").iterdir()} <= {first}
        disk.empty()
        second = store.store(NORTH, raw).id
        store.close()
        store = ReceiptStore(folder, clock=clock)
        assert [receipt.id for receipt in store.unfinished()] == [first, second]
        for name in (first, second):
            with store.open(name)[1] as stream:
                assert stream.read() == raw
        store.close()


def test_outcomes_that_a_full_disk_refused_are_written_when_there_is_room(tmp_path: Path, clock: DrivenClock) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        store = ReceiptStore(folder, clock=clock)
        names = [store.store(NORTH, b"raw").id for _ in range(3)]
        disk.fill()
        for name in names:
            finish(store, name, [accepted(n, sender_id="x" * 300) for n in range(1_000)], [quarantined("last")])
        assert {store.receipt(name).status for name in names} == {"received"}
        disk.empty()
        a_receipt(store, accepted(1))
        assert {store.receipt(name).status for name in names} == {"done"}
        assert {store.receipt(name).counts.messages for name in names} == {1_001}
        assert len(store.quarantined()) == 3
        store.close()


def test_a_disk_that_stays_full_refuses_more_outcomes_than_memory_should_hold(
    tmp_path: Path, clock: DrivenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BACKLOG_MAX", 20)
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        store = ReceiptStore(folder, clock=clock)
        name = store.store(NORTH, b"raw").id
        disk.fill()
        batches = iter(range(100))
        with pytest.raises(TryAgainLater, match="disk-full"):  # noqa: PT012 - which call it is depends on the disk
            for batch in batches:
                store.note(name, [accepted(f"{batch}/{n}", sender_id="x" * 300) for n in range(100)])
        assert next(batches) < 40
        disk.empty()
        store.close()


# ---- the file


def test_everything_is_private(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    store.store(NORTH, LARGE)
    store.store(NORTH, b"small")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "receipts").stat().st_mode) == 0o700


def test_a_file_of_a_newer_format_is_refused(open_store: OpenStore, tmp_path: Path) -> None:
    open_store().close()
    db = apsw.Connection(str(tmp_path / "receipts.sqlite"))
    db.execute("UPDATE meta SET value = '2' WHERE name = 'format'")
    db.close()
    with pytest.raises(WrongSettings, match=r"home-newer: receipts\.sqlite: .* format 2, this program reads 1"):
        open_store()


def test_after_closing_nothing_is_taken(open_store: OpenStore) -> None:
    store = open_store()
    name = store.store(NORTH, b"raw").id
    store.close()
    store.close()
    for call in (lambda: store.store(NORTH, b"x"), lambda: store.note(name, [accepted(1)])):
        with pytest.raises(Refused, match="hub-stopping"):
            call()
