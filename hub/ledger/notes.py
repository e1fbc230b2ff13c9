"""What somebody noted of a log's checkpoints, held against a log that is not open."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from events.checkpoints import Checkpoint
from events.log.sqlite import SqliteReader


def not_held(log: Path, standing: Checkpoint, noted: Iterable[Checkpoint]) -> Checkpoint | None:
    """The first of what was noted of a log's epoch whose events are not in it; what is beyond its end is passed over.

    Of `standing` origin and size count.
    """
    within = [each for each in noted if each.origin == standing.origin and 0 < each.size <= standing.size]
    with closing(SqliteReader(log)) as reader:
        return next((each for each in within if reader.tree().root(each.size) != each.root), None)
