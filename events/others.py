"""Third persons named in an event (`Other`): sealed apart from it, so that they can be forgotten alone.

In the body a plain marker stands in the place of each, and all of an event's are in one box (docs/stored-bytes.md). It
is sealed under a secret per (subject, fact) which the subject's record owns: it goes with the record, or alone. Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

import orjson

from events.canonical import canonical
from events.catalogue.base import Shape
from events.catalogue.registry import TYPES
from events.catalogue.shapes import Other
from events.envelope import Event, Logged
from events.errors import RejectedMessage
from events.identity import SubjectKeys
from events.ids import EventId, FactToken
from events.sealing import KEY_ID_BYTES, NONCE_BYTES, Cipher, DoesNotOpen

ATTRIBUTE = "others"  # of a stored event; no reader sees it
REMOVED: Mapping[str, Any] = {"removed": True}
_CLASS = "other/"
_LABEL = b"tellonce/others/1\0"
_PAD_BYTES = 256

_Way = Mapping[str, Any]  # from an object to the fields that hold an Other (None), or lead to some (a way)
_Place = tuple[dict[str, Any], str]  # an object and its field that holds an Other
_ways: dict[str, _Way] = {}  # by type, as they are asked for


class Box(NamedTuple):
    """The third persons of an event as they are stored: under which secret, and sealed."""

    key_id: bytes
    nonce: bytes
    sealed: bytes


def other_class(token: FactToken) -> str:
    """What the key store calls the class of the secret of a fact's third persons."""
    return f"{_CLASS}{token.hex()}"


def token_of_class(retention: str) -> FactToken | None:
    """The fact whose third persons a class is about; None of any other class."""
    return FactToken(bytes.fromhex(retention.removeprefix(_CLASS))) if retention.startswith(_CLASS) else None


def may_name_others(type_name: str) -> bool:
    """Whether payloads of the type have a place for third persons."""
    return bool(_way_of_type(type_name))


def parted(type_name: str, content: bytes) -> tuple[bytes, list[Any]]:
    """Canonical content with a marker in the place of each third person, and those, in the order of their places.

    Raises RejectedMessage `bad-payload` for content that has such a marker already: only the hub removes anybody.
    """
    payload = orjson.loads(content)
    others = []
    for holder, name in _places(payload, _way_of_type(type_name)):
        if "removed" in holder[name]:
            raise _not_yours(type_name, name)
        others.append(holder[name])
        holder[name] = REMOVED
    return (canonical(payload), others) if others else (content, others)


def boxed(keys: SubjectKeys, event_id: EventId, others: list[Any]) -> str:
    """Third persons sealed under the secret of their fact, and bound to their event."""
    text = canonical(others)
    nonce, sealed = keys.cipher.seal(text + b" " * (-len(text) % _PAD_BYTES), _LABEL + event_id)
    return base64.b64encode(keys.key_id + nonce + sealed).decode()


def box_of(logged: Logged) -> Box | None:
    """What an event's box says of itself; None for an event without. Raises DoesNotOpen for what is no box."""
    stored = logged.event.attributes.get(ATTRIBUTE)
    if stored is None:
        return None
    try:
        raw = base64.b64decode(stored, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise DoesNotOpen from error
    nonce_end = KEY_ID_BYTES + NONCE_BYTES
    return Box(raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:nonce_end], raw[nonce_end:])


def with_others(logged: Logged, box: Box, cipher: Cipher) -> Logged:
    """The event as it was sent. Raises DoesNotOpen."""
    event = logged.event
    try:
        others = orjson.loads(cipher.open(box.nonce, box.sealed, _LABEL + event.id))
        for (holder, name), other in zip(_places(event.payload, _way_of_type(event.type)), others, strict=True):
            holder[name] = other
    except (ValueError, TypeError, AttributeError) as error:  # sealed by somebody who has the key, but not as we do
        raise DoesNotOpen from error
    return without_others(logged)


def without_others(logged: Logged) -> Logged:
    """The event as its body tells it: with a marker in the place of each third person that was not put back."""
    attributes = {name: value for name, value in logged.event.attributes.items() if name != ATTRIBUTE}
    return logged._replace(event=logged.event._replace(attributes=attributes))


def has_removed(event: Event) -> bool:
    """Whether a third person of an event was removed: nobody knows any more what its id covers."""
    return any(holder[name] == REMOVED for holder, name in _places(event.payload, _way_of_type(event.type)))


def _places(payload: Any, way: _Way) -> Iterator[_Place]:
    """Where third persons stand, in an order that the type alone decides."""
    for name, further in way.items():
        found = payload.get(name)
        if found is None:
            continue
        if further is None:
            yield payload, name
            continue
        for each in found if isinstance(found, list) else [found]:
            yield from _places(each, further)


def _way_of_type(type_name: str) -> _Way:
    way = _ways.get(type_name)
    if way is None:
        model = TYPES.get(type_name)
        way = _ways[type_name] = _way_of(model) if model is not None else {}
    return way


def _way_of(model: type[Shape]) -> _Way:
    ways = {field.alias or name: list(_led_to(field.annotation)) for name, field in model.model_fields.items()}
    return {name: found[0] for name, found in sorted(ways.items()) if found}


def _led_to(annotation: Any) -> Iterator[_Way | None]:
    """None where a field holds an Other, a way where it leads to some."""
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        if annotation is Other:
            yield None
        elif way := _way_of(annotation):
            yield way
    for part in get_args(annotation):
        yield from _led_to(part)


def _not_yours(type_name: str, name: str) -> RejectedMessage:
    return RejectedMessage(
        "bad-payload",
        f"the payload does not fit {type_name}: {name}.removed is said by the hub alone",
        where=f"{name}.removed",
        next_step="Leave out what you do not know of a third person.",
    )
