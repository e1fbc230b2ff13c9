"""The embedded log: what every log promises, and what one file on one disk must stand."""

import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import apsw
import pytest

from events.clock import DrivenClock, from_us
from events.codec import Sealed, header_id
from events.errors import Refused, TryAgainLater, WrongSettings
from events.log import seen
from events.log.specimens import a_row, everything, leaf_of, polled, rows_from
from events.log.sqlite import PARTITION, SqliteLog
from events.log.testing import LogConformance, OpenLog
from tests.small_disk import mounted

DAY_US = 86_400_000_000


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.fixture
def open_log(path: Path, clock: DrivenClock) -> Iterator[Callable[..., SqliteLog]]:
    opened: list[SqliteLog] = []
    epochs = count(1)

    def open_it(**settings: Any) -> SqliteLog:
        log = SqliteLog(path, clock=clock, new_epoch=lambda: f"epoch{next(epochs)}", **settings)
        opened.append(log)
        return log

    yield open_it
    for log in opened:
        log.close()


def rewritten(path: Path, statement: str, *values: Any) -> None:
    """Somebody changes a file of the home while the hub is stopped."""
    db = apsw.Connection(str(path))
    db.execute(statement, values)
    db.close()


class TestConformance(LogConformance):
    pass


# ---- the clock


def test_ten_minutes_back_nothing_is_stored_until_the_clock_is_right(open_log: OpenLog, clock: DrivenClock) -> None:
    log = open_log()
    log.append(rows_from(0, 3))
    right = clock()
    clock.set(from_us(right - 600_000_000))
    with pytest.raises(TryAgainLater, match=r"clock-behind: clock: .* 600 seconds behind .* nothing was stored"):
        log.append(rows_from(3, 3))
    assert len(everything(log)) == 3
    clock.set(from_us(right + 1_000_000))
    assert not any(outcome.is_known for outcome in log.append(rows_from(3, 3)))


def test_a_year_ahead_nothing_is_stored_until_somebody_says_it_is_right(
    open_log: Callable[..., SqliteLog], clock: DrivenClock
) -> None:
    log = open_log()
    log.append(rows_from(0, 3))
    clock.set(from_us(clock() + 366 * DAY_US))
    with pytest.raises(TryAgainLater, match=r"clock-far-ahead: clock: .* 365 days ahead .*TELLONCE_ACCEPT_CLOCK"):
        log.append(rows_from(3, 3))
    assert len(everything(log)) == 3
    log.close()
    log = open_log(accepts_clock=True)
    log.append(rows_from(3, 3))
    clock.set(from_us(clock() + 366 * DAY_US))
    with pytest.raises(TryAgainLater, match="clock-far-ahead"):
        log.append(rows_from(6, 3))
    assert len(everything(log)) == 6


def test_the_first_event_of_a_log_is_never_far_ahead(open_log: OpenLog, clock: DrivenClock) -> None:
    clock.set(datetime(2051, 1, 1, tzinfo=UTC))
    assert len(open_log().append(rows_from(0, 3))) == 3


def test_a_clock_that_refuses_to_tell_the_time_stops_appending_only(path: Path) -> None:
    times = iter([1, None, 2])

    def clock() -> int:
        now = next(times)
        if now is None:
            raise TryAgainLater("clock-jumped", "the clock was moved")
        return now

    log = SqliteLog(path, clock=clock, new_epoch=lambda: "e")
    log.append([a_row(1)])
    with pytest.raises(TryAgainLater, match="clock-jumped"):
        log.append([a_row(2)])
    assert not log.append([a_row(2)])[0].is_known
    log.close()


# ---- a full disk


def test_a_full_disk_harms_nothing_and_the_next_event_lands(tmp_path: Path, clock: DrivenClock) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        log = SqliteLog(folder / "log.sqlite", clock=clock, new_epoch=lambda: "e")
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
        log = SqliteLog(folder / "log.sqlite", clock=clock, new_epoch=lambda: "e")
        rows = everything(log)
        assert [header_id(row.header) for _, row in rows] == [header_id(a_row(n).header) for n in range(stored + 100)]
        assert all(row.leaf == leaf_of(row) for _, row in rows)
        log.close()


def test_a_full_disk_does_not_keep_a_log_from_being_read(tmp_path: Path, clock: DrivenClock) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=4) as disk:
        log = SqliteLog(folder / "log.sqlite", clock=clock, new_epoch=lambda: "e")
        log.append(rows_from(0, 200))
        disk.fill()
        assert len(everything(log)) == 200
        log.close()


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
    rewritten(path, "UPDATE meta SET value = '2' WHERE name = 'format'")
    with pytest.raises(WrongSettings, match=r"home-newer: log\.sqlite: .* format 2, this program reads 1"):
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


# ---- the set of ids seen


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
    assert rows_then == [0, 3]


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
    is_two = "instr(new.body, CAST('\"number\":2,' AS BLOB))"
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


# ---- subscriptions


def test_rows_that_waited_too_long_are_read_from_the_file(open_log: OpenLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.log.subscription._PUSH_MAX_ROWS", 10)
    log = open_log()
    subscription = log.subscribe({})
    for at in range(0, 60, 6):
        log.append(rows_from(at, 6))
    assert [row.offset for _, row in polled(subscription, 60)] == list(range(60))
    subscription.close()


def test_a_subscription_from_beyond_the_head_waits_for_its_start(open_log: OpenLog) -> None:
    log = open_log()
    subscription = log.subscribe({PARTITION: 5})
    log.append(rows_from(0, 5))
    assert subscription.poll(0) == []
    log.append(rows_from(5, 2))
    assert [row.offset for _, row in polled(subscription, 2)] == [5, 6]
    subscription.close()
