"""A file's heading line, bound to a mapping: which cell of a row belongs to which column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from adapters.csv_mapping.mapping import Column
from adapters.csv_mapping.plan import Plan
from events.errors import RejectedMessage

_UTF8_MARK = b"\xef\xbb\xbf"
_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file's columns are."""

    width: int
    indexes: tuple[int, ...]  # of each of the mapping's columns; `width`, one too far, for one that is not there
    headings: tuple[str, ...]  # of each of the mapping's columns, as the file writes it
    extra: tuple[str, ...]  # headings that the mapping does not know
    first_row: str  # the place of the first row below the heading


@lru_cache(maxsize=256)
def layout_of(plan: Plan, header: bytes) -> Layout:
    """The layout that a heading line gives.

    Raises RejectedMessage `wrong-encoding`, `missing-column` or `doubled-column`, naming columns.
    """
    shown = [text.strip() for text in plan.dialect.cells(_decoded(plan, header))]
    found = [_normal(text) for text in shown]
    places = [_places(name, column, found) for name, column in plan.columns]
    missing = [
        _heading(name, column)
        for (name, column), at in zip(plan.columns, places, strict=True)
        if not at and not column.optional
    ]
    if missing:
        raise RejectedMessage(
            "missing-column",
            f"the file lacks {_listed(missing)}",
            where=f"row {plan.file.heading_rows + 1}",
            next_step="Send the column, or name its heading in the mapping; `optional` allows it to be absent.",
        )
    doubled = [shown[at[0]] for at in places if len(at) > 1]
    if doubled:
        raise RejectedMessage(
            "doubled-column",
            f"the file has more than one {_listed(doubled)}",
            where=f"row {plan.file.heading_rows + 1}",
            next_step="Send each column once; which one counts?",
        )
    width = len(found)
    known = {index for at in places for index in at}
    is_told = plan.file.extra_columns == "finding"
    return Layout(
        width,
        tuple(at[0] if at else width for at in places),
        tuple(shown[at[0]] if at else name for (name, _), at in zip(plan.columns, places, strict=True)),
        tuple(shown[index][:_SHOWN_MAX] for index in range(width) if is_told and found[index] and index not in known),
        f"row {plan.file.heading_rows + 2}",
    )


def _decoded(plan: Plan, header: bytes) -> str:
    if b"\0" in header:
        raise _wrong_encoding(plan, "the heading holds zero bytes, as UTF-16 does")
    try:
        return header.removeprefix(_UTF8_MARK).decode(plan.file.encoding)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(plan, f"the heading is not in {plan.file.encoding}") from error


def _wrong_encoding(plan: Plan, what: str) -> RejectedMessage:
    return RejectedMessage(
        "wrong-encoding",
        what,
        where=f"row {plan.file.heading_rows + 1}",
        next_step="Save the file as CSV in UTF-8, or name its encoding in the mapping's [file].",
    )


def _normal(heading: str) -> str:
    """A heading without regard to case, blanks around and between its words, or no-break spaces."""
    return " ".join(heading.split()).casefold()


def _places(name: str, column: Column, found: list[str]) -> list[int]:
    names = {_normal(heading) for heading in column.headings or (name,)}
    return [index for index, heading in enumerate(found) if heading in names]


def _heading(name: str, column: Column) -> str:
    return (column.headings or (name,))[0]


def _listed(headings: list[str]) -> str:
    return ("column " if len(headings) == 1 else "columns ") + ", ".join(heading[:_SHOWN_MAX] for heading in headings)
