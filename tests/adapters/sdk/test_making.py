"""Facts to events: checked, named, ordered, given their keyed id."""

import hashlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.adapter import Fact, Finding, Message, Setting, Translation
from adapters.sdk.making import EventMaker, Made, Making
from adapters.sdk.register import Agency, System
from events.catalogue import TYPES
from events.envelope import Event
from events.identity import event_id, fact_token
from events.soundness import fault_of, has_own_id
from tests import keyring
from tests.adapters.sdk.scripted import HOME, ORDER, TYPE, ScriptedAdapter
from tests.keyring import Keys, stored

NORTH = Agency(
    name="north",
    title="Borough of North",
    agreement_from=date(2020, 1, 1),
    agreement_to=date(2029, 12, 31),
    agreement_reference="ISA-1",
    lawful_basis="public-task",
    system=(System(name="housing"),),
)
FACT = Fact("tenant", "1", TYPE, "tenancy/T1", HOME, order=ORDER, order_from="sender")


KEYS = Keys()


def a_maker(file_name: str | None = None, receipt: str = "R-0000000000") -> EventMaker:
    return EventMaker(NORTH, Setting("north", "housing", file_name), ScriptedAdapter(), KEYS, receipt)


def opened(made: Made) -> Event:
    """What was made, which every reader will take for what it is."""
    (logged,) = keyring.opened(KEYS, [stored(made.sealed)])
    event = logged.event
    assert fault_of(event) is None
    assert has_own_id(event, KEYS.keys_of(event.agency, str(event.record), TYPES[event.type].retention).id_key)
    return event


def events(*facts: Fact, raw: bytes = b"raw", sender_id: str | None = "M1") -> list[Event]:
    made, refused, *_ = a_maker().make(Message("1", raw, sender_id), Translation(facts))
    assert not refused
    return [opened(each) for each in made]


def refusal(fact: Fact) -> str:
    made, (finding,), *_ = a_maker().make(Message("1", b"raw", "M1"), Translation((fact,)))
    assert made == ()
    assert finding.detail
    return finding.code


def test_the_id_is_the_one_that_identity_lays_down() -> None:
    (event,) = events(FACT)
    keys = KEYS.keys_of("north", "north:housing/tenant/1", TYPES[TYPE].retention)
    assert event.subject == keys.subject
    assert event.attributes["factref"] == fact_token(keys, "tenancy/T1").hex()
    said = {**event.attributes, "dataclassification": None}
    content = b'{"action":"started","tenure":"social-rent"}'
    assert event.id == event_id(keys, said, content, None)


def test_the_register_is_not_in_the_id_but_the_senders_own_sensitivity_is() -> None:
    (plain,) = events(FACT)
    (open_by_default,) = (
        opened(each)
        for each in EventMaker(
            NORTH.model_copy(update={"default_sensitivity": "internal", "lawful_basis": "consent"}),
            Setting("north", "housing"),
            ScriptedAdapter(),
            Keys(),
            "R-1",
        ).make(Message("1", b"raw", "M1"), Translation((FACT,)))[0]
    )
    (told,) = events(FACT._replace(sensitivity="internal"))
    assert plain.id == open_by_default.id
    assert told.id != plain.id
    assert (plain.attributes["dataclassification"], told.attributes["dataclassification"]) == (
        "confidential",
        "internal",
    )


@pytest.mark.parametrize(
    "other",
    [
        FACT._replace(local_id="2"),
        FACT._replace(record_type="applicant"),
        FACT._replace(name="tenancy/T2"),
        FACT._replace(payload={**HOME, "action": "ended"}),
        FACT._replace(action="withdraw", payload={}),
        FACT._replace(order="2024-02-01T10:00:01Z"),
        FACT._replace(time="2024-02-01T10:00:00Z"),
        FACT._replace(recorded_time="2024-02-01T10:00:00Z"),
        FACT._replace(said_by="officer/7"),
        FACT._replace(sensitivity="restricted"),
        FACT._replace(group="g1"),
        FACT._replace(return_scope="s1"),
    ],
)
def test_whatever_a_reader_can_see_makes_another_event(other: Fact) -> None:
    ((one,), (second,)) = events(FACT), events(other)
    assert one.id != second.id


@pytest.mark.parametrize(
    "other",
    [
        FACT._replace(payload=dict(reversed(HOME.items()))),
        FACT._replace(order="2024-02-01T11:00:00.000+01:00"),
        FACT._replace(order_from="file"),
        FACT._replace(attributes={"traceparent": "00-1"}),
    ],
)
def test_what_says_the_same_is_the_same_event(other: Fact) -> None:
    ((one,), (second,)) = events(FACT), events(other, raw=b"other bytes", sender_id="M2")
    assert one.id == second.id


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2024-02-01T10:00:00Z", "2024-02-01T10:00:00Z"),
        ("2024-02-01T10:00:00+01:00", "2024-02-01T09:00:00Z"),
        ("2024-02-01t10:00:00.500z", "2024-02-01T10:00:00.5Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
    ],
)
def test_times_are_stored_in_one_form(text: str, stored: str) -> None:
    (event,) = events(FACT._replace(time=text, recorded_time=text))
    assert (event.attributes["time"], event.attributes["recordedtime"]) == (stored, stored)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-02-01",
        "2024-02-30T10:00:00Z",
        "2024-02-01T10:00:00",
        "10:00",
        "2024-W05-4T10:00:00Z",
        "2024-02-01T100000.0Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    assert refusal(FACT._replace(time=text)) == refusal(FACT._replace(recorded_time=text)) == "bad-time"


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        (FACT._replace(type="hub.person-opened"), "type-reserved"),
        (FACT._replace(type="housing.castle-built"), "unknown-type"),
        (FACT._replace(type="housing.castle-built", action="withdraw", payload={}), "unknown-type"),
        (FACT._replace(payload={"tenure": "castle", "action": "started"}), "bad-payload"),
        (FACT._replace(action="void", payload=HOME), "bad-payload"),
        (FACT._replace(name=None), "bad-fact"),
        (FACT._replace(name="x" * 513), "bad-fact"),
        (FACT._replace(name="nul\0"), "bad-fact"),
        (FACT._replace(local_id="x" * 513), "bad-record"),
        (FACT._replace(action="withdraw-group", name=None), "bad-withdraw-group"),
        (FACT._replace(action="withdraw-group", type="record.retracted", group="g"), "bad-withdraw-group"),
        (FACT._replace(action="withdraw-group", type="record.retracted", name=None), "bad-withdraw-group"),
    ],
)
def test_what_cannot_be_an_event_is_refused_with_its_type_and_reason(fact: Fact, code: str) -> None:
    assert refusal(fact) == code


def test_a_refusal_repeats_no_value() -> None:
    fact = FACT._replace(payload={**HOME, "tenure": "Ottoline", "nickname": "Otti"}, time="Ottoline")
    _, (finding,), *_ = a_maker().make(Message("1", b"raw"), Translation((fact,)))
    assert "Ott" not in str(finding)


def test_nul_characters_are_replaced_with_a_finding() -> None:
    made, refused, *_ = a_maker().make(
        Message("1", b"raw"), Translation((FACT._replace(payload={**HOME, "condition_concern": "damp\0wall"}),))
    )
    assert refused == []
    assert [finding.code for finding in made[0].findings] == ["nul-character"]
    assert opened(made[0]).payload["condition_concern"] == "damp\ufffdwall"


def test_the_raw_bytes_of_the_message_are_named_by_digest_and_place() -> None:
    (event,) = events(FACT, raw=b"the message")
    assert event.attributes["rawhash"] == hashlib.sha256(b"the message").hexdigest()
    assert event.attributes["rawref"] == "R-0000000000#1"


def test_a_message_that_is_quarantined_makes_nothing() -> None:
    translation = Translation((FACT,), quarantined=Finding("no-record", "PID-3"))
    assert a_maker().make(Message("1", b"raw"), translation) == Making()


@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["a", "b"]), st.sampled_from(["5", "6", "005"])),
        max_size=12,
    ),
    st.sampled_from(["file", "sender"]),
)
def test_places_count_equal_facts_of_equal_order_from_nought(
    named: list[tuple[str, str, str]], order_from: Any
) -> None:
    facts = [
        FACT._replace(local_id=record, name=name, order=order, order_from=order_from) for record, name, order in named
    ]
    counted: dict[tuple[str, str, int], int] = {}
    for event, (record, name, order) in zip(events(*facts), named, strict=True):
        key = (record, name, int(order))
        assert event.attributes["order"] == f"{int(order)}/{counted.get(key, 0)}"
        counted[key] = counted.get(key, 0) + 1


@pytest.mark.parametrize(("order_from", "places"), [("file", ["5/0", "5/1"]), ("sender", ["5/0", "5/0"])])
def test_places_run_on_through_a_file_and_begin_anew_in_each_message(order_from: Any, places: list[str]) -> None:
    maker = a_maker()
    fact = FACT._replace(order="5", order_from=order_from)
    made = [maker.make(Message(place, b"raw"), Translation((fact,)))[0][0] for place in ("1", "2")]
    assert [opened(each).attributes["order"] for each in made] == places
