"""The table: rich on a terminal, plain lines elsewhere, markdown for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from bench.measuring import Line

_HEADINGS = ("figure", "ours", "against", "measured", "ratio (spread)", "goal", "")


def cells(line: Line) -> tuple[str, ...]:
    """The texts of a line, in the order of the headings."""
    met = {True: "met", False: "BELOW" if not line.is_most else "ABOVE", None: ""}[line.is_met]
    ratio = str(line.ratio) if line.ratio is not None else ""
    figure = f"{line.figure} [{line.told}]" if line.told else line.figure
    return figure, line.ours, line.against, line.floor, ratio, line.goal_text, met


def show(lines: Sequence[Line], console: Console) -> None:
    """All lines, for whoever reads."""
    if not console.is_terminal:
        for line in lines:
            print(plain(line))
        return
    table = Table(*_HEADINGS)
    for line in lines:
        style = {True: "green", False: "red", None: ""}[line.is_met]
        table.add_row(*cells(line), style=style)
    console.print(table)


def plain(line: Line) -> str:
    return " | ".join(cell for cell in cells(line) if cell)


def markdown(lines: Iterable[Line]) -> str:
    """The table as docs/performance.md has it."""
    rows = [_HEADINGS, tuple("---" for _ in _HEADINGS), *map(cells, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
