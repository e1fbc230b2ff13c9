"""The set of ids seen: whatever becomes of its file, a resent event is known."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from events.codec import Sealed, header_id
from events.log import seen
from events.log.specimens import a_row, rows_from
from events.log.sqlite import PARTITION, SqliteLog


def seen_of(path: Path) -> Path:
    return path.with_name("seen.sqlite")


def copied(path: Path, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(seen_of(path), folder)


def assert_knows(log: SqliteLog, rows: list[Sealed]) -> None:
    offsets = {header_id(row.header): row.offset for row in log.read(PARTITION, 0, 100_000)}
    outcomes = log.append(rows)
    assert all(outcome.is_known for outcome in outcomes)
    assert [outcome.position.offset for outcome in outcomes] == [offsets[header_id(row.header)] for row in rows]


@pytest.mark.parametrize("rows", [10, 25_000])
def test_ids_are_known_although_their_set_was_lost(open_log: Callable[..., SqliteLog], path: Path, rows: int) -> None:
    log = open_log()
    log.append(rows_from(0, rows))
    log.close()
    seen_of(path).unlink()
    log = open_log()
    assert_knows(log, rows_from(0, rows))
    assert not log.append([a_row(rows)])[0].is_known


def test_ids_are_known_although_their_set_is_from_yesterday(
    open_log: Callable[..., SqliteLog], path: Path, tmp_path: Path
) -> None:
    log = open_log()
    log.append(rows_from(0, 10))
    log.close()
    copied(path, tmp_path / "yesterday")
    log = open_log()
    log.append(rows_from(10, 10))
    log.close()
    shutil.copy(tmp_path / "yesterday" / "seen.sqlite", path.parent)
    assert_knows(open_log(), rows_from(0, 20))


@pytest.mark.parametrize("rows_here", [3, 10, 30])
def test_a_set_of_another_log_is_not_believed(
    open_log: Callable[..., SqliteLog], path: Path, tmp_path: Path, rows_here: int
) -> None:
    log = open_log()
    log.append(rows_from(1_000, 10))
    log.close()
    copied(path, tmp_path / "other")
    for left in path.parent.glob("*.sqlite*"):
        left.unlink()
    log = open_log()
    log.append(rows_from(0, rows_here))
    log.close()
    shutil.copy(tmp_path / "other" / "seen.sqlite", path.parent)
    log = open_log()
    assert not any(outcome.is_known for outcome in log.append(rows_from(1_000, 5)))
    assert_knows(log, [*rows_from(0, rows_here), *rows_from(1_000, 5)])


def test_a_set_that_is_no_database_is_made_again(open_log: Callable[..., SqliteLog], path: Path) -> None:
    log = open_log()
    log.append(rows_from(0, 10))
    log.close()
    seen_of(path).write_bytes(b"no database" * 1_000)
    assert_knows(open_log(), rows_from(0, 10))


def test_ids_are_known_while_their_set_is_being_written(
    open_log: Callable[..., SqliteLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "_FLUSH_AT", 10)
    is_writing, go_on = threading.Event(), threading.Event()
    write = seen._write

    def slowly(*told: Any) -> None:
        is_writing.set()
        assert go_on.wait(10)
        write(*told)

    monkeypatch.setattr(seen, "_write", slowly)
    log = open_log()
    log.append(rows_from(0, 30))
    assert is_writing.wait(10)
    log.append(rows_from(30, 30))
    assert_knows(log, rows_from(0, 60))
    go_on.set()
    for at in range(60, 100, 5):
        log.append(rows_from(at, 5))
        assert_knows(log, rows_from(0, at + 5))
    log.close()
    assert_knows(open_log(), rows_from(0, 100))


@pytest.mark.parametrize("fault", [apsw.FullError, apsw.IOError, apsw.BusyError])
def test_ids_are_known_although_their_set_cannot_be_written(
    open_log: Callable[..., SqliteLog], monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def fails(*told: Any) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(seen, "_FLUSH_AT", 10)
        patched.setattr(seen, "_WAIT_AT", 20)
        patched.setattr(seen, "_write", fails)
        log = open_log()
        for at in range(0, 100, 5):
            log.append(rows_from(at, 5))
            assert_knows(log, rows_from(0, at + 5))
        log.close()
    assert_knows(open_log(), rows_from(0, 100))


def test_ids_that_share_their_first_bytes_are_told_apart(open_log: Callable[..., SqliteLog]) -> None:
    def a_twin(last: int) -> Sealed:
        header = a_row(0).header
        start = 2 + header[1]
        return a_row(0)._replace(
            header=header[:start] + b"same eight byte" + bytes(16) + bytes([last]) + header[start + 32 :]
        )

    twins = [a_twin(last) for last in range(5)]
    log = open_log()
    assert not any(outcome.is_known for outcome in log.append(twins[:3]))
    assert_knows(log, twins[:3])
    log.close()
    log = open_log()
    assert_knows(log, twins[:3])
    assert not any(outcome.is_known for outcome in log.append(twins[3:]))
    assert_knows(log, twins)
