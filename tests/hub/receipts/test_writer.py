"""Many senders, one writer: nothing is lost, mixed up, or answered before it is durable."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest

from events.errors import Refused
from hub.receipts import writer
from hub.receipts.jobs import StoreReceipt
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, quarantined
from tests.hub.receipts.keeping import NORTH, SOUTH, bytes_of, finish


def test_many_senders_at_once_lose_and_mix_up_nothing(store: ReceiptStore) -> None:
    read: set[bytes] = set()

    def send(sender: int) -> list[str]:
        names = []
        for at in range(25):
            receipt = store.store(NORTH, b"%d/%d" % (sender, at))
            read.add(bytes_of(store, receipt.id))
            outcome = quarantined(1) if at % 5 == 0 else accepted(1, sender_id=f"{sender}/{at}")
            finish(store, receipt.id, [outcome])
            names.append(receipt.id)
        return names

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert len({name for names in answers for name in names}) == 400
    assert read == {b"%d/%d" % (sender, at) for sender in range(16) for at in range(25)}
    for sender, names in enumerate(answers):
        for at, name in enumerate(names):
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
    assert db.execute("SELECT length(body) FROM arrived").get == 12 + len(b"raw") + 16  # nonce and tag
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
        if any(isinstance(job, StoreReceipt) and job.receipt.arrival is SOUTH for job in jobs):
            raise ValueError("a bug")
        commit(jobs)

    monkeypatch.setattr(store._writer, "_commit", picky)
    with ThreadPoolExecutor(4) as pool:
        storing = [pool.submit(store.store, arrival, b"raw") for arrival in (NORTH, SOUTH, NORTH, NORTH)]
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
