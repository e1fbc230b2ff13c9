"""What is read from receipts.sqlite: receipts, outcomes of messages, the quarantine, sums per day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import apsw
import orjson

from adapters.sdk.again import receipt_damaged
from adapters.sdk.making import ERASED
from adapters.sdk.outcome import Counts, MessageOutcome
from adapters.sdk.receipts import Arrival, Kept, KeptBatch, Receipt
from events.errors import Refused
from events.sealing import Cipher, DoesNotOpen
from hub.receipts.documents import Document, decode
from hub.receipts.finding import Finding
from hub.receipts.holding import HeldBatch, HeldPart, Holding, Whose, placed, sender_ids
from hub.receipts.journal import find_number, read_sums, unknown_receipt
from hub.receipts.names import ReceiptNames, quarantine_name
from hub.receipts.sealer import Flight
from hub.receipts.sealing import (
    WRAPPED_BYTES,
    Days,
    ReceiptKeys,
    about_body,
    about_head,
    gone_at_us,
    head_key_of,
    unsealed,
    unwrap,
)

_T = TypeVar("_T")
QuarantineState = Literal["waiting", "released", "expired"]
_ARRIVAL = "r.number, r.agency, r.system, r.adapter, r.received_us, r.size_bytes, r.head"
_QUARANTINE = (
    f"SELECT q.number, q.at, q.place, q.code, q.field, q.detail, q.state, q.noted_us, {_ARRIVAL} "
    "FROM quarantine q JOIN receipts r ON r.number = q.receipt"
)
# How many messages of a receipt have their outcome, if all have.
_NOTED = (
    "SELECT sum(messages) FROM outcomes WHERE receipt = ?1 AND NOT EXISTS (SELECT 1 FROM unfinished WHERE receipt = ?1)"
)
_NO_KEY = bytes(WRAPPED_BYTES)


class ReceiptStatus(NamedTuple):
    """A receipt and how far its messages are; `done` when each has its outcome."""

    receipt: Receipt
    status: Literal["received", "done"]
    counts: Counts


class FoundMessage(NamedTuple):
    """A message that a sender asks about, in its receipt."""

    receipt: Receipt
    outcome: MessageOutcome


class QuarantineEntry(NamedTuple):
    """A message that could not be understood: why, where it came in, and until when its bytes are kept.

    File name and sender's id are gone with the bytes.
    """

    number: int
    receipt: str
    agency: str
    system: str
    adapter: str
    file_name: str | None
    place: str
    code: str
    where: str
    detail: str
    sender_id: str | None
    state: QuarantineState
    noted_us: int
    gone_at_us: int

    @property
    def name(self) -> str:
        return quarantine_name(self.number)


class DayCounts(NamedTuple):
    """Sums of what was received on one day, in the hub's zone; `accepted` includes `with_findings`."""

    agency: str
    system: str
    day: str
    receipts: int
    accepted: int
    with_findings: int
    not_mapped: int
    quarantined: int
    last_received_us: int


class Arrived(NamedTuple):
    """What arrived and was not parted: its key, and its bytes unless they lie in a file."""

    key: bytes
    body: bytes | None


class ReceiptQueries:
    """Questions to one connection that reads."""

    def __init__(self, db: apsw.Connection, names: ReceiptNames, keys: ReceiptKeys, days: Days) -> None:
        self._db = db
        self._names = names
        self._keys = keys
        self._days = days
        self._holding = Holding(db, keys, days)
        self._finding = Finding(db, keys, days)

    def receipt(self, receipt_id: str) -> tuple[int, Receipt]:
        """Number and receipt. Raises Refused `unknown-receipt`."""
        number = find_number(self._db, self._names, receipt_id)
        row = self._db.execute(f"SELECT {_ARRIVAL} FROM receipts r WHERE r.number = ?", (number,)).fetchone()
        if row is None:
            raise unknown_receipt(receipt_id)
        return row[0], self._receipt(row)

    def has_arrived(self, number: int) -> bool:
        """Whether its bytes are still there as a whole."""
        return bool(self._db.execute("SELECT count(*) FROM arrived WHERE number = ?", (number,)).get)

    def arrived(self, number: int, receipt: Receipt) -> Arrived | None:
        """Key and bytes of what was not parted; None where its 30 days are over.

        Raises Refused `receipt-damaged`.
        """
        key = self._key(number, receipt.received_us)
        if key is None:
            return None
        body = self._db.execute("SELECT body FROM arrived WHERE number = ?", (number,)).get
        try:
            return Arrived(key, None if body is None else unsealed(Cipher(key), body, about_body(number)))
        except DoesNotOpen as error:
            raise receipt_damaged(receipt.id) from error

    def _key(self, number: int, received_us: int) -> bytes | None:
        """The key of what arrived, as long as it was not parted and its day's key is there."""
        wrapped = self._db.execute("SELECT CAST(wrapped AS BLOB) FROM receipt_keys WHERE number = ?", (number,)).get
        day = None if wrapped == _NO_KEY else self._days.of(received_us)
        if day is None:
            return None
        try:
            return unwrap(day, number, wrapped)
        except DoesNotOpen as error:
            raise receipt_damaged(self._names.name_of(number)) from error

    def flight(self, receipt_id: str) -> tuple[Flight, bytes]:
        """What the parts of a stored receipt are sealed with, and the key of its head."""
        number, receipt = self.receipt(receipt_id)
        key = self._key(number, receipt.received_us)
        has_head = self._db.execute("SELECT head IS NOT NULL FROM receipts WHERE number = ?", (number,)).get
        flight = Flight(number, receipt.arrival.agency, receipt.received_us, key or b"", bool(has_head))
        head_key = head_key_of(key) if key is not None else self._holding.any_head_key(_whose(number, receipt))
        return flight, head_key

    def kept(self, receipt_id: str) -> Iterator[KeptBatch]:
        """What is left of a receipt's messages, batch by batch, each read when it is asked for."""
        number, receipt = self.receipt(receipt_id)
        there = 0
        for batch in self._holding.batches(_whose(number, receipt)):
            row = self._db.execute(
                "SELECT document, event_ids FROM outcomes WHERE receipt = ? AND first = ?", (number, batch.first)
            ).fetchone()
            if row is None:  # the run was begun again meanwhile
                return
            outcomes = [self._newest(number, outcome) for outcome in self._decoded(number, *row)]
            if len(outcomes) != len(batch.parts):
                raise receipt_damaged(receipt.id)
            yield KeptBatch(batch.first, [_kept(*each) for each in zip(outcomes, batch.parts, strict=True)])
            there += len(outcomes)
        if there < (self._db.execute(_NOTED, (number,)).get or 0):
            raise receipt_damaged(receipt.id)

    def status(self, receipt_id: str) -> ReceiptStatus:
        number, receipt = self.receipt(receipt_id)
        is_open = self._db.execute("SELECT count(*) FROM unfinished WHERE receipt = ?", (number,)).get
        counts = Counts(*read_sums(self._db, number)[:-1])
        return ReceiptStatus(receipt, "received" if is_open else "done", counts)

    def unfinished(self) -> list[Receipt]:
        """Receipts whose messages do not all have their outcome, oldest first."""
        rows = self._db.execute(
            f"SELECT {_ARRIVAL} FROM unfinished u JOIN receipts r ON r.number = u.receipt ORDER BY u.receipt"
        )
        return [self._receipt(row) for row in rows]

    def in_files(self) -> list[tuple[str, int]]:
        """Ids and sizes of the receipts whose bytes lie in a file of their own."""
        rows = self._db.execute(
            "SELECT a.number, r.size_bytes FROM arrived a JOIN receipts r ON r.number = a.number "
            "WHERE a.body IS NULL ORDER BY a.number"
        )
        return [(self._names.name_of(number), size) for number, size in rows]

    def outcomes(self, receipt_id: str, after: int, limit: int) -> list[tuple[int, MessageOutcome]]:
        """Outcomes of a receipt's messages in their order, each with its how-manieth (from 1), from `after` on."""
        number, receipt = self.receipt(receipt_id)
        whose = _whose(number, receipt)
        rows = self._db.execute(
            "SELECT first, document, event_ids FROM outcomes WHERE receipt = :r AND first >= "
            "(SELECT max(first) FROM outcomes WHERE receipt = :r AND first <= :after) ORDER BY first",
            {"r": number, "after": after},
        )
        page: list[tuple[int, MessageOutcome]] = []
        for first, document, event_ids in list(rows):
            held = next(self._holding.batches(whose, first), None)
            told = self._decoded(number, document, event_ids)
            if held is not None and len(held.parts) != len(told):
                raise receipt_damaged(receipt.id)
            for at, outcome in enumerate(told):
                if after < first + at + 1 <= after + limit:
                    page.append((first + at + 1, self._told(number, outcome, held, at)))
            if len(page) >= limit:
                break
        return page

    def _told(self, number: int, outcome: MessageOutcome, held: HeldBatch | None, at: int) -> MessageOutcome:
        """An outcome as it stands now; of a message about somebody who was erased nothing is told any more."""
        outcome = self._newest(number, outcome)
        if held is None:
            return outcome
        if held.parts[at].is_erased:
            return MessageOutcome(outcome.place, "not-mapped", None, ERASED)
        return replace(outcome, sender_id=sender_ids(held)[at])

    def _newest(self, number: int, outcome: MessageOutcome) -> MessageOutcome:
        row = self._db.execute(
            "SELECT document, event_ids FROM retried WHERE receipt = ? AND place = ?", (number, outcome.place)
        ).fetchone()
        return outcome if row is None else self._decoded(number, *row)[0]

    def _decoded(self, number: int, document: bytes, event_ids: bytes) -> list[MessageOutcome]:
        """Raises Refused `receipt-damaged`."""
        return self._read(number, lambda: decode(document, event_ids))

    def _read(self, number: int, read: Callable[[], _T]) -> _T:
        """What is read of outcomes, which nothing seals. Raises Refused `receipt-damaged` where that is none."""
        try:
            return read()
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise receipt_damaged(self._names.name_of(number)) from error

    def of_sender_id(self, sender_id: str, agency: str | None, limit: int) -> list[FoundMessage]:
        """Messages that carry a sender's own id, newest first."""
        agencies = [agency] if agency is not None else self._agencies()
        found: list[FoundMessage] = []
        for number, first, at in self._finding.messages(agencies, sender_id):
            row = self._db.execute(
                f"SELECT o.document, o.event_ids, {_ARRIVAL} FROM outcomes o JOIN receipts r ON r.number = o.receipt "
                "WHERE o.receipt = ? AND o.first = ?",
                (number, first),
            ).fetchone()
            if row is None:
                continue
            receipt = self._receipt(row[2:])
            if receipt.arrival.agency in agencies:
                outcome = self._newest(number, self._read(number, partial(_outcome, row[0], row[1], at)))
                found.append(FoundMessage(receipt, replace(outcome, sender_id=sender_id)))
            if len(found) >= limit:
                break
        return found

    def _agencies(self) -> list[str]:
        return [name for (name,) in self._db.execute("SELECT DISTINCT agency FROM days")]

    def quarantine(
        self, agency: str | None, receipt_id: str | None, state: str | None, after: int, limit: int
    ) -> list[QuarantineEntry]:
        """Quarantined messages by number, after one; each filter may be left open."""
        rows = self._db.execute(
            f"{_QUARANTINE} WHERE q.number > :after AND (:state IS NULL OR q.state = :state) AND "
            "(:agency IS NULL OR r.agency = :agency) AND (:any_receipt OR q.receipt = :receipt) "
            "ORDER BY q.number LIMIT :limit",
            {
                "after": after,
                "state": state,
                "agency": agency,
                "any_receipt": receipt_id is None,
                "receipt": receipt_id and find_number(self._db, self._names, receipt_id),
                "limit": limit,
            },
        )
        return [self._entry(*row) for row in rows]

    def quarantine_entry(self, number: int) -> QuarantineEntry:
        """Raises Refused `unknown-quarantine-number`."""
        row = self._db.execute(f"{_QUARANTINE} WHERE q.number = ?", (number,)).fetchone()
        if row is None:
            raise unknown_quarantine_number(number)
        return self._entry(*row)

    def has_received(self, agency: str) -> bool:
        return self._db.execute("SELECT 1 FROM days WHERE agency = ? LIMIT 1", (agency,)).get is not None

    def days(self) -> list[DayCounts]:
        return [DayCounts(*row) for row in self._db.execute("SELECT * FROM days ORDER BY agency, system, day")]

    def waiting_until(self, agency: str) -> int | None:
        """When the last of what an agency sent and nobody could read is gone; None where there is nothing of that."""
        return self._finding.waiting_until(agency)

    def _receipt(self, row: Sequence[Any], head_key: bytes | None = None) -> Receipt:
        """A receipt; its file name and options as long as anything of it is left that opens them."""
        number, agency, system, adapter, received_us, size_bytes, head = row
        name = self._names.name_of(number)
        file_name: str | None = None
        options: dict[str, Any] = {}
        if head is not None:
            if head_key is None:
                key = self._key(number, received_us)
                whose = Whose(number, name, agency, received_us)
                head_key = self._holding.any_head_key(whose) if key is None else head_key_of(key)
            if head_key:
                file_name, options = self._head(head, head_key, number)
        return Receipt(name, Arrival(agency, system, adapter, file_name, options), received_us, size_bytes)

    def _head(self, head: bytes, head_key: bytes, number: int) -> tuple[str | None, dict[str, Any]]:
        try:
            file_name, options = orjson.loads(unsealed(Cipher(head_key), head, about_head(number)))
        except DoesNotOpen as error:
            raise receipt_damaged(self._names.name_of(number)) from error
        return file_name, options

    def _entry(self, number: int, at: int, *rest: Any) -> QuarantineEntry:
        place, code, where, detail, state, noted_us, *arrival = rest
        its_number, agency, received_us = arrival[0], arrival[1], arrival[4]
        held = self._holding.one(Whose(its_number, self._names.name_of(its_number), agency, received_us), at)
        opened = None if held is None else held.opened
        # Where the whole was kept because it could not be cut, its own key opens the head.
        receipt = self._receipt(arrival, None if opened is None else opened.head_key or None)
        arrived = receipt.arrival
        return QuarantineEntry(
            number,
            receipt.id,
            arrived.agency,
            arrived.system,
            arrived.adapter,
            arrived.file_name,
            place,
            code,
            where,
            detail,
            None if opened is None else opened.part.message.sender_id,
            state,
            noted_us,
            gone_at_us(received_us),
        )


def _whose(number: int, receipt: Receipt) -> Whose:
    return Whose(number, receipt.id, receipt.arrival.agency, receipt.received_us)


def _kept(outcome: MessageOutcome, held: HeldPart) -> Kept:
    part = placed(held, outcome.place)
    return Kept(outcome.place, outcome, part, held.is_owned, held.is_erased, held.is_damaged)


def _outcome(document: bytes, event_ids: bytes, at: int) -> MessageOutcome:
    return Document(document, event_ids).outcome(at)


def unknown_quarantine_number(number: int) -> Refused:
    return Refused(
        "unknown-quarantine-number",
        "the quarantine holds no message of this number",
        where=quarantine_name(number),
        next_step="`tellonce quarantine list` prints the numbers.",
    )
