"""Receipt ids and quarantine numbers as people see and type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.receipts.names import (
    RANDOM_BYTES,
    new_receipt_code,
    quarantine_name,
    quarantine_number,
    receipt_code,
    receipt_name,
)


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_a_receipt_id_is_read_back(random: bytes) -> None:
    code = new_receipt_code(random)
    name = receipt_name(code)
    assert receipt_code(name) == code
    assert receipt_code(f" {name.lower().replace('0', 'o').replace('1', 'l')} ") == code
    assert receipt_code(name.removeprefix("R-")) == code
    assert len(name) == 12
    assert not set(name[2:]) & set("OILU")


@pytest.mark.parametrize("text", ["", "R-", "R-123", "R-0123456789A", "R-012345678U", "R-٠١٢٣٤٥٦٧٨٩", "Q-0031"])
def test_what_is_no_receipt_id(text: str) -> None:
    assert receipt_code(text) is None


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
