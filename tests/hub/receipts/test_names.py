"""Receipt ids and quarantine numbers as people see and type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.receipts.names import NameKey, ReceiptNames, quarantine_name, quarantine_number

KEYS = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(1, 2**50 - 1)


@given(KEYS, NUMBERS)
def test_a_receipt_id_is_read_back(key: bytes, number: int) -> None:
    names = ReceiptNames([NameKey(1, key)])
    name = names.name_of(number)
    assert names.numbers_of(name) == [number]
    assert names.numbers_of(f" {name.lower().replace('0', 'o').replace('1', 'l')} ") == [number]
    assert names.numbers_of(name.removeprefix("R-")) == [number]
    assert len(name) == 12
    assert not set(name[2:]) & set("OILU")


@given(KEYS)
def test_ids_that_follow_each_other_have_nothing_in_common(key: bytes) -> None:
    names = ReceiptNames([NameKey(1, key)])
    ids = [names.name_of(number) for number in range(1, 401)]
    assert len(set(ids)) == 400
    for place in range(2, 12):
        assert len({name[place] for name in ids}) > 20


def test_each_home_has_ids_of_its_own() -> None:
    one, other = ReceiptNames([NameKey(1, b"1" * 32)]), ReceiptNames([NameKey(1, b"2" * 32)])
    assert not {one.name_of(number) for number in range(1, 100)} & {other.name_of(number) for number in range(1, 100)}


@given(KEYS, st.integers(1, 10**7), st.integers(2, 11), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_mistyped_id_names_no_receipt(key: bytes, number: int, place: int, wrong: str) -> None:
    names = ReceiptNames([NameKey(1, key)])
    name = names.name_of(number)
    mistyped = name[:place] + wrong + name[place + 1 :]
    (found,) = names.numbers_of(mistyped)
    assert mistyped == name or found > 10**7


def test_after_a_restore_ids_of_the_lost_time_name_nothing() -> None:
    before = ReceiptNames([NameKey(1, b"1" * 32)])
    after = ReceiptNames([NameKey(1, b"1" * 32), NameKey(51, b"2" * 32)])
    kept, lost = before.name_of(50), before.name_of(51)
    stored = range(1, 10**6)
    assert [number for number in after.numbers_of(kept) if number in stored] == [50]
    assert [number for number in after.numbers_of(after.name_of(51)) if number in stored] == [51]
    assert [number for number in after.numbers_of(lost) if number in stored] == []


def test_a_number_whose_id_an_older_receipt_has_is_passed_over() -> None:
    names = ReceiptNames([NameKey(0, b"1" * 32), NameKey(500, b"2" * 32)], half_bits=5)
    old = {names.name_of(number) for number in range(500)}
    clear = [number for number in range(500, 1024) if names.is_clear(number)]
    assert 0 < len(clear) < 524
    assert all((names.name_of(number) not in old) == (number in clear) for number in range(500, 1024))
    assert all(names.numbers_of(names.name_of(number)) == [number] for number in clear)


@pytest.mark.parametrize("text", ["", "R-", "R-123", "R-0123456789A", "R-012345678U", "R-٠١٢٣٤٥٦٧٨٩", "Q-0031"])
def test_what_is_no_receipt_id(text: str) -> None:
    assert ReceiptNames([NameKey(1, bytes(32))]).numbers_of(text) == []


@given(st.integers(1, 10**12))
def test_a_quarantine_number_is_read_back(number: int) -> None:
    name = quarantine_name(number)
    assert quarantine_number(name) == quarantine_number(name.lower()) == quarantine_number(str(number)) == number


def test_a_quarantine_number_has_four_digits_at_least() -> None:
    assert quarantine_name(31) == "Q-0031"
    assert quarantine_name(123_456) == "Q-123456"


@pytest.mark.parametrize("text", ["", "Q-", "Q-x", "Q--1", "Q-²", "R-0123456789", "9" * 16])
def test_what_is_no_quarantine_number(text: str) -> None:
    assert quarantine_number(text) is None
