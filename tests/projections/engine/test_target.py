"""A fold that cannot take an event halts that record's lane; all others move on, and nothing is skipped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table

from events.catalogue import TYPES
from events.codec import StoredRow, seal
from events.envelope import Logged, schema_urn
from events.errors import HubError
from events.ids import EventId, SubjectId
from projections.engine import target as engine
from projections.engine.projection import Connection, Folder, Gone
from projections.engine.purging import Reader
from projections.engine.store import ViewStore
from projections.engine.target import Target
from tests.keyring import Keys, stored

TYPE = "aboutme.statement-shared"
PARTITION = "main-0"
KEYS = Keys()


class Counting:
    """A view that counts events by record and cannot take what it is told not to."""

    name = "counting"
    metadata = MetaData()
    counts = Table(
        "counting",
        metadata,
        Column("subject", LargeBinary, primary_key=True),
        Column("many", Integer, nullable=False),
        sqlite_with_rowid=False,
    )

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.refuses: set[int] = set()
        self.disk: list[bool] = []  # what the disk says to the next events: whether it takes them
        self.took: list[int] = []  # versions of types

    def folder(self, db: Connection) -> Folder:
        return CountingFolder(self, db)


class CountingFolder:
    def __init__(self, view: Counting, db: Connection) -> None:
        self._view = view
        self._db = db

    def batch(self, batch: Sequence[Logged]) -> None:
        for logged in batch:
            if self._view.disk and not self._view.disk.pop(0):
                self._db.execute("ROLLBACK")  # as SQLite itself does
                raise sqlite3.OperationalError("database or disk is full")
            if logged.offset in self._view.refuses:
                raise HubError("cannot-fold", "told so")
            self._view.took.append(logged.event.version)
            self._db.execute(
                "INSERT INTO counting VALUES(?, 1) ON CONFLICT(subject) DO UPDATE SET many = many + 1",
                (logged.event.subject,),
            )

    def purge(self, gone: Gone) -> Sequence[int]:
        self._db.execute("DELETE FROM counting WHERE subject = ?", (gone.subject,))
        return ()

    def refold(self, subject: bytes, rows: Sequence[Logged]) -> None:
        self.batch(rows)


def rows(*records: str, start: int = 0, version: int = 1) -> list[StoredRow]:
    """A log of one event a record named."""
    found = []
    for offset, record in enumerate(records, start):
        attributes = {"type": TYPE, "dataschema": schema_urn(TYPE, version), "data": {"topic": "hopes", "text": record}}
        subject = SubjectId(record.encode().ljust(16, b"."))
        sealed = seal(KEYS.of_subject(subject), EventId(bytes([offset]) * 32), "housing", attributes)
        found.append(stored(sealed, offset, offset))
    return found


class Rows:
    """As much of a log as a target reads again; rows that are left out are closed for good."""

    def __init__(self, rows: Iterable[StoredRow] = ()) -> None:
        self._rows = {row.offset: row for row in rows}

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        return iter([self._rows[at] for at in range(start, start + limit) if at in self._rows])


def counts(target: Target) -> dict[str, int]:
    return {subject.decode().rstrip("."): many for subject, many in target.db.execute("SELECT * FROM counting")}


@pytest.fixture
def view() -> Counting:
    return Counting()


def target_of(folder: Path, view: Counting, epoch: str = "1-a", log: Reader | None = None) -> Target:
    store = ViewStore(folder, [view])
    return Target(store.writer(), [view], epoch, log or Rows(), KEYS)


def test_one_record_halts_and_the_others_move_on(tmp_path: Path, view: Counting) -> None:
    view.refuses = {1}
    target = target_of(tmp_path, view)
    target.apply(PARTITION, rows("ann", "bob", "cy", "bob", "ann"))
    assert counts(target) == {"ann": 2, "cy": 1}
    (lane,) = target.lanes()
    assert (lane.projection, lane.at, lane.code) == ("counting", 1, "cannot-fold")
    assert target.next_of(PARTITION) == 5


def test_a_mended_fold_takes_up_all_that_waited_in_its_lane(tmp_path: Path, view: Counting) -> None:
    view.refuses = {1}
    log = rows("ann", "bob", "cy", "bob", "ann")
    target_of(tmp_path, view).apply(PARTITION, log)
    view.refuses = set()
    target = target_of(tmp_path, view)  # after a restart the lane is still halted
    target.apply(PARTITION, rows("bob", start=5))
    assert counts(target) == {"ann": 2, "cy": 1}
    everything = [*log, *rows("bob", start=5)]
    assert target.retry_lanes(PARTITION, lambda at: everything[at]) == 1
    assert counts(target) == {"ann": 2, "cy": 1, "bob": 3}
    assert target.lanes() == []


def test_what_waited_in_a_lane_is_folded_as_the_current_version_tells_it(
    tmp_path: Path, view: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "upcast", lambda type_name, version, payload: (version + 1, payload))
    view.refuses = {0}
    log = rows("bob", "bob", version=0)
    target = target_of(tmp_path, view)
    target.apply(PARTITION, log)
    view.refuses = set()
    assert target.retry_lanes(PARTITION, lambda at: log[at]) == 1
    assert view.took == [1, 1]


def test_a_lane_that_still_cannot_move_stays_halted(tmp_path: Path, view: Counting) -> None:
    view.refuses = {0}
    log = rows("ann", "bob")
    target = target_of(tmp_path, view)
    target.apply(PARTITION, log)
    assert target.retry_lanes(PARTITION, lambda at: log[at]) == 0
    assert len(target.lanes()) == 1


def test_a_lane_waits_for_a_full_disk(tmp_path: Path, view: Counting) -> None:
    view.refuses = {0}
    log = rows("ann", "bob")
    target = target_of(tmp_path, view)
    target.apply(PARTITION, log)
    view.refuses, view.disk = set(), [False]
    assert target.retry_lanes(PARTITION, lambda at: log[at]) == 0
    assert len(target.lanes()) == 1
    assert target.retry_lanes(PARTITION, lambda at: log[at]) == 1
    assert counts(target) == {"ann": 1, "bob": 1}


@pytest.mark.parametrize("before", range(3))
def test_a_full_disk_halts_no_lane(tmp_path: Path, view: Counting, before: int) -> None:
    view.refuses, view.disk = {0}, [True] * before + [False]
    target = target_of(tmp_path, view)
    with pytest.raises(sqlite3.OperationalError):
        target.apply(PARTITION, rows("ann"))
    assert target.lanes() == []
    assert target.next_of(PARTITION) == 0


def test_events_are_folded_once_though_they_come_again(tmp_path: Path, view: Counting) -> None:
    target = target_of(tmp_path, view)
    target.apply(PARTITION, rows("ann", "bob"))
    target.apply(PARTITION, rows("ann", "bob", "cy"))
    assert counts(target) == {"ann": 1, "bob": 1, "cy": 1}


@pytest.mark.parametrize(("version", "epoch"), [(2, "1-a"), (1, "2-b")], ids=["another fold", "a restored log"])
def test_a_view_of_another_version_or_epoch_begins_anew(tmp_path: Path, version: int, epoch: str) -> None:
    target_of(tmp_path, Counting()).apply(PARTITION, rows("ann"))
    target = target_of(tmp_path, Counting(version), epoch)
    assert counts(target) == {}
    assert target.next_of(PARTITION) == 0


HEALTH, CORE = "health.condition-recorded", TYPE


def of(offset: int, kind: str, record: str, **payload: object) -> StoredRow:
    """One event of a type about a record; what the hub itself says goes under its own name."""
    attributes = {"type": kind, "dataschema": schema_urn(kind, TYPES[kind].version), "data": payload}
    agency = "hub" if kind.startswith("hub.") else "housing"
    keys = KEYS.of_subject(record.encode().ljust(16, b"."))
    return stored(seal(keys, EventId(bytes([offset]) * 32), agency, attributes), offset, offset)


def gone(offset: int, kind: str, record: str, **more: object) -> StoredRow:
    return of(offset, kind, "service", subject=record.encode().ljust(16, b".").hex(), **more)


def test_a_lane_whose_trouble_is_erased_goes(tmp_path: Path, view: Counting) -> None:
    view.refuses = {1}
    log = [of(0, CORE, "bob"), of(1, CORE, "bob"), of(2, CORE, "bob"), gone(3, "hub.subject-erased", "bob")]
    target = target_of(tmp_path, view, log=Rows(log))
    target.apply(PARTITION, log)
    assert counts(target) == {"service": 1}
    assert target.lanes() == []
    assert target.db.execute("SELECT count(*) FROM lanes_waiting").fetchone()[0] == 0


@pytest.mark.parametrize("at_once", [True, False])
def test_a_lane_whose_trouble_is_shredded_moves_again(tmp_path: Path, view: Counting, at_once: bool) -> None:
    view.refuses = {1}
    log = [of(0, CORE, "bob"), of(1, HEALTH, "bob"), of(2, CORE, "bob"), of(3, "hub.person-opened", "bob")]
    log.append(gone(4, "hub.class-shredded", "bob", retention_class="health"))
    target = target_of(tmp_path, view, log=Rows(log))
    for rows_ in [log] if at_once else [[row] for row in log]:
        target.apply(PARTITION, rows_)
    assert target.lanes() == []
    assert counts(target) == {"bob": 2, "service": 1}  # the counting view takes the whole record out


def test_what_the_hub_decided_about_a_record_outlives_its_classes(tmp_path: Path, view: Counting) -> None:
    view.refuses = {0}
    log = [of(0, CORE, "bob"), of(1, "hub.person-opened", "bob")]
    log.append(gone(2, "hub.class-shredded", "bob", retention_class="core"))
    target = target_of(tmp_path, view, log=Rows(log))
    target.apply(PARTITION, log)
    assert counts(target) == {"bob": 1, "service": 1}


def test_what_remains_halts_where_it_halted_before(tmp_path: Path, view: Counting) -> None:
    view.refuses = {2}
    log = [of(0, HEALTH, "bob"), of(1, CORE, "bob"), of(2, CORE, "bob"), of(3, CORE, "bob")]
    log.append(gone(4, "hub.class-shredded", "bob", retention_class="health"))
    target = target_of(tmp_path, view, log=Rows(log))
    target.apply(PARTITION, log)
    (lane,) = target.lanes()
    assert (lane.at, lane.code) == (2, "cannot-fold")
    assert target.db.execute("SELECT at FROM lanes_waiting ORDER BY at").fetchall() == [(2,), (3,)]


def test_a_view_that_cannot_forget_stops_loudly(tmp_path: Path, view: Counting) -> None:
    view.refuses = {1}
    log = [of(0, CORE, "bob"), gone(1, "hub.subject-erased", "bob")]
    target = target_of(tmp_path, view, log=Rows(log))
    with pytest.raises(HubError):
        target.apply(PARTITION, log)
    assert target.next_of(PARTITION) == 1


def test_a_shadow_left_by_a_killed_rebuild_goes_at_the_next_start(tmp_path: Path, view: Counting) -> None:
    store = ViewStore(tmp_path, [view])
    shadow = store.new_generation()
    store.create(shadow)
    assert ViewStore(tmp_path, [view]).path == store.path
    assert not shadow.exists()
