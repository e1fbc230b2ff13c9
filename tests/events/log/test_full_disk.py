"""A full disk harms no row of the log, and the next event lands."""

from pathlib import Path

from events.clock import DrivenClock
from events.codec import header_id
from events.errors import TryAgainLater
from events.log.specimens import ASigner, a_row, everything, leaf_of, rows_from
from events.log.sqlite import SqliteLog
from tests.small_disk import mounted


def test_a_full_disk_harms_nothing_and_the_next_event_lands(tmp_path: Path, clock: DrivenClock) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        log = SqliteLog(folder / "log.sqlite", clock=clock, signer=ASigner(), new_epoch=lambda: "e")
        acknowledged = log.append(rows_from(0, 200))
        disk.fill(but_bytes=300_000)
        fault: TryAgainLater | None = None
        while fault is None:
            stored = len(acknowledged)
            try:
                acknowledged += log.append([a_row(n, size_bytes=1_000) for n in range(stored, stored + 100)])
            except TryAgainLater as error:
                fault = error
        assert str(fault).startswith("disk-full: log: ")
        assert "nothing of this was stored. Make room" in str(fault)
        assert len(everything(log)) == stored
        disk.empty()
        again = log.append([a_row(number, size_bytes=1_000) for number in range(stored, stored + 100)])
        assert [outcome.position.offset for outcome in again] == list(range(stored, stored + 100))
        log.close()
        log = SqliteLog(folder / "log.sqlite", clock=clock, signer=ASigner(), new_epoch=lambda: "e")
        rows = everything(log)
        assert [header_id(row.header) for _, row in rows] == [header_id(a_row(n).header) for n in range(stored + 100)]
        assert all(row.leaf == leaf_of(row) for _, row in rows)
        log.close()


def test_a_full_disk_does_not_keep_a_log_from_being_read(tmp_path: Path, clock: DrivenClock) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        log = SqliteLog(folder / "log.sqlite", clock=clock, signer=ASigner(), new_epoch=lambda: "e")
        log.append(rows_from(0, 200))
        disk.fill()
        assert len(everything(log)) == 200
        log.close()
