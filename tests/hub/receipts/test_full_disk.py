"""A full disk keeps nothing half, and loses nothing."""

from pathlib import Path

import pytest

from events.clock import DrivenClock
from events.errors import TryAgainLater
from hub.receipts import writer
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.builders import accepted, quarantined
from tests.hub.receipts.keeping import KEYS, LARGE, NORTH, a_receipt, bytes_of, finish, note
from tests.small_disk import mounted


@pytest.mark.parametrize("raw", [b"x" * 200_000, LARGE * 4], ids=["row", "file"])
def test_a_full_disk_keeps_nothing_half_and_the_next_receipt_lands(
    tmp_path: Path, clock: DrivenClock, raw: bytes
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=16) as disk:
        store = ReceiptStore(folder, clock=clock, keys=KEYS)
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
        store = ReceiptStore(folder, clock=clock, keys=KEYS)
        assert [receipt.id for receipt in store.unfinished()] == [first, second]
        for name in (first, second):
            assert bytes_of(store, name) == raw
        store.close()


def test_outcomes_that_a_full_disk_refused_are_written_when_there_is_room(tmp_path: Path, clock: DrivenClock) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        store = ReceiptStore(folder, clock=clock, keys=KEYS)
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
        store = ReceiptStore(folder, clock=clock, keys=KEYS)
        name = store.store(NORTH, b"raw").id
        disk.fill()
        batches = iter(range(100))
        with pytest.raises(TryAgainLater, match="disk-full"):  # noqa: PT012 - which call it is depends on the disk
            for batch in batches:
                note(store, name, *[accepted(f"{batch}/{n}", sender_id="x" * 300) for n in range(100)])
        assert next(batches) < 40
        disk.empty()
        store.close()
