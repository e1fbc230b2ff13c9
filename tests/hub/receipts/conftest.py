"""A store of receipts in a folder of its own, on a clock that stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.clock import DrivenClock
from hub.receipts.store import ReceiptStore
from tests.hub.receipts.holders import HeldKeys
from tests.hub.receipts.keeping import KEYS, OpenStore


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))


@pytest.fixture
def keys() -> HeldKeys:
    KEYS.begin()
    return KEYS


@pytest.fixture
def open_store(tmp_path: Path, clock: DrivenClock, keys: HeldKeys) -> Iterator[OpenStore]:
    opened: list[ReceiptStore] = []

    def open_it(**settings: Any) -> ReceiptStore:
        opened.append(ReceiptStore(tmp_path, clock=clock, keys=keys, **settings))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> ReceiptStore:
    return open_store()
