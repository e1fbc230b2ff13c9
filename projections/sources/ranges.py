"""A set of whole numbers a source, kept as ranges: in whatever order they come and go, equal sets are equal."""

from __future__ import annotations

from projections.engine.projection import Connection

_AROUND = "SELECT first, last FROM sources_ranges WHERE source = ? AND first <= ? ORDER BY first DESC LIMIT 1"
_END = "DELETE FROM sources_ranges WHERE source = ? AND first = ?"
_BEGIN = "INSERT INTO sources_ranges VALUES(?, ?, ?)"


def add(db: Connection, source: str, number: int) -> None:
    """Puts a number in; ranges that now touch become one."""
    first = last = number
    below = db.execute(_AROUND, (source, number)).fetchone()
    if below is not None and below[1] >= number:
        return
    if below is not None and below[1] == number - 1:
        first = below[0]
        db.execute(_END, (source, first))
    above = db.execute(
        "SELECT last FROM sources_ranges WHERE source = ? AND first = ?", (source, number + 1)
    ).fetchone()
    if above is not None:
        last = above[0]
        db.execute(_END, (source, number + 1))
    db.execute(_BEGIN, (source, first, last))


def remove(db: Connection, source: str, number: int) -> None:
    """Takes a number out that is in."""
    first, last = db.execute(_AROUND, (source, number)).fetchone()
    db.execute(_END, (source, first))
    for part in ((first, number - 1), (number + 1, last)):
        if part[0] <= part[1]:
            db.execute(_BEGIN, (source, *part))
