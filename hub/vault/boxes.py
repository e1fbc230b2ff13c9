"""What is sealed once more inside bodies: third persons named in an event, and what a decision rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from events import others, pairs
from events.codec import Header
from events.envelope import Logged
from events.identity import PairKeys
from events.ids import SubjectId
from events.sealing import Cipher, DoesNotOpen
from events.soundness import BROKEN_ROW

AGENCY = "hub"  # who holds the hub's own keys
ERASED = "erased"


class Held(NamedTuple):
    """A key that opens bodies: whose it is, and of which class."""

    agency: str
    subject: bytes
    retention: str
    cipher: Cipher
    id_key: bytes


class Opening(NamedTuple):
    """A row that was opened, as far as its body goes; or the code of why it was not."""

    header: Header | None
    found: Logged | str


class Keys(Protocol):
    """Where the keys of boxes come from; a text is the code of why there is none."""

    def keys_at_hand(self, wanted: Mapping[bytes, SubjectId]) -> Mapping[bytes, Held | str]:
        """Keys by their ids; wanted are subjects by key id."""
        ...

    def keys_for(self, ref: int, about: Header) -> PairKeys | str: ...


def unboxed(keys: Keys, openings: Sequence[Opening], *, with_grounds: bool) -> list[Logged | str]:
    """The same rows, with what their boxes hold.

    Where a third person was removed a marker stays. What a decision rests on is told `with_grounds` alone: whoever
    folds decisions never needs it.
    """
    held = keys.keys_at_hand(dict(_wanted(openings)))
    return [_unboxed(keys, each, held, with_grounds=with_grounds) for each in openings]


def is_boxed(found: Logged | str) -> bool:
    if isinstance(found, str):
        return False
    attributes = found.event.attributes
    return others.ATTRIBUTE in attributes or pairs.ATTRIBUTE in attributes


def _wanted(openings: Sequence[Opening]) -> list[tuple[bytes, SubjectId]]:
    wanted = []
    for each in openings:
        if isinstance(each.found, Logged) and each.header is not None:
            try:
                box = others.box_of(each.found)
            except DoesNotOpen:
                continue
            if box is not None:
                wanted.append((box.key_id, each.header.subject))
    return wanted


def _unboxed(keys: Keys, opening: Opening, held: Mapping[bytes, Held | str], *, with_grounds: bool) -> Logged | str:
    header, found = opening
    if isinstance(found, str) or header is None:
        return found
    try:
        if (theirs := others.box_of(found)) is not None:
            return _with_others(found, theirs, held[theirs.key_id])
        if (pair := pairs.box_of(found)) is not None:
            return _with_grounds(found, pair, keys, header, with_grounds=with_grounds)
    except DoesNotOpen:
        return BROKEN_ROW
    return found


def _with_others(logged: Logged, box: others.Box, held: Held | str) -> Logged | str:
    if held == ERASED:
        return others.without_others(logged)
    if isinstance(held, str):
        return held
    event = logged.event
    if (held.agency, held.subject) != (event.agency, event.subject):
        return "foreign-key"
    token = others.token_of_class(held.retention)
    if token is None or token.hex() != event.attributes.get("factref"):
        return "wrong-class"
    return others.with_others(logged, box, held.cipher)


def _with_grounds(logged: Logged, box: pairs.Box, keys: Keys, header: Header, *, with_grounds: bool) -> Logged | str:
    event = logged.event
    is_whole = pairs.is_whole(event)
    if not with_grounds and not is_whole:
        return logged._replace(event=pairs.without_grounds(event))
    pair = keys.keys_for(box.ref, header)
    if pair == ERASED and not is_whole:
        return logged._replace(event=pairs.removed(event))
    if isinstance(pair, str):
        return pair
    opened = pairs.opened(event, box, pair)
    is_ours = not is_whole or opened.attributes.get("type") in pairs.WHOLE
    return logged._replace(event=opened) if is_ours else BROKEN_ROW
