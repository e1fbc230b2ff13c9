"""Rows of the log as an auditor reads them: events, and what stays closed with why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from events.clock import us_text
from events.codec import StoredRow
from events.envelope import as_cloudevent
from events.log.port import page
from events.log.sqlite import PARTITION
from hub.assembly import LOG, Hub
from hub.ledger.removals import held_among
from projections.custody import queries as custody

_PAGE_MAX = 1_000


def rows_from(hub: Hub, at: int, limit: int | None) -> Iterator[dict[str, Any]]:
    """Rows from an offset on, each with what the log assigned to it."""
    end = hub.log.head()[PARTITION]
    end = end if limit is None else min(end, at + limit)
    while at < end:
        rows = page(hub.log.read(PARTITION, at, min(_PAGE_MAX, end - at)))
        yield from _told(hub, rows)
        at = rows[-1].offset + 1


def _told(hub: Hub, rows: Sequence[StoredRow]) -> Iterator[dict[str, Any]]:
    opened = hub.keys.ring.open(PARTITION, rows, with_grounds=True)
    events = {logged.offset: logged.event for logged in opened.logged}
    closed = {each.offset: (each.code, each.agency) for each in opened.closed}
    with hub.store.snapshot() as db:
        hidden = custody.hidden_among(db, {event.subject for event in events.values()})
    for offset in [offset for offset, event in events.items() if event.subject in hidden]:
        closed[offset] = ("restricted", events.pop(offset).agency)
    removed = [row for row in rows if closed.get(row.offset, ("",))[0] == "removed"]
    not_held = {row.offset for row in removed} - held_among(hub.home / LOG, hub.keys.ring, removed)
    for row in rows:
        event, shut = events.get(row.offset), closed.get(row.offset)
        is_held = row.offset not in not_held
        yield {
            "position": f"{hub.log.epoch}:{PARTITION}:{row.offset}",
            "known": us_text(row.known_us) if is_held else None,
            "leaf": row.leaf.hex(),
            "event": as_cloudevent(event) if event is not None else None,
            "closed": {"code": shut[0], "agency": shut[1] if is_held else None} if shut is not None else None,
        }
