"""Rows keep their own bytes; quoted line ends stay, broken quotes cost one line; the csv module is judge."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv_mapping.rows import ROW_BYTES_MAX, Dialect, rows
from adapters.sdk.hostile import Dribble

PLAIN = Dialect(",", '"')


def _rows(content: bytes, dialect: Dialect = PLAIN) -> list[tuple[int, bytes, str | None]]:
    return [tuple(each) for each in rows(io.BytesIO(content), dialect)]


def _whole(content: bytes) -> list[bytes]:
    return [raw for _, raw, fault in _rows(content) if fault is None]


def test_rows_are_numbered_as_a_spreadsheet_numbers_them() -> None:
    assert _rows(b'a,b\r\n1,"two\r\nlines"\r\n\r\n2,x') == [
        (1, b"a,b", None),
        (2, b'1,"two\r\nlines"', None),
        (3, b"", None),
        (4, b"2,x", None),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_known(end: bytes) -> None:
    assert _whole(end.join([b"a,b", b'1,"x"', b"2,y", b""])) == [b"a,b", b'1,"x"', b"2,y"]


def test_a_quoted_line_end_is_kept_as_it_came() -> None:
    assert _whole(b'"a\r\nb",c\r\n"d\ne"\r\n') == [b'"a\r\nb",c', b'"d\ne"']


@pytest.mark.parametrize(
    "line",
    [b'5" pipe,x', b'O"Brien,x', b'"a"b,x', b'a,b"', b'"a ""quoted"" word",x', b'"",""', b'""""', b'a"b"c,"d"'],
)
def test_quotes_within_a_line_need_no_next_line(line: bytes) -> None:
    assert _whole(line + b"\nnext,1") == [line, b"next,1"]


@pytest.mark.parametrize(
    "below",
    [
        b"18,x,y\n19,x,y\n",
        b'18,x,y\n19,"High St, 5",y\n',
        b'18,x,y\n19,"High St\nFlat 2",y\n20,x,y\n',
        b'18,5" pipe,y\n',
    ],
    ids=["no quote below", "a quoted cell below", "a cell of two lines below", "a lone quote below"],
)
def test_a_quote_left_open_costs_its_own_line(below: bytes) -> None:
    found = _rows(b'16,x,y\n17,"Smith,y\n' + below)
    assert found[0] == (1, b"16,x,y", None)
    assert found[1] == (2, b'17,"Smith,y', "unclosed-quote")
    assert [raw for _, raw, fault in found[2:] if fault is None] == _whole(below)


def test_a_row_beyond_the_limit_costs_only_itself() -> None:
    for huge in (b"x" * (3 * ROW_BYTES_MAX), b'"' + (b"x" * 999 + b"\n") * 2000):
        found = _rows(b"1,a\n" + huge + b"\n2,b\n")
        assert found[1][2] == "row-too-long"
        assert len(found[1][1]) < ROW_BYTES_MAX
        assert (found[0][1], found[-1][1]) == (b"1,a", b"2,b")


def test_a_file_without_quotes_may_say_so() -> None:
    assert [raw for _, raw, _ in _rows(b'"a,b\nc"\n', Dialect("|", ""))] == [b'"a,b', b'c"']
    assert Dialect("|", "").cells('"a|b"') == ['"a', 'b"']


# A carriage return alone, unquoted before a line feed, would be part of the line end.
_CELL = st.lists(st.sampled_from(["a", "b", ",", ";", '"', "'", "\r\n", "\n", " ", "\t", "é", "|"]), max_size=8).map(
    "".join
)


@given(
    st.lists(st.lists(_CELL, min_size=1, max_size=4), max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(['"', "'"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_cell_by_cell(
    table: list[list[str]], quoting: Any, delimiter: str, quote: str, end: str
) -> None:
    table = [["a", "b"], *table]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=end).writerows(table)
    dialect = Dialect(delimiter, quote)
    found = list(rows(io.BytesIO(file.getvalue().encode()), dialect))
    assert [each.fault for each in found] == [None] * len(table)
    assert [dialect.cells(each.raw.decode()) for each in found] == table


@given(st.text(st.sampled_from('ab",'), min_size=1, max_size=12))
def test_odd_quotes_are_read_as_the_csv_module_reads_them(line: str) -> None:
    if PLAIN.is_whole(line.encode()):
        assert PLAIN.cells(line) == next(csv.reader([line]))


@given(st.text(st.sampled_from('ab",\n'), max_size=60), st.integers(1, 7))
def test_no_byte_is_lost_and_arrival_does_not_matter(text: str, size: int) -> None:
    content = text.encode()
    found = list(rows(io.BytesIO(content), PLAIN))
    assert b"\n".join(each.raw for each in found) == content.removesuffix(b"\n")
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    stream: Any = Dribble(content, (size,))
    assert list(rows(stream, PLAIN)) == found


@pytest.mark.parametrize("line", [b'x","y\n', b'"\n', b'a,"b\n', b'"""\n'])
def test_lines_of_broken_quotes_take_no_more_time_than_others(line: bytes) -> None:
    """Each line opens a cell that the next one closes and opens again: read naively, each is read a thousand times."""
    content = line * (400_000 // len(line))
    begun = time.process_time()
    count = sum(1 for _ in rows(io.BytesIO(content), PLAIN))
    assert time.process_time() - begun < 15
    assert count > 100


class _Endless(io.RawIOBase):
    """A file of any size that nobody has to hold."""

    def __init__(self, block: bytes, size_bytes: int) -> None:
        super().__init__()
        self._block = block
        self._left = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), len(self._block), self._left)
        buffer[:size] = self._block[:size]
        self._left -= size
        return size


@pytest.mark.parametrize(
    "block",
    [(b"y" * 4095 + b"\n") * 64, b"x" * (1 << 18), b'"' + b"x" * ((1 << 18) - 1), b"\n" * 64 + b"z" * ((1 << 18) - 64)],
    ids=["rows", "one cell", "quotes", "blank lines"],
)
def test_300_megabytes_pass_through_a_few(block: bytes) -> None:
    stream: Any = _Endless(block, 300 << 20)
    tracemalloc.start()
    try:
        count = sum(1 for _ in rows(stream, PLAIN))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count >= 1
    assert peak < 12 << 20
