"""What a fault of the disk is called, and what it asks of whoever sent something."""

from __future__ import annotations

import apsw
import pytest

from events.log.faults import code_of, not_stored


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (apsw.SQLITE_FULL, "disk-full"),
        (apsw.SQLITE_IOERR_SHMSIZE, "disk-full"),
        (apsw.SQLITE_IOERR_FSYNC, "disk-error"),
        (apsw.SQLITE_BUSY_SNAPSHOT, "file-locked"),
        (apsw.SQLITE_CONSTRAINT, None),
    ],
)
def test_a_fault_is_named_by_what_sqlite_met(result: int, code: str | None) -> None:
    fault = apsw.exception_for(result)
    assert isinstance(fault, apsw.Error)
    assert code_of(fault) == code


@pytest.mark.parametrize(
    ("kind", "code"), [(apsw.FullError, "disk-full"), (apsw.IOError, "disk-error"), (apsw.BusyError, "file-locked")]
)
def test_a_fault_without_a_result_is_named_by_its_kind(kind: type[apsw.Error], code: str) -> None:
    assert code_of(kind("no result")) == code


def test_a_failing_disk_is_not_told_to_be_a_full_one() -> None:
    told = str(not_stored("disk-error", "log"))
    assert told.startswith("disk-error: log: the disk failed; nothing of this was stored. Look at the system's log")
    assert "room" not in told
