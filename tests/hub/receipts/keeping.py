"""Receipts kept in a store: from whom they came, and what became of their messages."""

from collections.abc import Callable

from adapters.sdk.outcome import MessageOutcome
from adapters.sdk.receipts import Arrival
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.holders import HeldKeys, parts_of

NORTH = Arrival("north", "housing", "cloudevents")
SOUTH = Arrival("south", "adt", "hl7v2", "adt.hl7", {"wards": ["7"]})
LARGE = bytes(range(256)) * 5_000
KEYS = HeldKeys()
OpenStore = Callable[..., ReceiptStore]


def bytes_of(store: ReceiptStore, receipt_id: str) -> bytes:
    """What arrived, where it was not parted yet."""
    _, raw = store.open(receipt_id)
    assert raw is not None
    with raw:
        return raw.read()


def note(store: ReceiptStore, receipt_id: str, *outcomes: MessageOutcome, are_last: bool = False) -> None:
    store.note(receipt_id, outcomes, parts_of(KEYS, outcomes), are_last=are_last)


def replace(store: ReceiptStore, receipt_id: str, outcome: MessageOutcome) -> None:
    """A retried message; its place is its number."""
    (part,) = parts_of(KEYS, [outcome])
    store.replace(receipt_id, int(outcome.place) - 1, outcome, part if part.owners else None)


def finish(store: ReceiptStore, receipt_id: str, *batches: list[MessageOutcome]) -> None:
    for batch in batches:
        note(store, receipt_id, *batch)
    store.finish(receipt_id)


def a_receipt(store: ReceiptStore, *outcomes: MessageOutcome, arrival: Arrival = NORTH) -> str:
    receipt = store.store(arrival, b"raw")
    finish(store, receipt.id, list(outcomes))
    return receipt.id


def places(store: ReceiptStore, receipt_id: str) -> list[tuple[str, str]]:
    return [(outcome.place, outcome.state) for _, outcome in store.outcomes(receipt_id)]
