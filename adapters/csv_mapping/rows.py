"""Cuts a CSV file into its rows' own bytes: quoted line ends are kept, one broken row costs only itself.

A quote opens a cell only at the cell's beginning (RFC 4180); anywhere else it is a sign like any other. A quote that
never closes would swallow the rows below it: where a cell runs over lines and is not closed as it should be, its first
line alone is faulty, and reading goes on with the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

ROW_BYTES_MAX = 1 << 20
HEAD_BYTES = 1 << 14
BLOCK_BYTES = 1 << 18
UNCLOSED_QUOTE, ROW_TOO_LONG = "unclosed-quote", "row-too-long"

_WHOLE, _OPEN, _BROKEN = range(3)


class Row(NamedTuple):
    """A row as it stands in the file, without its line end; numbered as a spreadsheet numbers it."""

    number: int
    raw: bytes
    fault: str | None = None


class Dialect:
    """How cells are divided and quoted."""

    def __init__(self, delimiter: str, quote: str) -> None:
        self.delimiter = delimiter
        self.quote = quote
        self.quote_byte = quote.encode("ascii")
        self.blanks = f" \t\r{delimiter}{quote}".encode("ascii")
        if not quote:
            return
        d, q = re.escape(delimiter), re.escape(quote)
        inside = f"[^{q}]*+(?:{q}{q}[^{q}]*+)*+"
        cell = f"(?:{q}{inside}{q}[^{d}]*+|(?!{q})[^{d}]*+)"
        self._cells = re.compile(f"(?:^|{d})(?:{q}({inside}){q}([^{d}]*+)|([^{d}]*+))", re.DOTALL)
        self._whole = re.compile(f"{cell}(?:{d}{cell})*+".encode("ascii"), re.DOTALL)
        self._inside = re.compile(f"{inside}({q}?)".encode("ascii"), re.DOTALL)

    def cells(self, text: str) -> list[str]:
        """The cells of a row. Text behind a closing quote is taken as the csv module takes it: as more of the cell."""
        if not self.quote or self.quote not in text:
            return text.split(self.delimiter)
        doubled = self.quote * 2
        return [
            quoted.replace(doubled, self.quote) + behind if quoted or behind else plain
            for quoted, behind, plain in self._cells.findall(text)
        ]

    def is_whole(self, line: bytes) -> bool:
        """True unless a quoted cell goes on in the next line."""
        return not self.quote or self.quote_byte not in line or self._whole.fullmatch(line) is not None

    def goes_on(self, line: bytes) -> int:
        """What becomes of an open cell with this next line of it: the row is whole, open or broken."""
        found = self._inside.match(line)
        if found is None or not found[1]:
            return _OPEN
        behind = line[found.end() :].removesuffix(b"\r")
        if behind and behind[:1] != self.delimiter.encode("ascii"):
            return _BROKEN
        return _WHOLE if self.is_whole(behind) else _OPEN


def rows(raw: BinaryIO, dialect: Dialect) -> Iterator[Row]:
    """Every row, blank ones too, numbered from 1."""
    lines = _Lines(raw)
    number = 0
    tried_up_to = 0  # lines below were part of a row that never closed: they are tried alone, lest all be read twice
    while (line := lines.next()) is not None:
        number += 1
        if len(line) > ROW_BYTES_MAX:
            yield Row(number, line[:HEAD_BYTES], ROW_TOO_LONG)
        elif dialect.is_whole(line):
            yield Row(number, line.removesuffix(b"\r"))
        elif lines.position < tried_up_to:
            yield Row(number, line[:HEAD_BYTES].removesuffix(b"\r"), UNCLOSED_QUOTE)
        else:
            row, tried = _long_row(number, line, lines, dialect)
            tried_up_to = lines.position + tried
            yield row


def _long_row(number: int, first: bytes, lines: _Lines, dialect: Dialect) -> tuple[Row, int]:
    """A row that goes on over the next lines; if it never closes as it should, its first line, as a fault.

    Also how many of the next lines were tried in vain.
    """
    parts = [first]
    size = len(first)
    while (line := lines.peek(len(parts) - 1)) is not None:
        parts.append(line)
        size += 1 + len(line)
        state = dialect.goes_on(line)
        if size > ROW_BYTES_MAX or state == _BROKEN:
            break
        if state == _WHOLE:
            lines.skip(len(parts) - 1)
            return Row(number, lines.line_end.join(parts).removesuffix(b"\r")), 0
    fault = ROW_TOO_LONG if size > ROW_BYTES_MAX else UNCLOSED_QUOTE
    return Row(number, first[:HEAD_BYTES].removesuffix(b"\r"), fault), len(parts) - 1


class _Lines:
    """Lines of a stream, read ahead by blocks; of a line beyond the limit only so much that it shows."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._ahead: list[bytes] = []
        self._at = 0
        self._rest: bytes | None = b""
        self.line_end = b""
        self.position = 0  # lines that were taken

    def next(self) -> bytes | None:
        line = self.peek(0)
        self.skip(1)
        return line

    def skip(self, count: int) -> None:
        self._at += count
        self.position += count

    def peek(self, ahead: int) -> bytes | None:
        """The line that is so many after the next one; None behind the last."""
        while self._at + ahead >= len(self._ahead):
            if not self._more():
                return None
        return self._ahead[self._at + ahead]

    def _more(self) -> bool:
        if self._rest is None:
            return False
        del self._ahead[: self._at]
        self._at = 0
        block = self._block()
        if not block:
            last, self._rest = self._rest, None
            if last:
                self._ahead.append(last)
            return bool(last)
        if not self.line_end:
            # Old exports end their lines with a carriage return alone.
            self.line_end = b"\r" if b"\r" in block and b"\n" not in block else b"\n"
        lines = block.split(self.line_end)
        lines[0] = self._joined(lines[0])
        self._rest = lines.pop()
        self._ahead += lines
        return True

    def _joined(self, begun: bytes) -> bytes:
        """The line that the last block ended in, with more of it; no more than shows that it is too long."""
        rest = self._rest or b""
        return (rest + begun[: ROW_BYTES_MAX + 1 - len(rest)]) if rest else begun

    def _block(self) -> bytes:
        """A whole block, whatever the stream hands out at a time."""
        parts: list[bytes] = []
        wanted = BLOCK_BYTES
        while wanted > 0 and (part := self._raw.read(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)
