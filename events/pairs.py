"""Decisions that rest on another record: what they rest on opens only while both records are there.

A decision about record B is sealed under the secret that the hub holds of B. Where it rests on a record A, what it
rests on is sealed once more, under a key of both secrets (docs/stored-bytes.md); some decisions are so as a whole. The
body names A by a reference that leads nowhere once A is erased. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from events.envelope import Event, Logged
from events.identity import PairKeys
from events.ids import EventId
from events.sealing import NONCE_BYTES, DoesNotOpen

ATTRIBUTE = "pair"  # of a stored decision; no reader sees it
# What a decision rests on, by type: nobody folds it.
GROUNDS: Mapping[str, frozenset[str]] = {
    "hub.records-linked": frozenset({"causes", "reason", "levels", "weights", "veto", "runner_up"}),
    "hub.records-unlinked": frozenset({"causes", "reason"}),
}
WHOLE = frozenset({"hub.review-opened", "hub.review-resolved", "hub.not-same-person"})
_LABEL = b"tellonce/pair/1\0"
_PAD_BYTES = 256


class Box(NamedTuple):
    """What is sealed under a key of two records."""

    ref: int
    nonce: bytes
    sealed: bytes


def parted(keys: PairKeys, event_id: EventId, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a decision as its body holds them: what it rests on in a box."""
    if attributes["type"] in WHOLE:
        return {ATTRIBUTE: _boxed(keys, event_id, attributes)}
    grounds = GROUNDS[attributes["type"]]
    payload = attributes["data"]
    inner = {name: value for name, value in payload.items() if name in grounds}
    outer = {name: value for name, value in payload.items() if name not in grounds}
    return {**attributes, "data": outer, ATTRIBUTE: _boxed(keys, event_id, inner)}


def _boxed(keys: PairKeys, event_id: EventId, content: Mapping[str, Any]) -> str:
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    nonce, sealed = keys.cipher.seal(text + b" " * (-len(text) % _PAD_BYTES), _LABEL + event_id)
    return f"{keys.ref}:{base64.b64encode(nonce + sealed).decode()}"


def box_of(logged: Logged) -> Box | None:
    """What a decision's box says of itself; None for one that rests on no other record. Raises DoesNotOpen."""
    stored = logged.event.attributes.get(ATTRIBUTE)
    if stored is None:
        return None
    try:
        ref, _, text = stored.partition(":")
        raw = base64.b64decode(text, validate=True)
        return Box(int(ref), raw[:NONCE_BYTES], raw[NONCE_BYTES:])
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise DoesNotOpen from error


def is_whole(event: Event) -> bool:
    """Whether a stored decision says nothing at all outside its box."""
    return event.attributes.keys() == {ATTRIBUTE}


def opened(event: Event, box: Box, keys: PairKeys) -> Event:
    """The decision with all that it rests on. Raises DoesNotOpen."""
    try:
        inner = orjson.loads(keys.cipher.open(box.nonce, box.sealed, _LABEL + event.id))
    except orjson.JSONDecodeError as error:
        raise DoesNotOpen from error
    if not isinstance(inner, dict):
        raise DoesNotOpen
    if is_whole(event):
        return event._replace(attributes=inner)
    return _with(event, {**event.payload, **inner})


def without_grounds(event: Event) -> Event:
    """The decision for whoever folds it."""
    return _with(event, event.payload)


def removed(event: Event) -> Event:
    """The decision without what it rests on, since the other record is gone: it says so."""
    return _with(event, {**event.payload, "removed": True})


def _with(event: Event, payload: Mapping[str, Any]) -> Event:
    attributes = {name: value for name, value in event.attributes.items() if name != ATTRIBUTE}
    return event._replace(attributes={**attributes, "data": payload})
