"""The store of receipts: raw bytes as they came, under names of their own, in private files."""

import io
import stat
from pathlib import Path
from typing import BinaryIO, cast

import apsw
import pytest

from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock
from events.errors import Refused, TryAgainLater, WrongSettings
from hub.receipts.store import ROW_MAX_BYTES, ReceiptStore
from tests.hub.receipts.builders import accepted
from tests.hub.receipts.keeping import LARGE, NORTH, SOUTH, OpenStore, a_receipt, bytes_of, note

# ---- raw bytes


@pytest.mark.parametrize("raw", [b"", b"MSH|^~\\&", b"\0" * 1_000, LARGE[:ROW_MAX_BYTES], LARGE])
@pytest.mark.parametrize("as_stream", [False, True])
def test_raw_bytes_are_kept_as_they_came(
    open_store: OpenStore, tmp_path: Path, raw: bytes, as_stream: bool, clock: DrivenClock
) -> None:
    store = open_store()
    receipt = store.store(SOUTH, io.BytesIO(raw) if as_stream else raw)
    assert receipt.size_bytes == (len(raw) // 256 + 1) * 256
    assert receipt.received_us == clock()
    store.close()
    found, stream = open_store().open(receipt.id)
    assert stream is not None
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
        assert bytes_of(store, receipt.id) == raw


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
    assert bytes_of(store, store.store(NORTH, LARGE).id) == LARGE


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
    db.execute("UPDATE meta SET value = '3' WHERE name = 'format'")
    db.close()
    with pytest.raises(WrongSettings, match=r"home-newer: receipts\.sqlite: .* format 3, this program reads 2"):
        open_store()


def test_after_closing_nothing_is_taken(open_store: OpenStore) -> None:
    store = open_store()
    name = store.store(NORTH, b"raw").id
    store.close()
    store.close()
    for call in (lambda: store.store(NORTH, b"x"), lambda: note(store, name, accepted(1))):
        with pytest.raises(Refused, match="hub-stopping"):
            call()
