"""What is read from receipts.sqlite: receipts, outcomes of messages, the quarantine, sums per day."""

from __future__ import annotations

from typing import Literal, NamedTuple

import apsw
import orjson

from adapters.sdk.outcome import Counts, MessageOutcome
from adapters.sdk.receipts import Arrival, Receipt
from events.errors import Refused
from hub.receipts.documents import Document, decode
from hub.receipts.journal import find_number, read_sums, unknown_receipt
from hub.receipts.names import ReceiptNames, quarantine_name

QuarantineState = Literal["waiting", "released"]
_ARRIVAL = "r.number, r.agency, r.system, r.adapter, r.file_name, r.options, r.received_us, r.size_bytes, r.sha256"
_QUARANTINE = (
    "SELECT q.number, q.receipt, r.agency, r.system, r.adapter, r.file_name, q.place, q.code, q.field, q.detail, "
    "q.sender_id, q.state, q.noted_us FROM quarantine q JOIN receipts r ON r.number = q.receipt"
)


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
    """A message that could not be understood: why, and where its bytes are."""

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


class ReceiptQueries:
    """Questions to one connection that reads."""

    def __init__(self, db: apsw.Connection, names: ReceiptNames) -> None:
        self._db = db
        self._names = names

    def receipt(self, receipt_id: str) -> tuple[int, Receipt]:
        """Number and receipt. Raises Refused `unknown-receipt`."""
        number = find_number(self._db, self._names, receipt_id)
        row = self._db.execute(f"SELECT {_ARRIVAL} FROM receipts r WHERE r.number = ?", (number,)).fetchone()
        if row is None:
            raise unknown_receipt(receipt_id)
        return row[0], self._receipt(*row)

    def body(self, number: int) -> bytes | None:
        """Its bytes; None where they lie in a file."""
        body: bytes | None = self._db.execute("SELECT body FROM receipts WHERE number = ?", (number,)).get
        return body

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
        return [self._receipt(*row) for row in rows]

    def in_files(self) -> list[tuple[str, int]]:
        """Ids and sizes of the receipts whose bytes lie in a file of their own."""
        rows = self._db.execute("SELECT number, size_bytes FROM receipts WHERE body IS NULL ORDER BY number")
        return [(self._names.name_of(number), size) for number, size in rows]

    def outcomes(self, receipt_id: str, after: int, limit: int) -> list[tuple[int, MessageOutcome]]:
        """Outcomes of a receipt's messages in their order, each with its how-manieth (from 1), from `after` on."""
        number, _ = self.receipt(receipt_id)
        rows = self._db.execute(
            "SELECT first, document, event_ids FROM outcomes WHERE receipt = :r AND first >= "
            "(SELECT max(first) FROM outcomes WHERE receipt = :r AND first <= :after) ORDER BY first",
            {"r": number, "after": after},
        )
        page: list[tuple[int, MessageOutcome]] = []
        for first, document, event_ids in rows:
            noted = enumerate(decode(document, event_ids), first + 1)
            page.extend((at, self._newest(number, outcome)) for at, outcome in noted if after < at <= after + limit)
            if len(page) >= limit:
                break
        return page

    def _newest(self, number: int, outcome: MessageOutcome) -> MessageOutcome:
        row = self._db.execute(
            "SELECT document, event_ids FROM retried WHERE receipt = ? AND place = ?", (number, outcome.place)
        ).fetchone()
        return outcome if row is None else decode(*row)[0]

    def of_sender_id(self, sender_id: str, agency: str | None, limit: int) -> list[FoundMessage]:
        """Messages that carry a sender's own id, newest first. Reads every document: 1 GB of them a second."""
        rows = self._db.execute(
            f"SELECT o.document, o.event_ids, {_ARRIVAL} FROM outcomes o CROSS JOIN receipts r ON r.number = o.receipt "
            "WHERE instr(o.document, :quoted) AND (:agency IS NULL OR r.agency = :agency) "
            "ORDER BY o.receipt DESC, o.first DESC",
            {"quoted": orjson.dumps(sender_id), "agency": agency},
        )
        found: list[FoundMessage] = []
        for document, event_ids, *arrival in rows:
            noted = Document(document, event_ids)
            meant = [noted.outcome(at) for at, its_id in enumerate(noted.sender_ids) if its_id == sender_id]
            found.extend(FoundMessage(self._receipt(*arrival), self._newest(arrival[0], each)) for each in meant)
            if len(found) >= limit:
                break
        return found[:limit]

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

    def _receipt(
        self,
        number: int,
        agency: str,
        system: str,
        adapter: str,
        file_name: str | None,
        options: bytes,
        received_us: int,
        size_bytes: int,
        sha256: bytes,
    ) -> Receipt:
        arrival = Arrival(agency, system, adapter, file_name, orjson.loads(options))
        return Receipt(self._names.name_of(number), arrival, received_us, size_bytes, sha256.hex())

    def _entry(self, number: int, receipt: int, *rest: object) -> QuarantineEntry:
        return QuarantineEntry(number, self._names.name_of(receipt), *rest)  # type: ignore[arg-type]


def unknown_quarantine_number(number: int) -> Refused:
    return Refused(
        "unknown-quarantine-number",
        "the quarantine holds no message of this number",
        where=quarantine_name(number),
        next_step="`tellonce quarantine list` prints the numbers.",
    )
