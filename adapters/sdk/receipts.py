"""Where raw bytes are kept before anything reads them: what intake asks of a store of receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, Protocol

from adapters.sdk.adapter import Message
from adapters.sdk.outcome import MessageOutcome
from events.identity import SubjectKeys


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
    """What was received: id, arrival, when (µs since 1970), and how many bytes, rounded up above (hub/receipts)."""

    id: str
    arrival: Arrival
    received_us: int
    size_bytes: int


class Part(NamedTuple):
    """A message that is kept, and for whom: it goes when any of its owners is erased.

    Without an owner (not mapped, quarantined) it is kept for 30 days; of a closed one (about an erased record) nothing
    is kept at all. `version` is that of the adapter that counted the ordinals.
    """

    message: Message
    owners: tuple[SubjectKeys, ...] = ()
    is_closed: bool = False
    ordinals: tuple[int, ...] = ()
    version: str = ""


class Kept(NamedTuple):
    """What is left of a message, with what became of it: no part where it is gone."""

    place: str
    outcome: MessageOutcome
    part: Part | None  # without owners
    is_owned: bool = False
    is_erased: bool = False  # it was about somebody who was erased
    is_damaged: bool = False  # it does not open; else it was kept for 30 days, or taken away by hand


class KeptBatch(NamedTuple):
    """Messages of a parted receipt that follow each other; `first` is the how-manieth the first one is, from 0."""

    first: int
    kept: Sequence[Kept]


class Receipts(Protocol):
    def store(self, arrival: Arrival, raw: bytes | BinaryIO) -> Receipt:
        """Durable when it returns. Raises TryAgainLater (`disk-full`) when nothing was kept."""
        ...

    def submit(self, arrivals: Sequence[tuple[Arrival, bytes]]) -> list[Callable[[], Receipt]]:
        """The same for many small ones at once, without waiting: what is given back for each waits, and raises."""
        ...

    def open(self, receipt_id: str) -> tuple[Receipt, BinaryIO | None]:
        """The receipt and its bytes as a stream, or None where they were parted since: `kept` has what is left.

        Raises Refused `unknown-receipt`, `receipt-gone` where nothing of it is kept any more.
        """
        ...

    def kept(self, receipt_id: str) -> Iterator[KeptBatch]:
        """What is left of the messages of a receipt, in their order. Raises Refused `unknown-receipt`."""
        ...

    def begin(self, receipt_id: str) -> None:
        """The messages of a stored receipt get their outcomes anew, from the first one on: those noted before go.

        A receipt just stored needs no beginning.
        """
        ...

    def note(
        self, receipt_id: str, outcomes: Sequence[MessageOutcome], parts: Sequence[Part], *, are_last: bool = False
    ) -> None:
        """Outcomes of the next messages, in their order, and what is kept of each.

        Not waited for: the start-up sweep repeats what a crash loses. A quarantined message gets a number (Q-0031).
        The last ones finish the receipt.
        """
        ...

    def note_again(
        self, receipt_id: str, first: int, outcomes: Sequence[MessageOutcome], moved: Mapping[int, Part]
    ) -> None:
        """Outcomes of a batch of kept messages that were read again; `moved` are those that are kept otherwise now."""
        ...

    def replace(self, receipt_id: str, at: int, outcome: MessageOutcome, moved: Part | None) -> None:
        """The outcome of a message, the how-manieth from 0, that was retried stands for the one noted before."""
        ...

    def finish(self, receipt_id: str) -> None:
        """All messages of the receipt have their outcome. Not waited for either."""
        ...

    def unfinished(self) -> Iterator[Receipt]:
        """Receipts without outcome, oldest first: what a killed process left behind."""
        ...
