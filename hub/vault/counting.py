"""Which opened rows count: under the key that is theirs, and what their id and type say (docs/stored-bytes.md)."""

from __future__ import annotations

from events import others, pairs
from events.catalogue.base import retention_of
from events.envelope import Event
from events.soundness import BROKEN_ROW, fault_of, has_own_id
from hub.vault.boxes import AGENCY, Held

_FOREIGN_KEY, _WRONG_CLASS, _WRONG_ID = "foreign-key", "wrong-class", "wrong-id"


def refusal(stored: Event, held: Held) -> str | None:
    """Why an event does not count, as far as its body tells; what only a box tells is left for when that is open."""
    if pairs.is_whole(stored):
        return None if held.agency == AGENCY else _FOREIGN_KEY
    if (code := _misplaced(stored, held)) is not None:
        return code
    if pairs.ATTRIBUTE in stored.attributes and stored.type not in pairs.GROUNDS:
        return BROKEN_ROW
    return None if others.ATTRIBUTE in stored.attributes else fault_of(stored) or _wrong_id(stored, held)


def refusal_of_unboxed(stored: Event, told: Event, held: Held) -> str | None:
    """Why an event whose box is open does not count. Of a decision's grounds nothing depends: no fold sees them."""
    if pairs.is_whole(stored):
        return _misplaced(told, held) or fault_of(told)
    if others.ATTRIBUTE not in stored.attributes:
        return None
    return fault_of(told) or (None if others.has_removed(told) else _wrong_id(told, held))


def _misplaced(event: Event, held: Held) -> str | None:
    """The hub's keys open its own words and no others; a class's key opens that class."""
    told = event.attributes.get("type")
    if not isinstance(told, str):
        return BROKEN_ROW
    if told.startswith("hub.") != (held.agency == AGENCY):
        return _FOREIGN_KEY
    return None if retention_of(told) == held.retention else _WRONG_CLASS


def _wrong_id(event: Event, held: Held) -> str | None:
    """Ids of the hub's own events can't be worked out again: they are keyed by what may be gone, and never say it."""
    return None if held.agency == AGENCY or has_own_id(event, held.id_key) else _WRONG_ID
