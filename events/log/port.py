"""What every log promises, whatever it is stored in.

A position is (partition, offset), opaque outside the log and ordered only within a partition. A cut says for each
partition how far one has read: the offset that comes next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from events.codec import Sealed, StoredRow
from events.errors import Refused, RejectedMessage

Cut = Mapping[str, int]


class Position(NamedTuple):
    """The place of an event. Its text form carries the epoch, so that cursors from before a restore are refused."""

    epoch: str
    partition: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.partition}:{self.offset}"


def parse_position(text: str) -> Position:
    """Position of its text form. Raises RejectedMessage `bad-position`."""
    epoch, _, rest = text.partition(":")
    partition, _, offset = rest.rpartition(":")
    if not epoch or not partition or not offset.isascii() or not offset.isdigit() or len(offset) > 18:
        raise RejectedMessage(
            "bad-position", "this is not a position", where="position", next_step="Copy one from an earlier answer."
        )
    return Position(epoch, partition, int(offset))


class Outcome(NamedTuple):
    """What became of one appended row.

    `is_known` says that the log could tell a duplicate at once; position and known time are then the original's.
    `refused` is the code of why the row has no place and was not stored: its subject is closed.
    """

    position: Position | None
    known_us: int
    is_known: bool
    refused: str | None = None

    @property
    def placed(self) -> Position:
        """The position. Raises Refused (`subject-erased`) where there is none."""
        if self.position is None:
            raise Refused(
                self.refused or "subject-erased",
                "the record was erased, and the log takes nothing about it",
                where="log",
                next_step="Nothing was stored. Only whoever controls the record may re-admit it.",
            )
        return self.position


class Act(Protocol):
    """What has to happen in one moment with its rows: no other row gets a place in between."""

    def before(self) -> None:
        """In the writer's thread, before the rows are placed. What it raises (Refused) is the answer; nothing is
        stored then."""
        ...

    def after(self, outcomes: Sequence[Outcome]) -> None:
        """In the writer's thread, once the rows are durable and before any other row is placed. What it raises is
        the answer, too, but the rows stay."""
        ...


PAGE_MAX_BYTES = 16 << 20


def page(rows: Iterable[StoredRow]) -> list[StoredRow]:
    """The first rows of an answer, at least one, as long as they are few bytes: a single row may have a megabyte."""
    taken: list[StoredRow] = []
    left = PAGE_MAX_BYTES
    for row in rows:
        taken.append(row)
        left -= len(row.body)
        if left <= 0:
            break
    return taken


class Subscription(Protocol):
    def poll(self, timeout_s: float) -> list[tuple[str, StoredRow]]:
        """Rows (with their partition) after those given before, in order per partition; empty after the timeout."""
        ...

    def wake(self) -> None:
        """Ends a poll that waits in another thread."""
        ...

    def close(self) -> None: ...


class Log(Protocol):
    @property
    def epoch(self) -> str: ...

    def append(self, rows: Sequence[Sealed]) -> list[Outcome]:
        """Durable when it returns; one outcome a row, in order.

        Raises TryAgainLater (`disk-full`, `clock-behind`, ...) when nothing was stored.
        """
        ...

    def submit(self, rows: Sequence[Sealed], act: Act | None = None) -> Future[list[Outcome]]:
        """The same without waiting; with an act, as a group of its own."""
        ...

    def head(self) -> Cut: ...

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        """At most `limit` rows from an offset on."""
        ...

    def subscribe(self, start: Cut) -> Subscription: ...

    def close(self) -> None: ...
