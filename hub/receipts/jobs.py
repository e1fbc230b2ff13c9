"""What the writer of receipts is asked to do; all of a group or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapters.sdk.receipts import Receipt
from hub.receipts.documents import Noted
from hub.receipts.parts import SealedBatch, SealedPart
from hub.receipts.writer import Waiter


class StoreReceipt(NamedTuple):
    """A job: a row for received bytes; `body` is None where they lie in a file."""

    number: int
    receipt: Receipt
    head: bytes | None
    wrapped_key: bytes
    body: bytes | None
    waiter: Waiter

    def stored(self) -> Receipt:
        """Waits until it is durable. Raises what forbade it."""
        self.waiter.wait()
        return self.receipt

    @property
    def row(self) -> tuple[object, ...]:
        receipt, arrival = self.receipt, self.receipt.arrival
        sender = (arrival.agency, arrival.system, arrival.adapter)
        return (self.number, *sender, receipt.received_us, receipt.size_bytes, self.head)


class QuarantinedMessage(NamedTuple):
    at: int  # the how-manieth of what is noted with it, from 0
    place: str
    code: str
    field: str
    detail: str
    findings: int
    noted_us: int


class NoteOutcomes(NamedTuple):
    """A job: outcomes of messages of one receipt, and what is kept of each; the last ones finish it."""

    receipt: str
    first: int  # the how-manieth the first one is
    noted: Noted
    parts: SealedBatch
    quarantined: Sequence[QuarantinedMessage]
    keeps_whole: bool  # there is more that could not be cut into messages
    are_last: bool
    waiter: None = None


class NoteAgain(NamedTuple):
    """A job: outcomes that stand for those of a batch noted before, and the parts that are kept otherwise now."""

    receipt: str
    first: int
    noted: Noted
    moved: Mapping[int, SealedPart]
    quarantined: Sequence[QuarantinedMessage]
    waiter: None = None


class ReplaceOutcome(NamedTuple):
    """A job: the outcome of one message stands for the one noted before."""

    receipt: str
    at: int
    place: str
    noted: Noted
    moved: SealedPart | None
    quarantined: QuarantinedMessage | None
    waiter: None = None


class BeginReceipt(NamedTuple):
    """A job: the messages of a receipt get their outcomes anew."""

    receipt: str
    waiter: None = None


class FinishReceipt(NamedTuple):
    """A job: all messages of a receipt have their outcome."""

    receipt: str
    waiter: None = None


class DropParts(NamedTuple):
    """A job: nothing is kept any more of what was about a subject; for ever, or of what there is now."""

    subject: bytes
    is_for_ever: bool
    dropped: list[int]  # gets how many parts those were
    waiter: Waiter


class ForgetOld(NamedTuple):
    """A job: what arrived before a time and was not parted is gone."""

    before_us: int
    unread: Noted  # the outcome of a receipt that nobody read
    waiter: Waiter
