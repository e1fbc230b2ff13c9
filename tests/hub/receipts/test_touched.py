"""Somebody who writes in receipts.sqlite, and has no key: no part opens as another's, and nothing falls."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from events.errors import Refused
from hub.receipts.store import ReceiptStore
from tests.by_hand import run_in
from tests.counts import times
from tests.hub.receipts.keeping import KEYS, OpenStore
from tests.hub.receipts.test_parting import keep, kept, part_of

ANN, BOB = "Ottoline Fictitious", "Bartholomew Fictitious"
NO_VALUES = (7, 1.5, "text", "{}", "[1]", '{"2": []}', b"", b"\0", b"\xff" * 16, bytes(64))
ROUNDS = times(3, proof=50)


class Touched:
    """A store of two receipts: of four messages (hers, his, of both, and one that nobody could read), and of two."""

    def __init__(self, folder: Path, open_store: OpenStore) -> None:
        self._path = folder / "receipts.sqlite"
        self._open_store = open_store
        store = open_store()
        parts = part_of(ANN, sender_id="a"), part_of(BOB, place="2"), part_of(ANN, BOB, place="3"), part_of(place="4")
        self.first = keep(store, *parts)
        self.second = keep(store, part_of(BOB), part_of(ANN, place="2"))
        store.close()
        self.whole = {receipt: self.read(receipt) for receipt in (self.first, self.second)}

    def read(self, receipt: str) -> list[str]:
        """What is left of each message, or why nothing is."""
        store = self._open_store()
        try:
            return [
                each.part.message.raw.decode()
                if each.part is not None
                else "erased"
                if each.is_erased
                else "damaged"
                if each.is_damaged
                else "gone"
                for each in kept(store, receipt)
            ]
        except Refused as error:
            return [error.code]
        finally:
            store.close()

    def store(self) -> ReceiptStore:
        return self._open_store()

    def run(self, statement: str, *values: Any) -> list[Any]:
        return run_in(self._path, statement, *values)

    def value(self, table: str, column: str, where: str = "receipt = 1") -> Any:
        return self.run(f"SELECT {column} FROM {table} WHERE {where}")[0][0]

    def put(self, table: str, column: str, value: Any, where: str = "receipt = 1") -> None:
        self.run(f"UPDATE {table} SET {column} = ? WHERE {where}", value)

    def assert_told(self) -> None:
        """Each part of the first receipt is as it was, damaged, or gone as if its key were; the second is as it was."""
        found = self.read(self.first)
        assert found != self.whole[self.first]
        if found != ["receipt-damaged"]:
            assert all(
                now in (was, "damaged", "gone") for now, was in zip(found, self.whole[self.first], strict=True)
            ), found
        assert self.read(self.second) == self.whole[self.second]

    def assert_erased(self) -> None:
        """She can be erased all the same: no part of hers is left to be opened."""
        store = self.store()
        store.drop_parts(KEYS.of(ANN).subject)
        store.close()
        for receipt in (self.first, self.second):
            assert all(ANN not in each for each in self.read(receipt))


@pytest.fixture
def home(tmp_path: Path, open_store: OpenStore) -> Touched:
    return Touched(tmp_path, open_store)


@pytest.fixture(params=range(ROUNDS))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(f"{request.node.originalname} {request.param}")


WHOLE_ROW = "receipt = 1 AND at IS NULL"


def test_an_untouched_store_gives_every_part_back(home: Touched) -> None:
    assert [len(parts) for parts in home.whole.values()] == [4, 2]
    assert {"damaged", "erased", "gone", "receipt-damaged"}.isdisjoint(home.whole[home.first])
    home.assert_erased()
    assert [each == "erased" for each in home.read(home.first)] == [True, False, True, False]


def test_owners_of_two_parts_swapped_open_neither(home: Touched) -> None:
    owners = home.value("owned", "owners", WHOLE_ROW)
    home.put("owned", "owners", owners[16:32] + owners[:16] + owners[32:], WHOLE_ROW)
    assert home.read(home.first)[:2] == ["damaged", "damaged"]
    home.assert_told()


def test_parts_of_two_persons_swapped_with_their_owners_open_neither(home: Touched) -> None:
    owners, content = home.value("owned", "owners", WHOLE_ROW), home.value("parts", "content")
    sizes = home.value("parts", "sizes")
    one, two = int.from_bytes(sizes[:4], "big"), int.from_bytes(sizes[4:8], "big")
    home.put("owned", "owners", owners[16:32] + owners[:16] + owners[32:], WHOLE_ROW)
    home.put("parts", "content", content[one : one + two] + content[:one] + content[one + two :])
    home.put("parts", "sizes", sizes[4:8] + sizes[:4] + sizes[8:])
    assert home.read(home.first)[:2] == ["damaged", "damaged"]
    home.assert_told()


@pytest.mark.parametrize("value", NO_VALUES)
@pytest.mark.parametrize(
    ("table", "column", "where"),
    [
        ("owned", "owners", WHOLE_ROW),
        ("owned", "owners", "receipt = 1 AND at = 2"),
        ("owned", "tokens", WHOLE_ROW),
        ("parts", "several", "receipt = 1"),
        ("parts", "sizes", "receipt = 1"),
        ("parts", "content", "receipt = 1"),
        ("outcomes", "document", "receipt = 1"),
    ],
)
def test_a_value_that_is_none_is_told_and_keeps_nobody_from_being_erased(
    home: Touched, table: str, column: str, where: str, value: Any
) -> None:
    home.put(table, column, value, where)
    home.assert_told()
    home.assert_erased()


@pytest.mark.parametrize("column", ["owners", "tokens", "sizes", "content"])
def test_what_is_cut_short_or_run_on_is_told(home: Touched, chance: random.Random, column: str) -> None:
    table, where = ("owned", WHOLE_ROW) if column in ("owners", "tokens") else ("parts", "receipt = 1")
    whole = home.value(table, column, where)
    cut = chance.randrange(1, len(whole))
    for spoilt in (whole[:cut], whole[cut:], whole + whole[:cut]):
        home.put(table, column, spoilt, where)
        home.assert_told()
    home.assert_erased()


def test_a_flipped_bit_of_a_part_damages_that_part_alone(home: Touched, chance: random.Random) -> None:
    content = home.value("parts", "content")
    bit = chance.randrange(len(content) * 8)
    flipped = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(content))
    home.put("parts", "content", flipped)
    home.assert_told()
    assert home.read(home.first).count("damaged") == 1


@pytest.mark.parametrize("table", ["parts", "owned"])
def test_rows_that_are_gone_are_told(home: Touched, table: str) -> None:
    home.run(f"DELETE FROM {table} WHERE receipt = 1")
    home.assert_told()
    home.assert_erased()


@pytest.mark.parametrize("table", ["parts", "owned", "outcomes"])
def test_rows_of_two_receipts_swapped_open_nothing_of_the_other(home: Touched, table: str) -> None:
    for one, other in ((1, 11), (2, 12), (11, 2), (12, 1)):
        home.run(f"UPDATE {table} SET receipt = ? WHERE receipt = ?", other, one)
    for receipt, other in ((home.first, home.second), (home.second, home.first)):
        assert set(home.read(receipt)).isdisjoint(home.whole[other]) or home.read(receipt) == home.whole[receipt]
    store = home.store()
    store.drop_parts(KEYS.forget(ANN))  # whose parts they are is not sealed: her key closes them
    store.close()
    for receipt in (home.first, home.second):
        assert all(ANN not in each for each in home.read(receipt))


def test_contents_of_two_receipts_swapped_are_told_in_both(home: Touched) -> None:
    one, other = (home.value("parts", "content", f"receipt = {at}") for at in (1, 2))
    home.put("parts", "content", other, "receipt = 1")
    home.put("parts", "content", one, "receipt = 2")
    assert home.read(home.first) == home.read(home.second) == ["receipt-damaged"]


@pytest.mark.parametrize("value", NO_VALUES)
def test_a_list_of_messages_shows_what_is_damaged_and_all_others(home: Touched, value: Any) -> None:
    home.put("parts", "content", value)
    store = home.store()
    assert [entry.place for entry in store.quarantined()] == ["4"]
    store.close()


@pytest.mark.parametrize("value", NO_VALUES)
@pytest.mark.parametrize("column", ["document", "tokens"])
def test_whoever_asks_for_a_message_is_told_that_its_receipt_is_damaged_or_nothing(
    home: Touched, column: str, value: Any
) -> None:
    table, where = ("owned", WHOLE_ROW) if column == "tokens" else ("outcomes", "receipt = 1")
    home.put(table, column, value, where)
    store = home.store()
    if column == "tokens":
        assert store.find(sender_id="a") == []
    else:
        with pytest.raises(Refused, match="receipt-damaged"):
            store.find(sender_id="a")
    store.close()
