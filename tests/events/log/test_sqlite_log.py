"""The embedded log: what every log promises, what its file must stand, and how its writer groups rows."""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from events.errors import Refused, TryAgainLater, WrongSettings
from events.log.specimens import a_row, everything, rows_from
from events.log.sqlite import SqliteLog
from events.log.testing import LogConformance, OpenLog


def rewritten(path: Path, statement: str, *values: Any) -> None:
    """Somebody changes a file of the home while the hub is stopped."""
    db = apsw.Connection(str(path))
    db.execute(statement, values)
    db.close()


class TestConformance(LogConformance):
    pass


# ---- what stands in the file


@pytest.mark.parametrize("lost", [0, 7, 19])
def test_a_missing_row_is_refused_at_start(open_log: OpenLog, path: Path, lost: int) -> None:
    log = open_log()
    log.append(rows_from(0, 21))
    log.close()
    rewritten(path, "DELETE FROM log WHERE position = ?", lost)
    with pytest.raises(WrongSettings, match=r"log-gap: log\.sqlite: the log holds 20 rows, .*restore from a backup"):
        open_log()


def test_a_log_of_a_newer_format_is_refused(open_log: OpenLog, path: Path) -> None:
    open_log().close()
    rewritten(path, "UPDATE meta SET value = '3' WHERE name = 'format'")
    with pytest.raises(WrongSettings, match=r"home-newer: log\.sqlite: .* format 3, this program reads 2"):
        open_log()


def test_a_log_of_an_older_format_is_refused_with_the_way_on(open_log: OpenLog, path: Path) -> None:
    open_log().close()
    rewritten(path, "UPDATE meta SET value = '1' WHERE name = 'format'")
    with pytest.raises(WrongSettings, match=r"home-older: log\.sqlite: .* format 1, .*`tellonce log reseal`"):
        open_log()


def test_a_file_that_is_no_log_is_refused_and_left_alone(open_log: OpenLog, path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(WrongSettings, match=r"broken-file: log\.sqlite: .*from a backup"):
        open_log()
    assert path.read_bytes() == b"no database" * 1_000


def test_a_damaged_log_is_refused(open_log: OpenLog, path: Path) -> None:
    log = open_log()
    log.append(rows_from(0, 500))
    log.close()
    with path.open("r+b") as file:
        file.seek(3 * 8192)
        file.write(b"\xff" * 20 * 8192)
    with pytest.raises(WrongSettings, match=r"broken-file: log\.sqlite"):
        open_log()


def test_a_log_that_another_program_holds_stores_nothing_until_it_is_let_go(
    open_log: Callable[..., SqliteLog], path: Path
) -> None:
    log = open_log()
    log.append([a_row(1)])
    log._db.set_busy_timeout(10)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TryAgainLater, match=r"file-locked: log: .*nothing of this was stored"):
        log.append([a_row(2)])
    other.execute("ROLLBACK")
    other.close()
    assert [outcome.position.offset for outcome in log.append([a_row(2)])] == [1]


def test_the_files_are_private(open_log: OpenLog, path: Path) -> None:
    open_log().append(rows_from(0, 3))
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_each_new_log_has_an_epoch_of_its_own(open_log: OpenLog, path: Path) -> None:
    log = open_log()
    first = log.append([a_row(1)])[0].position
    log.close()
    path.unlink()
    second = open_log().append([a_row(1)])[0].position
    assert first.epoch != second.epoch
    assert first != second


def test_the_log_has_no_secondary_index(open_log: OpenLog, path: Path) -> None:
    open_log().close()
    db = apsw.Connection(str(path))
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'index'").get == 0
    assert db.pragma("journal_mode") == "wal"
    db.close()


def test_the_newest_known_time_is_told_without_reading(open_log: Callable[..., SqliteLog]) -> None:
    log = open_log()
    assert log.last_known_us == 0
    outcomes = log.append(rows_from(0, 5))
    assert log.last_known_us == outcomes[-1].known_us
    log.close()
    assert open_log().last_known_us == outcomes[-1].known_us


# ---- the writer


def test_keys_are_durable_before_the_rows_that_need_them(open_log: Callable[..., SqliteLog], path: Path) -> None:
    rows_then: list[int] = []

    def before_commit() -> None:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        rows_then.append(db.execute("SELECT count(*) FROM log").get)
        db.close()

    log = open_log(before_commit=before_commit)
    log.append(rows_from(0, 3))
    log.append(rows_from(0, 3))
    log.append(rows_from(0, 4))
    assert rows_then == [0, 3, 3]  # also where all is known: their receipt may be under a new key


@pytest.mark.parametrize("fault", [TryAgainLater("disk-full", "no room for keys"), RuntimeError("a bug")])
def test_without_their_keys_no_rows_are_stored(open_log: Callable[..., SqliteLog], fault: Exception) -> None:
    faults = [fault]

    def before_commit() -> None:
        if faults:
            raise faults.pop()

    log = open_log(before_commit=before_commit)
    with pytest.raises(type(fault)):
        log.append(rows_from(0, 3))
    assert everything(log) == []
    outcomes = log.append(rows_from(0, 3))
    assert [outcome.position.offset for outcome in outcomes] == [0, 1, 2]
    assert not any(outcome.is_known for outcome in outcomes)


def test_a_row_that_cannot_be_stored_fails_its_own_group_only(open_log: Callable[..., SqliteLog], path: Path) -> None:
    open_log().close()
    is_two = f"new.header = x'{a_row(2).header.hex()}'"
    rewritten(path, f"CREATE TRIGGER t BEFORE INSERT ON log WHEN {is_two} BEGIN SELECT RAISE(ABORT, 'no twos'); END")
    log = open_log()
    log.append([a_row(1)])
    with pytest.raises(apsw.ConstraintError, match="no twos"):
        log.append([a_row(3), a_row(2)])
    with pytest.raises(TypeError):
        log.append([a_row(4), a_row(5)._replace(body=None)])  # type: ignore[arg-type]
    assert [row.offset for _, row in everything(log)] == [0]
    outcomes = log.append([a_row(3), a_row(4)])
    assert [(outcome.position.offset, outcome.is_known) for outcome in outcomes] == [(1, False), (2, False)]


def test_what_queues_up_during_a_commit_is_one_group(open_log: Callable[..., SqliteLog]) -> None:
    commits = 0
    is_committing, go_on = threading.Event(), threading.Event()

    def before_commit() -> None:
        nonlocal commits
        commits += 1
        is_committing.set()
        assert go_on.wait(10)

    log = open_log(before_commit=before_commit)
    futures = [log.submit([a_row(0)])]
    assert is_committing.wait(10)
    futures += [log.submit([a_row(number)]) for number in range(1, 50)]
    go_on.set()
    assert [future.result(10)[0].position.offset for future in futures] == list(range(50))
    assert commits == 2


def test_a_row_whose_sender_gave_up_in_time_is_not_stored(open_log: Callable[..., SqliteLog]) -> None:
    is_committing, go_on = threading.Event(), threading.Event()

    def before_commit() -> None:
        is_committing.set()
        assert go_on.wait(10)

    log = open_log(before_commit=before_commit)
    first = log.submit([a_row(1)])
    assert is_committing.wait(10)
    given_up, third = log.submit([a_row(2)]), log.submit([a_row(3)])
    assert given_up.cancel()
    go_on.set()
    assert first.result(10)[0].position.offset == 0
    assert third.result(10)[0].position.offset == 1
    assert len(everything(log)) == 2


def test_after_closing_nothing_is_taken(open_log: OpenLog) -> None:
    log = open_log()
    log.close()
    log.close()
    with pytest.raises(Refused, match="hub-stopping"):
        log.append([a_row(1)])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_cannot_append(open_log: OpenLog) -> None:
    log = open_log()
    child = os.fork()
    if child == 0:
        try:
            log.append([a_row(1)])
        except Refused:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(log.append([a_row(1)])) == 1
