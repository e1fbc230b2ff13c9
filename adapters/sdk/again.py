"""Reading again what is kept of a receipt: its messages, one by one, with holes where somebody was erased.

The bytes as a whole are gone by then, so nothing is cut anew. Holes count nothing: what they counted for others stands
in the others' own parts.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.sdk.making import ERASED, EventMaker
from adapters.sdk.outcome import MessageOutcome, Report
from adapters.sdk.reading import Pending, Reader, append, make, records_of
from adapters.sdk.receipts import Kept, Part, Receipt, Receipts
from adapters.sdk.tally import Settled, Tally, settle
from events.errors import Refused
from events.identity import RecordKeys
from events.log.port import Log


class Again:
    """Translates kept messages again. What the log knows already adds nothing."""

    def __init__(self, *, log: Log, receipts: Receipts, keyring: RecordKeys) -> None:
        self._log = log
        self._receipts = receipts
        self._keyring = keyring

    def all(self, receipt: Receipt, reader: Reader) -> Report:
        """Every message that is left; what is gone says so."""
        tally = Tally()
        maker = reader.maker(receipt.id)
        for first, kept in self._receipts.kept(receipt.id):
            read = self._read(reader, maker, kept)
            left = [pending for pending in read if pending is not None]
            answers = append(self._log, left).result()
            settled = tally.answered(left, answers)
            outcomes, moved = _merged(kept, settled)
            tally.count(outcomes)
            self._receipts.note_again(receipt.id, first, outcomes, moved)
        self._receipts.finish(receipt.id)
        return tally.report(receipt.id)

    def one(self, receipt: Receipt, reader: Reader, place: str) -> MessageOutcome | None:
        """One message; None where the receipt has no such place. Raises Refused `receipt-gone`, `receipt-damaged`."""
        maker = reader.maker(receipt.id)
        for first, kept in self._receipts.kept(receipt.id):
            read = self._read(reader, maker, kept)  # also for the retry of one: places count over the whole file
            for at, (each, pending) in enumerate(zip(kept, read, strict=True)):
                if each.place != place:
                    continue
                if pending is None:
                    return _of_hole(each, receipt.id)
                settled = settle([pending], append(self._log, [pending]).result())
                outcome, part = settled.outcomes[0], settled.parts[0]
                self._receipts.replace(receipt.id, first + at, outcome, part if _is_moved(each, part) else None)
                return outcome
        return None

    def _read(self, reader: Reader, maker: EventMaker, kept: Sequence[Kept]) -> list[Pending | None]:
        translated = [None if each.part is None else reader.translate_again(each.part) for each in kept]
        left = [each for each in translated if each is not None]
        self._keyring.look_up(records_of(maker, left))
        return [None if each is None else make(maker, each) for each in translated]


def receipt_gone(receipt_id: str) -> Refused:
    """What somebody is told who asks for bytes that are not kept any more."""
    return Refused(
        "receipt-gone",
        "what was not understood is kept for 30 days, or until somebody whom it tells of is erased; then it is gone",
        where=f"receipt {receipt_id}",
        next_step="Ask the sender to send it again.",
    )


def receipt_damaged(receipt_id: str) -> Refused:
    """What somebody is told where sealed bytes do not open."""
    return Refused(
        "receipt-damaged",
        "its sealed bytes were changed, cut or put in another order, and do not open",
        where=f"receipt {receipt_id}",
        next_step="Restore the home from a backup, or ask the sender to send it again; its events are not harmed.",
    )


def _of_hole(kept: Kept, receipt_id: str) -> MessageOutcome:
    if kept.is_damaged:
        raise receipt_damaged(receipt_id)
    if not kept.is_erased:
        raise receipt_gone(receipt_id)
    return MessageOutcome(kept.place, "not-mapped", None, ERASED)


def _merged(kept: Sequence[Kept], settled: Settled) -> tuple[list[MessageOutcome], dict[int, Part]]:
    """Outcomes of all messages of a batch, those of holes among them, and the parts that are kept otherwise now."""
    left = zip(settled.outcomes, settled.parts, strict=True)
    outcomes: list[MessageOutcome] = []
    moved: dict[int, Part] = {}
    for at, each in enumerate(kept):
        if each.part is None:
            outcomes.append(MessageOutcome(each.place, "not-mapped", None, ERASED) if each.is_erased else each.outcome)
            continue
        outcome, part = next(left)
        outcomes.append(outcome)
        if _is_moved(each, part):
            moved[at] = part
    return outcomes, moved


def _is_moved(kept: Kept, part: Part) -> bool:
    """Whether it is another's to keep now: understood at last, or of a record that was erased meanwhile."""
    return part.is_closed or (bool(part.owners) and not kept.is_owned)
