"""Third persons: taken out of an event's content and put back, or a plain marker in their place."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.canonical import canonical
from events.catalogue import TYPES, check_payload, title_of
from events.catalogue.shapes import Other
from events.envelope import Event, Logged
from events.errors import RejectedMessage
from events.identity import subject_keys
from events.ids import EventId, FactToken, SubjectId
from events.others import (
    ATTRIBUTE,
    REMOVED,
    box_of,
    boxed,
    may_name_others,
    other_class,
    parted,
    token_of_class,
    with_others,
    without_others,
)
from events.sealing import DoesNotOpen
from tests.events.catalogue.drawn import payloads

KEYS = subject_keys(SubjectId(b"s" * 16), b"k" * 32)
ID = EventId(b"i" * 32)
NAMING = sorted(name for name in TYPES if may_name_others(name))
KIN: dict[str, Any] = {"other": {"name": {"family": "Testerton"}, "relation": {"text": "aunt"}}, "action": "stated"}


def sent(payload: dict[str, Any]) -> bool:
    return b'"removed":true' not in canonical(payload)


def stored(type_name: str, content: bytes, event_id: EventId = ID) -> Logged:
    """The event as its body would be read back."""
    outer, others = parted(type_name, content)
    attributes = {"type": type_name, "data": orjson.loads(outer)}
    if others:
        attributes[ATTRIBUTE] = boxed(KEYS, event_id, others)
    return Logged("main-0", 1, 2, Event(event_id, "north", KEYS.subject, attributes))


def put_back(logged: Logged) -> Logged:
    box = box_of(logged)
    return with_others(logged, box, KEYS.cipher) if box is not None else logged


def test_three_types_have_a_place_for_third_persons() -> None:
    assert NAMING == ["access.contact-preference-stated", "circle.household-stated", "circle.relationship-changed"]


def test_no_other_shape_holds_what_only_third_persons_have() -> None:
    schemas = [str(payload.model_json_schema()) for name, payload in TYPES.items() if name not in NAMING]
    assert not any(f"/{Other.__name__}'" in schema for schema in schemas)


@given(st.data())
def test_whoever_has_the_key_reads_what_was_sent_byte_by_byte(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMING))
    content = canonical(data.draw(payloads(TYPES[name]).filter(sent)))
    found = put_back(stored(name, content)).event.attributes
    assert canonical(found["data"]) == content
    assert ATTRIBUTE not in found


@given(st.data())
def test_whoever_has_not_reads_a_payload_that_fits_and_says_that_somebody_was_removed(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMING))
    content = canonical(data.draw(payloads(TYPES[name]).filter(sent)))
    _, others = parted(name, content)
    payload = without_others(stored(name, content)).event.payload
    check_payload(name, payload)
    assert title_of(name, payload)
    assert canonical(payload).count(b'{"removed":true}') == len(others)
    if not others:
        assert canonical(payload) == content


def test_nothing_of_a_third_person_is_left_outside_the_box() -> None:
    outer, others = parted("circle.relationship-changed", canonical(KIN))
    assert orjson.loads(outer) == {"other": REMOVED, "action": "stated"}
    assert others == [KIN["other"]]
    logged = stored("circle.relationship-changed", canonical(KIN))
    assert b"Testerton" not in canonical(dict(logged.event.attributes))


def test_everybody_of_a_household_is_put_back_in_their_place() -> None:
    members = [{"age": 4}, {"other": {"name": {"text": "A"}}}, {"age": 9, "other": {"name": {"text": "B"}}}]
    content = canonical({"members": members})
    assert put_back(stored("circle.household-stated", content)).event.payload == {"members": members}


def test_a_sender_removes_nobody() -> None:
    with pytest.raises(RejectedMessage, match="said by the hub alone") as refused:
        parted("circle.relationship-changed", canonical({"other": {"removed": True}}))
    assert refused.value.code == "bad-payload"


def test_a_box_opens_beside_its_own_event_alone() -> None:
    mine = stored("circle.relationship-changed", canonical(KIN))
    moved = mine._replace(event=mine.event._replace(id=EventId(b"j" * 32)))
    with pytest.raises(DoesNotOpen):
        put_back(moved)


@pytest.mark.parametrize("box", ["", "no box", 7, ["x"], "eHh4"])
def test_what_is_no_box_does_not_open(box: object) -> None:
    logged = stored("circle.relationship-changed", canonical(KIN))
    attributes = {**logged.event.attributes, ATTRIBUTE: box}
    with pytest.raises(DoesNotOpen):
        put_back(logged._replace(event=logged.event._replace(attributes=attributes)))


def test_a_box_of_too_few_or_too_many_does_not_open() -> None:
    logged = stored("circle.relationship-changed", canonical(KIN))
    for others in ([], [KIN["other"]] * 2):
        attributes = {**logged.event.attributes, ATTRIBUTE: boxed(KEYS, ID, others)}
        with pytest.raises(DoesNotOpen):
            put_back(logged._replace(event=logged.event._replace(attributes=attributes)))


@given(st.binary(min_size=16, max_size=16))
def test_the_class_of_a_fact_names_it_and_no_other_class_does(token: bytes) -> None:
    assert token_of_class(other_class(FactToken(token))) == token
    assert token_of_class("core") is None
