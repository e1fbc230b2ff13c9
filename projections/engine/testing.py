"""What every projection must keep, as a mixin for pytest.

class TestPeople(ProjectionConformance):
    projection = PeopleProjection()
    events = staticmethod(some_events)
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Sequence

from events.envelope import Logged
from projections.engine.projection import Connection, Projection, table_sql


def empty_view(projection: Projection) -> sqlite3.Connection:
    """A database in memory with the projection's tables."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    for statement in table_sql(projection.metadata):
        db.execute(statement)
    return db


def fold(projection: Projection, db: Connection, batches: Sequence[Sequence[Logged]]) -> None:
    """Folds batches, each in a transaction and with a folder of its own, as after a restart."""
    for batch in batches:
        db.execute("BEGIN")
        projection.folder(db).batch(batch)
        db.execute("COMMIT")


def digest(projection: Projection, db: Connection) -> str:
    """SHA-256 over all rows by primary key: equal views have equal digests."""
    told = hashlib.sha256()
    for table in sorted(projection.metadata.tables.values(), key=lambda table: table.name):
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        for row in db.execute(f"SELECT * FROM {table.name} ORDER BY {keys}"):
            told.update(repr((table.name, row)).encode())
    return told.hexdigest()


class ProjectionConformance:
    """A view says the same however the log is cut into batches, and says it again when folded again."""

    projection: Projection
    events: Callable[[], Sequence[Logged]]

    def _digest_of(self, batches: Sequence[Sequence[Logged]]) -> str:
        db = empty_view(self.projection)
        fold(self.projection, db, batches)
        return digest(self.projection, db)

    def test_folding_again_gives_the_same_view(self) -> None:
        events = self.events()
        assert self._digest_of([events]) == self._digest_of([events])

    def test_batches_of_any_size_give_the_same_view(self) -> None:
        events = self.events()
        whole = self._digest_of([events])
        assert self._digest_of([[event] for event in events]) == whole
        rng = random.Random(7)
        for _ in range(5):
            cuts = sorted(rng.sample(range(1, len(events)), min(5, len(events) - 1)))
            batches = [events[start:end] for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True)]
            assert self._digest_of(batches) == whole

    def test_a_batch_rolled_back_leaves_nothing(self) -> None:
        events = self.events()
        half = len(events) // 2
        db = empty_view(self.projection)
        fold(self.projection, db, [events[:half]])
        before = digest(self.projection, db)
        db.execute("BEGIN")
        self.projection.folder(db).batch(events[half:])
        db.execute("ROLLBACK")
        assert digest(self.projection, db) == before

    def test_no_row_is_known_only_by_a_surrogate(self) -> None:
        for table in self.projection.metadata.tables.values():
            assert table.primary_key.columns, f"{table.name} has no primary key"
