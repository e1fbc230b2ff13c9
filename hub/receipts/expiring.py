"""Messages in quarantine whose bytes are gone: nobody can translate them any more, so that they wait no longer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apsw

from hub.receipts.parts import GONE, HOLE, OWNER_BYTES, WAITING

EXPIRED = "its bytes are gone"
_OLD = (
    "SELECT q.receipt, q.at, q.place FROM quarantine q JOIN receipts r ON r.number = q.receipt "
    "WHERE q.state = 'waiting' AND r.received_us < ? AND q.receipt NOT IN (SELECT number FROM arrived)"
)
_OWNERS = (
    "SELECT p.first, CAST(o.owners AS BLOB) FROM parts p JOIN owned o ON o.seq = p.seq "
    "WHERE p.receipt = ? AND p.first <= ? ORDER BY p.first DESC LIMIT 1"
)
_AT = "SELECT place FROM quarantine WHERE receipt = ? AND at = ? AND state = 'waiting'"


class Expired(NamedTuple):
    """A message by the number of its receipt and its place in it."""

    number: int
    place: str


def old(db: apsw.Connection, before_us: int) -> list[Expired]:
    """Those received before a time, the keys of whose days are destroyed; what lies under a record's key is there."""
    waiting = list(db.execute(_OLD, (before_us,)))
    return [Expired(number, place) for number, at, place in waiting if _is_gone(db, number, at)]


def holes(db: apsw.Connection, parts: Iterable[tuple[int, int]]) -> Iterator[Expired]:
    """Those whose parts (number of the receipt, how-manieth message) were taken out."""
    for number, at in parts:
        for (place,) in list(db.execute(_AT, (number, at))):
            yield Expired(number, place)


def _is_gone(db: apsw.Connection, number: int, at: int) -> bool:
    row = db.execute(_OWNERS, (number, at)).fetchone()
    if row is None:
        return True
    first, owners = row
    begin = (at - first) * OWNER_BYTES
    return owners[begin : begin + OWNER_BYTES] in (WAITING, HOLE, GONE, b"")
