"""Decisions that rest on a second record: what they rest on opens under a key of both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.canonical import canonical
from events.catalogue import TYPES, check_payload
from events.envelope import Event, Logged
from events.identity import PairKeys, decision_id, keys_of_pair, subject_keys
from events.ids import EventId, SubjectId
from events.pairs import ATTRIBUTE, GROUNDS, WHOLE, box_of, is_whole, opened, parted, removed, without_grounds
from events.sealing import DoesNotOpen
from tests.events.catalogue.drawn import payloads

BYTES_32 = st.binary(min_size=32, max_size=32)
PAIR = keys_of_pair(5, b"a" * 32, b"b" * 32)
ID = EventId(b"i" * 32)


def stored(name: str, payload: dict[str, Any], keys: PairKeys = PAIR) -> Event:
    attributes = {"type": name, "source": "urn:tellonce:source:hub:linkage", "data": payload}
    return Event(ID, "hub", SubjectId(b"s" * 16), parted(keys, ID, attributes))


def open_it(event: Event, keys: PairKeys = PAIR) -> Event:
    box = box_of(Logged("main-0", 1, 2, event))
    assert box is not None
    assert box.ref == 5
    return opened(event, box, keys)


@given(BYTES_32, BYTES_32)
def test_both_secrets_make_the_keys_in_whichever_order(one: bytes, other: bytes) -> None:
    here, there = keys_of_pair(1, one, other), keys_of_pair(1, other, one)
    assert here.id_key == there.id_key
    nonce, sealed = here.cipher.seal(b"text", b"")
    assert there.cipher.open(nonce, sealed, b"") == b"text"


@given(BYTES_32, BYTES_32, BYTES_32)
def test_one_secret_alone_makes_other_keys(one: bytes, other: bytes, third: bytes) -> None:
    if len({one, other, third}) == 3:
        keys = {keys_of_pair(1, *pair).id_key for pair in ((one, other), (one, third), (one, one), (other, other))}
        assert len(keys) == 4
        assert subject_keys(SubjectId(b"s" * 16), one).id_key not in keys


@given(st.data())
def test_with_both_keys_a_decision_says_all_that_it_rests_on(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted([*GROUNDS, *WHOLE])))
    payload = data.draw(payloads(TYPES[name]))
    found = open_it(stored(name, payload))
    assert canonical(found.payload) == canonical(payload)
    assert ATTRIBUTE not in found.attributes


@given(st.data())
def test_without_them_it_says_what_was_decided_and_nothing_of_why(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GROUNDS)))
    payload = data.draw(payloads(TYPES[name]).filter(lambda drawn: "removed" not in drawn))
    event = stored(name, payload)
    for told in (without_grounds(event), removed(event)):
        check_payload(name, told.payload)
        assert not GROUNDS[name] & told.payload.keys()
        assert ATTRIBUTE not in told.attributes
        kept = {field: value for field, value in payload.items() if field not in GROUNDS[name]}
        assert {**told.payload, **kept} == told.payload
    assert removed(event).payload["removed"] is True


@given(st.data())
def test_some_decisions_say_nothing_at_all_outside_their_box(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    event = stored(name, data.draw(payloads(TYPES[name])))
    assert is_whole(event)
    assert event.attributes.keys() == {ATTRIBUTE}


def test_another_pairs_keys_open_nothing() -> None:
    event = stored("hub.review-opened", {"pair": ["north:crm/a/1", "south:crm/a/1"]})
    with pytest.raises(DoesNotOpen):
        open_it(event, keys_of_pair(5, b"a" * 32, b"c" * 32))


@pytest.mark.parametrize("box", ["", "5", "five:AAAA", "5:!", 5, "5:AAAA"])
def test_what_is_no_box_does_not_open(box: object) -> None:
    event = Event(ID, "hub", SubjectId(b"s" * 16), {ATTRIBUTE: box})
    with pytest.raises(DoesNotOpen):
        open_it(event)


def test_nobody_finds_the_cause_of_a_decision_by_trying_with_one_records_key() -> None:
    words = ("hub.records-linked", "ab" * 32, "model")
    alone = subject_keys(SubjectId(b"s" * 16), b"a" * 32)
    assert decision_id(PAIR.id_key, *words) != decision_id(alone.id_key, *words)
