"""The peer: the library `eventsourcing` on SQLite, used as it wants to be used (aggregates, notifications, views)."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.projection import Projection
from eventsourcing.sqlite import SQLiteTrackingRecorder
from eventsourcing.utils import Environment

_PAGE = 1_000
_STREAM = 20  # events of one aggregate


class _Person(Aggregate):
    @event("Registered")
    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.count = 0

    @event("Recorded")
    def record(self, body: str) -> None:
        self.count += 1


class _View(SQLiteTrackingRecorder):
    def construct_create_table_statements(self) -> list[str]:
        return [
            *super().construct_create_table_statements(),
            "CREATE TABLE IF NOT EXISTS timeline(seq INTEGER PRIMARY KEY, person TEXT, effective TEXT, recorded TEXT, "
            "agency TEXT, type TEXT, summary TEXT)",
            "CREATE INDEX IF NOT EXISTS timeline_person ON timeline(person, effective)",
            "CREATE INDEX IF NOT EXISTS timeline_type ON timeline(agency, type)",
        ]

    def add(self, row: tuple[Any, ...], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("INSERT INTO timeline VALUES(?, ?, ?, ?, ?, ?, ?)", row)
            self._insert_tracking(cursor, tracking)


class _Timeline(Projection[_View]):
    name = "timeline"
    topics = ()

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        body = getattr(domain_event, "body", None)
        if body is None:
            return
        told = orjson.loads(body)
        row = (told["subject"], told["recordedtime"], told["time"], told["source"], told["type"])
        self.view.add((tracking.notification_id, *row, told["data"]["note"][:120]), tracking)


def append_and_project(folder: Path, raws: Sequence[bytes], batch: int) -> float:
    """Seconds to save events in batches and to project them, one transaction an event, as its views do."""
    log, view = folder / "peer.sqlite", folder / "peer-view.sqlite"
    application = Application(env=_environment(log))
    persons = [_Person(ref=str(number)) for number in range(max(1, len(raws) // _STREAM))]
    application.save(*persons)
    bodies = [raw.decode() for raw in raws]
    gc.collect()
    began = time.perf_counter()
    for start in range(0, len(bodies), batch):
        touched = {}
        for number, body in enumerate(bodies[start : start + batch], start):
            person = persons[number % len(persons)]
            person.record(body=body)
            touched[person.id] = person
        application.save(*touched.values())
    _project(application, view)
    took_s = time.perf_counter() - began
    application.close()
    for path in (log, view):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    return took_s


def _project(application: Application[Any], path: Path) -> None:
    """Pulls: its recorder for SQLite has no subscription."""
    environment = Environment("timeline", _environment(path))
    view = InfrastructureFactory.construct(environment).tracking_recorder(_View)
    projection = _Timeline(view=view)
    start = 1
    while found := application.recorder.select_notifications(start, _PAGE):
        for notification in found:
            tracking = Tracking(application.name, notification.id)
            projection.process_event(application.mapper.to_domain_event(notification), tracking)
        start = found[-1].id + 1
    view.datastore.close()


def _environment(path: Path) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(path),
        "IS_SNAPSHOTTING_ENABLED": "n",
    }
