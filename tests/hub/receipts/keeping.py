"""Receipts kept in a store: from whom they came, and what became of their messages."""

from collections.abc import Callable

from adapters.sdk.outcome import MessageOutcome
from adapters.sdk.receipts import Arrival
from hub.receipts.store import ReceiptStore

NORTH = Arrival("north", "housing", "cloudevents")
SOUTH = Arrival("south", "adt", "hl7v2", "adt.hl7", {"wards": ["7"]})
LARGE = bytes(range(256)) * 5_000
OpenStore = Callable[..., ReceiptStore]


def finish(store: ReceiptStore, receipt_id: str, *batches: list[MessageOutcome]) -> None:
    for batch in batches:
        store.note(receipt_id, batch)
    store.finish(receipt_id)


def a_receipt(store: ReceiptStore, *outcomes: MessageOutcome, arrival: Arrival = NORTH) -> str:
    receipt = store.store(arrival, b"raw")
    finish(store, receipt.id, list(outcomes))
    return receipt.id


def places(store: ReceiptStore, receipt_id: str) -> list[tuple[str, str]]:
    return [(outcome.place, outcome.state) for _, outcome in store.outcomes(receipt_id)]
