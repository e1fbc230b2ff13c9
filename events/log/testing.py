"""What every log must pass: derive a test class from LogConformance and give it a fixture `open_log`.

Capabilities that a log lacks are switched off by name; the tests that need them then skip with the reason.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from events.clock import DrivenClock, from_us
from events.codec import Sealed, StoredRow, header_id
from events.log.port import Log, Outcome, parse_position
from events.log.specimens import WAIT_MAX_S, a_row, everything, leaf_of, polled, rows_from

OpenLog = Callable[[], Log]


def _ids(rows: Sequence[tuple[str, StoredRow]]) -> list[bytes]:
    return [header_id(row.header) for _, row in rows]


def _sealed_ids(rows: Sequence[Sealed]) -> list[bytes]:
    return [header_id(row.header) for row in rows]


class LogConformance:
    """Tests of the port `Log`. Fixtures to give: `open_log`, which opens one and the same log each time it is called,
    after the one before was closed; and `clock`, where the log's clock can be driven."""

    answers_known: ClassVar[bool] = True  # a duplicate is told at once, with the original's position and known time
    is_contiguous: ClassVar[bool] = True  # offsets of a partition have no holes
    known_times_rise_strictly: ClassVar[bool] = True
    has_driven_clock: ClassVar[bool] = True
    batches_are_atomic: ClassVar[bool] = True  # no reader sees a part of what was appended in one call

    def _needs(self, capability: str) -> None:
        if not getattr(self, capability):
            pytest.skip(f"this log does not promise: {capability}")

    # ---- appending and reading

    def test_what_was_appended_is_read_back(self, open_log: OpenLog) -> None:
        log = open_log()
        rows = rows_from(0, 50)
        outcomes = log.append(rows)
        by_place = {(partition, row.offset): row for partition, row in everything(log)}
        assert len(by_place) == len(outcomes) == len(rows)
        for sealed, outcome in zip(rows, outcomes, strict=True):
            row = by_place[outcome.placed.partition, outcome.placed.offset]
            assert (row.header, row.nonce, row.body) == sealed
            assert row.known_us == outcome.known_us
            assert not outcome.is_known

    def test_every_row_carries_its_leaf(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 20))
        log.append(rows_from(20, 1))
        assert all(row.leaf == leaf_of(row) for _, row in everything(log))

    def test_rows_of_one_subject_keep_their_order(self, open_log: OpenLog) -> None:
        log = open_log()
        rows = [a_row(number, subject=number % 3) for number in range(60)]
        for at in range(0, 60, 7):
            log.append(rows[at : at + 7])
        stored = everything(log)
        for subject in range(3):
            mine = [header_id(row.header) for row in rows[subject::3]]
            assert [event_id for event_id in _ids(stored) if event_id in mine] == mine

    def test_appending_nothing_changes_nothing(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 1))
        head = dict(log.head())
        assert log.append([]) == []
        assert dict(log.head()) == head

    def test_submitted_rows_are_answered_without_waiting_for_each(self, open_log: OpenLog) -> None:
        log = open_log()
        futures = [log.submit(rows_from(at * 3, 3)) for at in range(20)]
        assert [len(future.result(WAIT_MAX_S)) for future in futures] == [3] * 20
        assert len(everything(log)) == 60

    def test_the_head_is_what_comes_next(self, open_log: OpenLog) -> None:
        log = open_log()
        outcomes = log.append(rows_from(0, 5))
        for partition, offset in log.head().items():
            here = [outcome.placed.offset for outcome in outcomes if outcome.placed.partition == partition]
            assert offset == max(here, default=-1) + 1
            assert list(log.read(partition, offset, 10)) == []

    def test_offsets_have_no_holes(self, open_log: OpenLog) -> None:
        self._needs("is_contiguous")
        log = open_log()
        log.append(rows_from(0, 4))
        log.append(rows_from(2, 4))
        for partition, end in log.head().items():
            assert [row.offset for row in log.read(partition, 0, 100)] == list(range(end))

    def test_pages_hold_what_the_whole_holds(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 25))
        for partition, end in log.head().items():
            paged: list[StoredRow] = []
            while page := list(log.read(partition, paged[-1].offset + 1 if paged else 0, 7)):
                assert len(page) <= 7
                paged += page
            assert paged == list(log.read(partition, 0, end + 1))

    def test_a_reader_may_stop_halfway(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 25))
        partition = max(log.head(), key=lambda name: log.head()[name])
        reading = log.read(partition, 0, 25)
        first = next(reading)
        log.append(rows_from(25, 25))
        assert next(log.read(partition, 0, 1)) == first

    def test_reading_an_unknown_partition_gives_nothing(self, open_log: OpenLog) -> None:
        assert list(open_log().read("nowhere-7", 0, 10)) == []

    def test_a_reader_sees_whole_batches_only(self, open_log: OpenLog) -> None:
        self._needs("batches_are_atomic")
        log = open_log()
        sizes: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                sizes.append(len(everything(log)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for at in range(20):
            log.append(rows_from(at * 10, 10))
        done.set()
        watcher.join()
        assert all(size % 10 == 0 for size in sizes)

    # ---- duplicates

    def test_a_duplicate_is_answered_with_the_original(self, open_log: OpenLog) -> None:
        self._needs("answers_known")
        log = open_log()
        first = log.append(rows_from(0, 10))
        again = log.append([*rows_from(5, 10)])
        assert again[:5] == [outcome._replace(is_known=True) for outcome in first[5:]]
        assert not any(outcome.is_known for outcome in again[5:])
        assert sorted(_ids(everything(log))) == sorted(_sealed_ids(rows_from(0, 15)))

    def test_a_duplicate_within_one_batch_is_answered_with_the_first(self, open_log: OpenLog) -> None:
        self._needs("answers_known")
        log = open_log()
        one, two, three = log.append([a_row(1), a_row(2), a_row(1)])
        assert three == one._replace(is_known=True)
        assert not two.is_known
        assert len(everything(log)) == 2

    def test_a_duplicate_is_known_by_its_id_alone(self, open_log: OpenLog) -> None:
        self._needs("answers_known")
        log = open_log()
        (first,) = log.append([a_row(1)])
        (again,) = log.append([a_row(1)._replace(body=b"another body".ljust(256))])
        assert again == first._replace(is_known=True)
        assert len(everything(log)) == 1

    def test_a_duplicate_is_known_after_reopening(self, open_log: OpenLog) -> None:
        self._needs("answers_known")
        log = open_log()
        first = log.append(rows_from(0, 10))
        log.close()
        log = open_log()
        assert log.append(rows_from(0, 10)) == [outcome._replace(is_known=True) for outcome in first]
        assert len(everything(log)) == 10

    def test_the_same_row_from_many_threads_is_stored_once(self, open_log: OpenLog) -> None:
        self._needs("answers_known")
        log = open_log()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: log.append([a_row(1), a_row(2)]), range(40)))
        assert len(everything(log)) == 2
        assert sum(not outcome.is_known for answer in answers for outcome in answer) == 2
        assert len({outcome.position for answer in answers for outcome in answer}) == 2

    # ---- many at once

    def test_many_threads_lose_and_double_nothing(self, open_log: OpenLog) -> None:
        log = open_log()

        def send(thread: int) -> list[Outcome]:
            numbers = range(thread * 1000, thread * 1000 + 60)
            return [log.append([a_row(number, subject=thread)])[0] for number in numbers]

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(send, range(16)))
        stored = everything(log)
        positions = {(partition, row.offset): header_id(row.header) for partition, row in stored}
        assert len(stored) == len(positions) == len(set(_ids(stored))) == 16 * 60
        for thread, outcomes in enumerate(answers):
            places = [(outcome.placed.partition, outcome.placed.offset) for outcome in outcomes]
            assert places == sorted(places)
            assert [positions[place] for place in places] == _sealed_ids(
                [a_row(number, subject=thread) for number in range(thread * 1000, thread * 1000 + 60)]
            )

    # ---- lasting

    def test_a_reopened_log_holds_what_was_acknowledged(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 10))
        stored, head, epoch = everything(log), dict(log.head()), log.epoch
        log.close()
        log = open_log()
        assert everything(log) == stored
        assert dict(log.head()) == head
        assert log.epoch == epoch
        log.append(rows_from(10, 5))
        assert len(everything(log)) == 15

    def test_closing_finishes_what_was_submitted(self, open_log: OpenLog) -> None:
        log = open_log()
        futures = [log.submit(rows_from(at * 5, 5)) for at in range(10)]
        log.close()
        assert all(len(future.result(0)) == 5 for future in futures)
        assert len(everything(open_log())) == 50

    def test_positions_carry_their_epoch(self, open_log: OpenLog) -> None:
        log = open_log()
        (outcome,) = log.append([a_row(1)])
        assert outcome.placed.epoch == log.epoch
        assert outcome.placed.partition in log.head()
        assert parse_position(str(outcome.position)) == outcome.position

    # ---- known times

    def test_known_times_never_fall(self, open_log: OpenLog) -> None:
        log = open_log()
        for at in range(10):
            log.append(rows_from(at * 3, 3))
        for partition in log.head():
            times = [row.known_us for row in log.read(partition, 0, 100)]
            assert times == sorted(times)

    def test_known_times_rise_strictly(self, open_log: OpenLog, clock: DrivenClock) -> None:
        self._needs("known_times_rise_strictly")
        log = open_log()
        for at in range(10):
            log.append(rows_from(at * 3, 3))
        log.close()
        log = open_log()
        log.append(rows_from(30, 3))
        for partition in log.head():
            times = [row.known_us for row in log.read(partition, 0, 100)]
            assert len(set(times)) == len(times)
            assert times == sorted(times)

    def test_known_times_are_the_clocks(self, open_log: OpenLog, clock: DrivenClock) -> None:
        self._needs("has_driven_clock")
        log = open_log()
        log.append(rows_from(0, 3))
        later_us = clock() + 3_600_000_000
        clock.set(from_us(later_us))
        assert log.append([a_row(3)])[0].known_us == later_us

    def test_a_clock_a_moment_back_is_outrun(self, open_log: OpenLog, clock: DrivenClock) -> None:
        self._needs("has_driven_clock")
        self._needs("known_times_rise_strictly")
        log = open_log()
        (before,) = log.append([a_row(1)])
        clock.set(from_us(clock() - 60_000_000))
        (after,) = log.append([a_row(2)])
        assert after.known_us == before.known_us + 1

    # ---- subscriptions

    def test_a_subscription_from_the_start_gives_everything_in_order(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 30))
        subscription = log.subscribe({})
        rows = polled(subscription, 30)
        assert sorted(rows, key=lambda pair: (pair[0], pair[1].offset)) == everything(log)
        for partition in log.head():
            offsets = [row.offset for where, row in rows if where == partition]
            assert offsets == sorted(offsets)
        assert subscription.poll(0) == []
        subscription.close()

    def test_a_subscription_from_a_cut_gives_what_follows(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 10))
        cut = dict(log.head())
        log.append(rows_from(10, 10))
        subscription = log.subscribe(cut)
        assert sorted(_ids(polled(subscription, 10))) == sorted(_sealed_ids(rows_from(10, 10)))
        assert subscription.poll(0) == []
        subscription.close()

    def test_a_subscription_at_a_position_begins_with_it(self, open_log: OpenLog) -> None:
        log = open_log()
        outcomes = log.append([a_row(number) for number in range(10)])
        wanted = outcomes[6].placed
        cut = {**log.head(), wanted.partition: wanted.offset}
        subscription = log.subscribe(cut)
        rows = polled(subscription, 1)
        assert (rows[0][0], rows[0][1].offset) == (wanted.partition, wanted.offset)
        subscription.close()

    def test_new_rows_wake_a_waiting_subscription(self, open_log: OpenLog) -> None:
        log = open_log()
        subscription = log.subscribe(log.head())
        appending = threading.Timer(0.05, lambda: log.append(rows_from(0, 1)))
        appending.start()
        started = time.monotonic()
        rows: list[tuple[str, StoredRow]] = []
        while not rows and time.monotonic() - started < WAIT_MAX_S:
            rows = subscription.poll(WAIT_MAX_S)
        assert _ids(rows) == _sealed_ids([a_row(0)])
        assert time.monotonic() - started < WAIT_MAX_S / 2
        appending.join()
        subscription.close()

    def test_a_poll_without_news_ends_in_time(self, open_log: OpenLog) -> None:
        subscription = open_log().subscribe({})
        started = time.monotonic()
        assert subscription.poll(0.05) == []
        assert 0.04 < time.monotonic() - started < WAIT_MAX_S / 2
        subscription.close()

    def test_a_subscription_misses_and_doubles_nothing_while_rows_are_appended(self, open_log: OpenLog) -> None:
        log = open_log()
        log.append(rows_from(0, 100))

        def send() -> None:
            for at in range(100, 1000, 5):
                log.append(rows_from(at, 5))

        sending = threading.Thread(target=send)
        sending.start()
        slow, quick = log.subscribe({}), log.subscribe({})
        from_quick = polled(quick, 1000)
        sending.join()
        from_slow = polled(slow, 1000)
        for rows in (from_quick, from_slow):
            assert sorted(_ids(rows)) == sorted(_sealed_ids(rows_from(0, 1000)))
            for partition in log.head():
                offsets = [row.offset for where, row in rows if where == partition]
                assert offsets == sorted(offsets)
        slow.close()
        quick.close()

    def test_a_subscription_that_slept_through_a_flood_catches_up(self, open_log: OpenLog) -> None:
        log = open_log()
        subscription = log.subscribe(log.head())
        for at in range(0, 30_000, 3_000):
            log.append(rows_from(at, 3_000))
        rows = polled(subscription, 30_000)
        assert sorted(_ids(rows)) == sorted(_sealed_ids(rows_from(0, 30_000)))
        log.append(rows_from(30_000, 2))
        assert sorted(_ids(polled(subscription, 2))) == sorted(_sealed_ids(rows_from(30_000, 2)))
        subscription.close()

    def test_a_poll_that_waits_can_be_woken(self, open_log: OpenLog) -> None:
        subscription = open_log().subscribe({})
        waking = threading.Timer(0.05, subscription.wake)
        started = time.monotonic()
        waking.start()
        assert subscription.poll(WAIT_MAX_S) == []
        assert time.monotonic() - started < WAIT_MAX_S / 2
        waking.join()
        subscription.close()

    def test_a_closed_subscription_costs_the_log_nothing(self, open_log: OpenLog) -> None:
        log = open_log()
        closed, living = log.subscribe({}), log.subscribe({})
        closed.close()
        log.append(rows_from(0, 3))
        assert len(polled(living, 3)) == 3
        living.close()
