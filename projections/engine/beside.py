"""A generation folded beside the live one, until it is where the live one is and can take its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from events.log.port import page
from projections.engine.purging import Reader
from projections.engine.target import Target

_PAGE = 20_000
# Told how far a rebuild is, as (done, of), every now and then even where it does not move. It may raise: the rebuild
# is then given up, its shadow goes, and the live views are as they were.
Progress = Callable[[int, int], None]


class Beside(Protocol):
    """Whatever folds a shadow: it can be sent on, again and again, to where the live views are by then."""

    def fold_to(self, end: int, progress: Progress) -> None:
        """Folds up to an offset (not included). Raises what `progress` raises, and what the disk says."""
        ...


def pages_to(target: Target, log: Reader, partition: str, end: int) -> Iterator[int]:
    """Folds a target up to an offset (not included); after each page, how far it is."""
    while (start := target.next_of(partition)) < end:
        rows = page(log.read(partition, start, min(_PAGE, end - start)))
        target.apply(partition, rows)
        yield rows[-1].offset + 1
