"""An event that is not what its id, its type or its envelope says is told from one that is."""

from __future__ import annotations

import os
from typing import Any

import orjson
import pytest

from events.canonical import canonical, strict_loads
from events.catalogue import TYPES
from events.catalogue.base import retention_of
from events.envelope import Event, schema_urn
from events.identity import NO_MESSAGE_ID, STAND_IN, event_id
from events.ids import EventId
from events.soundness import fault_of, has_own_id
from tests.events.catalogue.test_golden import CASES, GOLDEN
from tests.genuine import HOUSING, MOVED_IN, OPENED, told_of
from tests.keyring import Keys

KEYS = Keys()
HERS = KEYS.keys_of("north", "north:crm/tenant/1", "housing")


def an_event(told: dict[str, Any], stand_in: str | None = None, agency: str = "north") -> Event:
    """As a hub makes it, where the register says how sensitive it is."""
    said = {name: value for name, value in told.items() if name != "dataclassification"}
    return Event(event_id(HERS, said, canonical(told["data"]), stand_in), agency, HERS.subject, told)


def told(**more: Any) -> dict[str, Any]:
    return told_of(HERS, **more)


# ---- what was ever right


@pytest.mark.parametrize("case", CASES)
def test_golden_events_of_every_version_are_sound_and_have_their_own_ids(case: str) -> None:
    name, version, _ = case.split("/")
    payload = strict_loads((GOLDEN / case).read_bytes())
    agency = "hub" if name.startswith("hub.") else "north"
    keys = KEYS.keys_of(agency, "north:crm/tenant/1", retention_of(name))
    attributes = told_of(keys, name, payload, agency=agency, order="7/0", dataschema=schema_urn(name, int(version)))
    said = {key: value for key, value in attributes.items() if key != "dataclassification"}
    event = Event(event_id(keys, said, canonical(payload), None), agency, keys.subject, attributes)
    stored = event._replace(attributes=orjson.loads(orjson.dumps(event.attributes)))
    assert fault_of(stored) is None
    assert has_own_id(stored, keys.id_key)


@pytest.mark.parametrize("action", ["withdraw", "void"])
def test_what_takes_a_fact_back_is_sound(action: str) -> None:
    for payload in ({}, {"reason": "wrong-person"}):
        event = an_event(told(payload=payload, action=action, order="1"))
        assert fault_of(event) is None
        assert has_own_id(event, HERS.id_key)


def test_a_group_is_taken_back_without_naming_a_fact() -> None:
    event = an_event(told(kind="record.retracted", payload={}, action="withdraw-group", factgroup="g", order="1"))
    attributes = {name: value for name, value in event.attributes.items() if name not in ("fact", "factref")}
    assert fault_of(an_event(attributes)) is None


# ---- the id


def test_it_is_no_matter_whether_the_sender_or_the_register_said_how_sensitive_it_is() -> None:
    attributes = told(order="1")
    by_sender = Event(event_id(HERS, attributes, canonical(MOVED_IN), None), "north", HERS.subject, attributes)
    by_register = an_event(attributes)
    assert by_sender.id != by_register.id
    assert has_own_id(by_sender, HERS.id_key)
    assert has_own_id(by_register, HERS.id_key)
    other = by_sender._replace(attributes={**attributes, "dataclassification": "internal"})
    assert not has_own_id(other, HERS.id_key)


@pytest.mark.parametrize(
    ("more", "stand_in"),
    [
        ({"senderid": "M1"}, "id:M1"),
        ({STAND_IN: "file:homes.csv:ab:0"}, "file:homes.csv:ab:0"),
        ({"rawref": "R-1#2", "findings": [NO_MESSAGE_ID]}, "receipt:R-1#2"),
    ],
)
def test_without_an_order_the_id_rests_on_what_is_stored_in_its_place(more: dict[str, Any], stand_in: str) -> None:
    event = an_event(told(**more), stand_in)
    assert fault_of(event) is None
    assert has_own_id(event, HERS.id_key)
    assert not has_own_id(an_event(told(**more), "id:another"), HERS.id_key)


def test_an_event_of_a_file_from_before_its_place_was_stored_is_taken_at_its_word() -> None:
    assert has_own_id(an_event(told(rawref="R-1#2"), "file:homes.csv:ab:0"), HERS.id_key)


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"tenure": "owner", "action": "started"}},
        {"subject": "tenant/2"},
        {"source": "urn:tellonce:source:north:other"},
        {"fact": "tenancy/2"},
        {"type": "housing.homelessness-duty-changed"},
        {"action": "withdraw"},
        {"time": "2024-01-01T00:00:00Z"},
        {"recordedtime": "2024-01-01T00:00:00Z"},
        {"saidby": "professional"},
        {"factgroup": "g"},
        {"returnscope": "s"},
        {"order": "2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_id_of_something_else_is_not_its_own(change: dict[str, Any]) -> None:
    event = an_event(told(order="1"))
    assert has_own_id(event, HERS.id_key)
    assert not has_own_id(event._replace(attributes={**event.attributes, **change}), HERS.id_key)
    assert not has_own_id(event._replace(id=EventId(os.urandom(32))), HERS.id_key)


# ---- the type and the envelope


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"kind": "housing.sold"}, "unknown-type"),
        ({"kind": "housing.sold", "dataschema": "nothing"}, "unknown-type"),
        ({"kind": "housing.sold", "action": "withdraw", "payload": {}}, "unknown-type"),
        ({"dataschema": schema_urn(HOUSING, TYPES[HOUSING].version + 1)}, "unknown-version"),
        ({"dataschema": schema_urn("person.registered", 1)}, "unknown-version"),
        ({"dataschema": schema_urn(HOUSING, 1) + "0" * 5_000}, "unknown-version"),
        ({"payload": {}}, "bad-payload"),
        ({"payload": {**MOVED_IN, "more": 1}}, "bad-payload"),
        ({"payload": {**MOVED_IN, "tenure": 7}}, "bad-payload"),
        ({"payload": {"why": "?"}, "action": "void"}, "bad-payload"),
        ({"payload": []}, "broken-row"),
        ({"payload": None}, "broken-row"),
        ({"action": "erase"}, "broken-row"),
        ({"order": 7}, "broken-row"),
        ({"findings": "none"}, "broken-row"),
        ({"time": {"at": 1}}, "broken-row"),
        ({"subject": "nobody"}, "bad-record"),
        ({"source": "north"}, "bad-source"),
        ({"source": "urn:tellonce:source:south:crm"}, "foreign-key"),
    ],
)
def test_what_does_not_fit_is_told_by_its_code(more: dict[str, Any], code: str) -> None:
    assert fault_of(Event(EventId(bytes(32)), "north", HERS.subject, told(**more))) == code


@pytest.mark.parametrize("missing", ["source", "subject", "type", "dataschema", "orderfrom", "data", "fact", "factref"])
def test_an_event_without_what_every_event_says_is_broken(missing: str) -> None:
    attributes = {name: value for name, value in told(order="1").items() if name != missing}
    assert fault_of(Event(EventId(bytes(32)), "north", HERS.subject, attributes)) == "broken-row"


def test_a_decision_names_no_fact_and_whichever_source_it_is_about() -> None:
    attributes = told_of(HERS, "hub.person-opened", OPENED, agency="hub", subject=f"decision/{'x' * 600}")
    attributes = {name: value for name, value in attributes.items() if name not in ("fact", "factref")}
    for source in ("urn:tellonce:source:hub:linkage", "urn:tellonce:source:north:crm"):
        assert fault_of(Event(EventId(bytes(32)), "hub", HERS.subject, {**attributes, "source": source})) is None
