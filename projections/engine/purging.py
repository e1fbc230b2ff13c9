"""What the hub's own events say is gone for good: the views are to be as if it had never come.

The same events are folded live, in a rebuild and after a restore. In a rebuild what is gone does not even open any
more; live it was folded before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from events.catalogue import TYPES
from events.codec import StoredRow
from events.envelope import Logged
from events.others import token_of_class
from projections.engine.projection import Gone

_HUB = "hub"
_TELLING = frozenset({"hub.subject-erased", "hub.class-shredded", "hub.body-removed"})


class Reader(Protocol):
    """As much of a log as a fold needs."""

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]: ...


def gone_in(logged: Logged) -> Gone | None:
    """What an event of the hub says is gone from its place on; None of any other event."""
    event = logged.event
    if event.attributes["type"] not in _TELLING or event.agency != _HUB:
        return None
    payload = event.payload
    retention = payload.get("retention_class")
    fact = token_of_class(retention) if retention is not None else None
    return Gone(
        bytes.fromhex(payload["subject"]),
        logged.offset,
        retention if fact is None else None,
        frozenset(map(offset_of, payload.get("positions", ()))),
        frozenset(map(bytes.fromhex, payload.get("key_ids", ()))),
        fact,
    )


def offset_of(position: str) -> int:
    """The offset of a position's text form."""
    return int(position.rpartition(":")[2])


def parted(batch: Sequence[Logged]) -> Iterator[tuple[Sequence[Logged], Gone | None]]:
    """A batch in parts, each up to an event that says that something is gone."""
    start = 0
    for end, logged in enumerate(batch, 1):
        gone = gone_in(logged)
        if gone is not None:
            yield batch[start:end], gone
            start = end
    if start < len(batch):
        yield batch[start:], None


def is_gone(gone: Gone, logged: Logged) -> bool:
    """Whether an event of the record is among what is gone of it.

    What the hub decided about a record lives as long as anything of the record: it is in none of its classes.
    """
    event = logged.event
    if gone.is_whole or logged.offset in gone.offsets:
        return True
    kind = TYPES.get(event.attributes["type"])
    return kind is not None and event.agency != _HUB and kind.retention == gone.retention


def first_failing(many: int, fails: Callable[[int], bool]) -> int:
    """The index of the first of so many things with which a whole fails that would not fail without it."""
    low, high = 0, many  # fails with `high` of them, not with `low`
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(middle) else (middle, high)
    return high - 1
