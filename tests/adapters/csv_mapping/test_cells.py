"""Cells by the kind of their column."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.csv_mapping.cells import code_reader, reader_of
from adapters.csv_mapping.mapping import CodeList, Column
from events.catalogue.values import DECIMAL

UTC = ZoneInfo("UTC")


def _read(text: str, **column: Any) -> tuple[object, str | None]:
    reader = reader_of(Column(**column), None, UTC)
    assert reader is not None
    return reader(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("104.20", "104.20"),
        ("£1,212.50", "1212.50"),
        ("1,234,567", "1234567"),
        ("-12", "-12"),
        ("007.5", "7.5"),
        ("0.10", "0.10"),
        ("£ 12", "12"),
    ],
)
def test_decimals_keep_their_digits(text: str, value: str) -> None:
    assert _read(text, kind="decimal") == (value, None)
    assert re.fullmatch(DECIMAL, value)


@pytest.mark.parametrize("text", ["1,2,3", "12,50", "abc", "1e5", "NaN", "--1", "=1+1", "9" * 19, "1.", "٣"])
def test_what_is_no_decimal_is_left_out(text: str) -> None:
    assert _read(text, kind="decimal") == (None, "bad-decimal")


def test_integers_and_booleans() -> None:
    assert _read("42", kind="integer") == (42, None)
    assert _read("4.2", kind="integer") == (None, "bad-integer")
    assert _read("YES", kind="boolean") == (True, None)
    assert _read("0", kind="boolean") == (False, None)
    assert _read("ja", kind="boolean", yes=["Ja"], no=["Nein"]) == (True, None)
    assert _read("perhaps", kind="boolean") == (None, "bad-boolean")


def test_nhs_numbers_are_read_however_grouped_and_wrong_ones_are_nobodys() -> None:
    assert _read("999 000 2746", kind="nhs-number") == ("9990002746", None)
    assert _read("999-000-2746", kind="nhs-number") == ("9990002746", None)
    assert _read("9990002747", kind="nhs-number") == (None, "bad-nhs-number")
    assert _read("99900027", kind="nhs-number") == (None, "bad-nhs-number")


def test_texts_stand_as_they_are_and_lists_are_divided() -> None:
    assert reader_of(Column(), None, UTC) is None
    assert _read("a; b;;c", separator=";") == (["a", "b", "c"], None)
    assert _read(";", separator=";") == (None, None)


@pytest.mark.parametrize(("unknown", "value"), [("reject", None), ("finding", None), ("other", "other")])
def test_an_unknown_code_becomes_what_its_list_says(unknown: Any, value: str | None) -> None:
    read = code_reader(CodeList(values={"GEN": "social-rent"}, unknown=unknown))
    assert read("gen") == ("social-rent", None)
    assert read("LIC") == (value, "unknown-code")
