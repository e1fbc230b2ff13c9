"""Where raw bytes are kept before anything reads them: what intake asks of a store of receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

from adapters.sdk.outcome import MessageOutcome


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of received bytes besides the bytes; enough to translate them again."""

    agency: str
    system: str
    adapter: str
    file_name: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Stored raw bytes: id, arrival, when (µs since 1970), how many bytes and their SHA-256 (hex)."""

    id: str
    arrival: Arrival
    received_us: int
    size_bytes: int
    sha256: str


class Receipts(Protocol):
    def store(self, arrival: Arrival, raw: bytes | BinaryIO) -> Receipt:
        """Durable when it returns. Raises TryAgainLater (`disk-full`) when nothing was kept."""
        ...

    def submit(self, arrivals: Sequence[tuple[Arrival, bytes]]) -> list[Callable[[], Receipt]]:
        """The same for many small ones at once, without waiting: what is given back for each waits, and raises."""
        ...

    def open(self, receipt_id: str) -> tuple[Receipt, BinaryIO]:
        """The receipt and its bytes as a stream. Raises Refused `unknown-receipt`."""
        ...

    def begin(self, receipt_id: str) -> None:
        """The messages of a stored receipt get their outcomes anew, from the first one on: those noted before go.

        A receipt just stored needs no beginning.
        """
        ...

    def note(self, receipt_id: str, outcomes: Sequence[MessageOutcome], *, are_last: bool = False) -> None:
        """Outcomes of the next messages, in their order; not waited for: the start-up sweep repeats what a crash loses.

        A quarantined message gets a number (Q-0031). The last ones finish the receipt.
        """
        ...

    def replace(self, receipt_id: str, outcome: MessageOutcome) -> None:
        """The outcome of a message that was quarantined and retried stands for the one noted before."""
        ...

    def finish(self, receipt_id: str) -> None:
        """All messages of the receipt have their outcome. Not waited for either."""
        ...

    def unfinished(self) -> Iterator[Receipt]:
        """Receipts without outcome, oldest first: what a killed process left behind."""
        ...
