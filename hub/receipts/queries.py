"""What is read from receipts.sqlite: receipts, outcomes of messages, the quarantine, sums per day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import apsw
import orjson

from adapters.sdk.outcome import Counts, MessageOutcome
from adapters.sdk.receipts import Arrival, Receipt
from events.errors import Refused
from hub.receipts.documents import Document, decode
from hub.receipts.journal import read_sums, unknown_receipt
from hub.receipts.names import quarantine_name, receipt_code, receipt_name

QuarantineState = Literal["waiting", "released"]
_ARRIVAL = (
    "r.number, r.id, r.agency, r.system, r.adapter, r.file_name, r.options, r.received_us, r.size_bytes, r.sha256"
)
_QUARANTINE = (
    "SELECT q.number, r.id, r.agency, r.system, r.adapter, r.file_name, q.place, q.code, q.field, q.detail, "
    "q.sender_id, q.state, q.noted_us FROM quarantine q JOIN receipts r ON r.number = q.receipt"
)
_Row = tuple[object, ...]


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


def read_receipt(db: apsw.Connection, receipt_id: str) -> tuple[int, Receipt]:
    """Number and receipt. Raises Refused `unknown-receipt`."""
    row = db.execute(f"SELECT {_ARRIVAL} FROM receipts r WHERE r.id = ?", (receipt_code(receipt_id),)).fetchone()
    if row is None:
        raise unknown_receipt(receipt_id)
    return row[0], _receipt(*row[1:])


def is_taken(db: apsw.Connection, code: int) -> bool:
    return bool(db.execute("SELECT count(*) FROM receipts WHERE id = ?", (code,)).get)


def read_body(db: apsw.Connection, number: int) -> bytes | None:
    body: bytes | None = db.execute("SELECT body FROM receipts WHERE number = ?", (number,)).get
    return body


def read_status(db: apsw.Connection, receipt_id: str) -> ReceiptStatus:
    number, receipt = read_receipt(db, receipt_id)
    is_open = db.execute("SELECT count(*) FROM unfinished WHERE receipt = ?", (number,)).get
    return ReceiptStatus(receipt, "received" if is_open else "done", Counts(*read_sums(db, number)[:-1]))


def read_unfinished(db: apsw.Connection) -> list[Receipt]:
    """Receipts whose messages do not all have their outcome, oldest first."""
    rows = db.execute(f"SELECT {_ARRIVAL} FROM unfinished u JOIN receipts r ON r.number = u.receipt ORDER BY u.receipt")
    return [_receipt(*row[1:]) for row in rows]


def read_filed(db: apsw.Connection) -> list[tuple[str, int]]:
    """Ids and sizes of the receipts whose bytes lie in a file of their own."""
    rows = db.execute("SELECT id, size_bytes FROM receipts WHERE body IS NULL ORDER BY number")
    return [(receipt_name(code), size) for code, size in rows]


def read_outcomes(db: apsw.Connection, receipt_id: str, after: int, limit: int) -> list[tuple[int, MessageOutcome]]:
    """Outcomes of a receipt's messages in their order, each with its how-manieth (from 1), from `after` on."""
    number, _ = read_receipt(db, receipt_id)
    rows = db.execute(
        "SELECT first, document, event_ids FROM outcomes WHERE receipt = :r AND first >= "
        "(SELECT max(first) FROM outcomes WHERE receipt = :r AND first <= :after) ORDER BY first",
        {"r": number, "after": after},
    )
    page: list[tuple[int, MessageOutcome]] = []
    for first, document, event_ids in rows:
        noted = enumerate(decode(document, event_ids), first + 1)
        page.extend((at, _newest(db, number, outcome)) for at, outcome in noted if after < at <= after + limit)
        if len(page) >= limit:
            break
    return page


def _newest(db: apsw.Connection, number: int, outcome: MessageOutcome) -> MessageOutcome:
    row = db.execute(
        "SELECT document, event_ids FROM retried WHERE receipt = ? AND place = ?", (number, outcome.place)
    ).fetchone()
    return outcome if row is None else decode(*row)[0]


def find_by_sender_id(db: apsw.Connection, sender_id: str, agency: str | None, limit: int) -> list[FoundMessage]:
    """Messages that carry a sender's own id, newest first. Reads every document: 1 GB of them a second."""
    rows = db.execute(
        f"SELECT {_ARRIVAL}, o.document, o.event_ids FROM outcomes o CROSS JOIN receipts r ON r.number = o.receipt "
        "WHERE instr(o.document, :quoted) AND (:agency IS NULL OR r.agency = :agency) "
        "ORDER BY o.receipt DESC, o.first DESC",
        {"quoted": orjson.dumps(sender_id), "agency": agency},
    )
    found: list[FoundMessage] = []
    for number, *arrival, document, event_ids in rows:
        noted = Document(document, event_ids)
        meant = [noted.outcome(at) for at, its_id in enumerate(noted.sender_ids) if its_id == sender_id]
        found.extend(FoundMessage(_receipt(*arrival), _newest(db, number, outcome)) for outcome in meant)
        if len(found) >= limit:
            break
    return found[:limit]


def find_by_file_name(db: apsw.Connection, file_name: str, agency: str | None, limit: int) -> Iterator[str]:
    """Ids of receipts of a file name, newest first."""
    rows = db.execute(
        "SELECT id FROM receipts WHERE file_name = ? AND (? IS NULL OR agency = ?) ORDER BY number DESC LIMIT ?",
        (file_name, agency, agency, limit),
    )
    return (receipt_name(code) for (code,) in rows)


def read_quarantine(
    db: apsw.Connection, agency: str | None, receipt_id: str | None, state: str | None, after: int, limit: int
) -> list[QuarantineEntry]:
    """Quarantined messages by number, after one; each filter may be left open."""
    rows = db.execute(
        f"{_QUARANTINE} WHERE q.number > :after AND (:state IS NULL OR q.state = :state) AND "
        "(:agency IS NULL OR r.agency = :agency) AND (:receipt IS NULL OR r.id = :receipt) "
        "ORDER BY q.number LIMIT :limit",
        {
            "after": after,
            "state": state,
            "agency": agency,
            "receipt": None if receipt_id is None else receipt_code(receipt_id) or -1,
            "limit": limit,
        },
    )
    return [_entry(*row) for row in rows]


def read_quarantine_entry(db: apsw.Connection, number: int) -> QuarantineEntry:
    """Raises Refused `unknown-quarantine-number`."""
    row = db.execute(f"{_QUARANTINE} WHERE q.number = ?", (number,)).fetchone()
    if row is None:
        raise Refused(
            "unknown-quarantine-number",
            "the quarantine holds no message of this number",
            where=quarantine_name(number),
            next_step="`tellonce quarantine list` prints the numbers.",
        )
    return _entry(*row)


def read_days(db: apsw.Connection) -> list[DayCounts]:
    return [DayCounts(*row) for row in db.execute("SELECT * FROM days ORDER BY agency, system, day")]


def _receipt(
    code: int,
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
    return Receipt(receipt_name(code), arrival, received_us, size_bytes, sha256.hex())


def _entry(number: int, code: int, *rest: object) -> QuarantineEntry:
    return QuarantineEntry(number, receipt_name(code), *rest)  # type: ignore[arg-type]
