"""What a command writes: one JSON document, or lines to read; colours, tables and bars only on a terminal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hub.local.requests import Progress as TellProgress

# What would steer the terminal instead of standing on it: control characters, and marks that turn the direction of
# text. A sender's words must not move the cursor or hide what stands beside them.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile("[\u2028\u2029]")
_AROUND_BREAK = re.compile(r"\s*\n\s*")


def readable(text: str) -> str:
    """The text without what steers a terminal."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub("\n", text))


def one_line(text: str) -> str:
    """The same on one line: a break in a sender's name must not begin a line that looks like ours."""
    return _AROUND_BREAK.sub(" ", readable(text))


class _Console(Console):
    """A console that lets a closed pipe be told: how a command ends is for `main` to say."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Standard output for answers, standard error for progress and faults."""

    def __init__(self, *, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.as_json = as_json
        self._stream = out or sys.stdout
        self._out = _Console(file=self._stream, highlight=False, emoji=False, markup=False)
        self._err = _Console(file=err or sys.stderr, highlight=False, emoji=False, markup=False)

    @property
    def is_terminal(self) -> bool:
        return self._out.is_terminal and not self.as_json

    @property
    def width(self) -> int:
        return self._out.width

    # ---- answers

    def document(self, document: object) -> None:
        """One JSON document; half a surrogate pair in a sender's text is written as its escape.

        Where the stream is not in UTF-8, everything beyond ASCII is.
        """
        is_utf8 = (self._stream.encoding or "utf-8").lower().replace("-", "") == "utf8"
        text = json.dumps(document, ensure_ascii=not is_utf8, indent=2 if self._out.is_terminal else None)
        self.raw(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")

    def raw(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def line(self, text: str = "", style: str = "") -> None:
        """A line of words, never wrapped in a pipe."""
        self._out.print(Text(one_line(text), style=style), soft_wrap=not self.is_terminal)

    def text(self, text: Text) -> None:
        self._out.print(text, soft_wrap=not self.is_terminal)

    def padded(self, text: Text, blanks: int) -> None:
        """Lines set in, each of them; on a terminal what is too long goes on below its beginning."""
        if self.is_terminal:
            self._out.print(Padding(text, (0, 0, 0, blanks)))
        else:
            for line in text.split("\n", allow_blank=True):
                self._out.print(Text(" " * blanks) + line, soft_wrap=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table; in a pipe, columns set apart by two blanks; where it is too wide for the terminal, a card a row."""
        cells = [[one_line("" if cell is None else str(cell)) for cell in row] for row in rows]
        widths = [max(len(row[at]) for row in [headings, *cells]) for at in range(len(headings))]
        if self.is_terminal and sum(widths) + 3 * len(widths) > self.width:
            self._cards(headings, cells)
        elif self.is_terminal:
            self._table(headings, cells)
        else:
            for row in [headings, *cells]:
                self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def _table(self, headings: Sequence[str], rows: list[list[str]]) -> None:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(headings))
        for heading in headings:
            table.add_column(Text(heading))
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._out.print(table)

    def _cards(self, headings: Sequence[str], rows: list[list[str]]) -> None:
        for first, *rest in rows:
            self.line(first, "bold")
            told = (f"{heading} {cell}" for heading, cell in zip(headings[1:], rest, strict=True) if cell)
            self.padded(Text(", ".join(told)), 2)

    # ---- beside the answer

    def remark(self, text: str, style: str = "") -> None:
        """A line on standard error; said also beside JSON."""
        self._err.print(Text(one_line(text), style=style), soft_wrap=True)

    @property
    def has_bars(self) -> bool:
        return self._err.is_terminal

    @contextmanager
    def progress(self, what: str, *, is_counted: bool = True) -> Iterator[TellProgress]:
        """A bar on a terminal, with the count or the share that is done; nothing elsewhere."""
        if not self.has_bars:
            yield lambda done, of: None
            return
        share = MofNCompleteColumn() if is_counted else TaskProgressColumn()
        columns = (TextColumn("{task.description}"), BarColumn(), share, TimeElapsedColumn())
        with Progress(*columns, console=self._err, transient=True) as bars:
            task = bars.add_task(what, total=None)
            yield lambda done, of: bars.update(task, completed=done, total=of)


class Rows:
    """Rows of one JSON document, written as they come: {"<name>": [...], ...}."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._count = 0

    def write(self, row: Any) -> None:
        self._screen.raw(("," if self._count else f'{{"{self._name}":[') + "\n" + json.dumps(row))
        self._count += 1

    def close(self, **more: object) -> None:
        """Ends the document, with what else it says."""
        opening = "" if self._count else f'{{"{self._name}":['
        rest = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in more.items())
        self._screen.raw(f"{opening}]{rest}}}\n")
