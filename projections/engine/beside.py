"""A generation folded beside the live one, until it is where the live one is and can take its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from events.codec import StoredRow
from events.log.port import page
from projections.engine.target import Target

_PAGE = 20_000
Progress = Callable[[int, int], None]


class RebuildCancelled(Exception):
    """The rebuild was told to stop; its shadow is gone, the live views are as they were."""


class Beside(Protocol):
    """Whatever folds a shadow: it can be sent on, again and again, to where the live views are by then."""

    def fold_to(self, end: int, progress: Progress, cancel: threading.Event | None) -> None:
        """Folds up to an offset (not included), telling how far it is, as (done, of).

        Raises RebuildCancelled when `cancel` is set in time, and what the disk says where it takes no more.
        """
        ...


class Reader(Protocol):
    """As much of a log as a fold needs."""

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]: ...


def pages_to(target: Target, log: Reader, partition: str, end: int) -> Iterator[int]:
    """Folds a target up to an offset (not included); after each page, how far it is."""
    while (start := target.next_of(partition)) < end:
        rows = page(log.read(partition, start, min(_PAGE, end - start)))
        target.apply(partition, rows)
        yield rows[-1].offset + 1
