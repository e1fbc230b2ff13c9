"""What a cell says, by its column's kind: a value, and the code of what was wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo

from adapters.csv_mapping.dates import Reading, date_reader
from adapters.csv_mapping.mapping import CodeList, Column
from events.ids import is_nhs_number

Reader = Callable[[str], Reading]

_SIGNS = str.maketrans("", "", "£$€ \u00a0")
_DECIMAL = re.compile(r"(-?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d{1,9})?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_REMEMBERED = 8192


def reader_of(column: Column, codes: CodeList | None, zone: ZoneInfo) -> Reader | None:
    """Reads the cells of a column; None where they are taken as they stand."""
    if column.kind == "text":
        return None if column.separator is None else lru_cache(_REMEMBERED)(_separated(column.separator))
    if column.kind == "code" and codes is not None:
        return code_reader(codes)
    if column.kind == "boolean":
        return _boolean(column)
    plain: dict[str, Reader] = {
        "date": date_reader(column.formats, column.pivot, zone),
        "decimal": _decimal,
        "integer": _integer,
        "nhs-number": _nhs_number,
    }
    return lru_cache(_REMEMBERED)(plain[column.kind])


def code_reader(codes: CodeList) -> Reader:
    """Our word for a code; what an unknown one becomes is the list's choice."""
    ours: dict[str, Reading] = {code.casefold(): (word, None) for code, word in codes.values.items()}
    unknown: Reading = ("other" if codes.unknown == "other" else None, "unknown-code")

    def read(text: str) -> Reading:
        return ours.get(text.casefold(), unknown)

    return read


def _boolean(column: Column) -> Reader:
    known: dict[str, Reading] = {word.casefold(): (False, None) for word in column.no}
    known.update({word.casefold(): (True, None) for word in column.yes})

    def read(text: str) -> Reading:
        return known.get(text.casefold(), (None, "bad-boolean"))

    return read


def _separated(separator: str) -> Reader:
    def read(text: str) -> Reading:
        return [part for each in text.split(separator) if (part := each.strip())] or None, None

    return read


def _decimal(text: str) -> Reading:
    found = _DECIMAL.fullmatch(text.translate(_SIGNS))
    if found is None or len(whole := found[2].replace(",", "").lstrip("0") or "0") > 18:
        return None, "bad-decimal"
    return f"{found[1]}{whole}{found[3] or ''}", None


def _integer(text: str) -> Reading:
    return (int(text), None) if _INTEGER.fullmatch(text) else (None, "bad-integer")


def _nhs_number(text: str) -> Reading:
    """Ten digits with their check digit, however they are grouped; a number that is surely wrong is nobody's."""
    digits = text.translate(_SIGNS).replace("-", "")
    return (digits, None) if is_nhs_number(digits) else (None, "bad-nhs-number")
