"""One CloudEvent to one fact: every attribute, and what is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cloudevents.translate import CARRIED, OF_THE_HUB, translated
from adapters.sdk.adapter import Fact, Setting
from events.upcasters import Step, Upcasters
from tests.adapters.cloudevents.builders import event, fact_of, refusal, translate


def test_an_event_may_leave_all_own_attributes_out() -> None:
    assert fact_of(event()) == Fact(
        "tenant",
        "P-1",
        "contact.occurred",
        "contact.occurred/m-1",
        {"channel": "phone"},
        order_is_whole=True,
    )


def test_every_attribute_finds_its_place() -> None:
    told = event(
        fact="contact/17",
        order="2025-01-14T10:30:00Z/2",
        orderfrom="file",
        factgroup="visit-3",
        returnscope="contacts/2024",
        saidby="carer",
        dataclassification="restricted",
        time="2025-01-14T10:30:00+00:00",
        recordedtime="2025-01-14T11:00:00.25Z",
        correlationid="c-9",
        sequence=12,
    )
    assert fact_of(told) == Fact(
        "tenant",
        "P-1",
        "contact.occurred",
        "contact/17",
        {"channel": "phone"},
        order="2025-01-14T10:30:00Z/2",
        order_from="file",
        order_is_whole=True,
        time="2025-01-14T10:30:00+00:00",
        recorded_time="2025-01-14T11:00:00.25Z",
        said_by="carer",
        sensitivity="restricted",
        group="visit-3",
        return_scope="contacts/2024",
        attributes={"correlationid": "c-9", "sequence": "12"},
    )


def test_an_order_is_the_senders_unless_it_says_otherwise() -> None:
    assert fact_of(event(order="7")).order_from == "sender"
    assert fact_of(event()).order_from == "arrival"
    assert fact_of(event(orderfrom="arrival")).order_from == "arrival"


@pytest.mark.parametrize("name", sorted(CARRIED))
def test_documented_extensions_are_carried(name: str) -> None:
    assert fact_of(event(**{name: "x"})).attributes == {name: "x"}


def test_an_unknown_extension_is_a_finding_that_names_it() -> None:
    fact = fact_of(event(colour="red", **{"Mrs Smith": "x"}))
    assert [(each.code, each.where) for each in fact.findings] == [
        ("unknown-attribute", "an attribute"),
        ("unknown-attribute", "colour"),
    ]
    assert fact.attributes == {}


@pytest.mark.parametrize("name", sorted(OF_THE_HUB))
def test_what_only_the_hub_says_counts_for_nothing(name: str) -> None:
    fact = fact_of(event(**{name: ["x"] if name == "findings" else "x"}))
    assert [(each.code, each.where) for each in fact.findings] == [("reserved-attribute", name)]
    assert fact.attributes == {}


@pytest.mark.parametrize("action", ["withdraw", "void"])
def test_a_withdrawal_or_void_needs_no_data(action: str) -> None:
    fact = fact_of(event(action=action, data=None, order="3", fact="contact/17"))
    assert (fact.action, fact.name, fact.type, fact.payload) == (action, "contact/17", "contact.occurred", {})
    assert fact_of(event(action=action, data={"reason": "duplicate"})).payload == {"reason": "duplicate"}


def test_a_group_is_withdrawn_without_a_fact() -> None:
    fact = fact_of(event(action="withdraw-group", type="record.retracted", factgroup="visit-3", data=None))
    assert (fact.action, fact.name, fact.group) == ("withdraw-group", None, "visit-3")


@pytest.mark.parametrize(
    "changes",
    [{"factgroup": None}, {"fact": "contact/17"}, {"type": "contact.occurred"}],
    ids=["no group", "a fact", "another type"],
)
def test_a_group_withdrawal_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    plain = {"action": "withdraw-group", "type": "record.retracted", "factgroup": "visit-3", "data": None}
    assert refusal(event(**{**plain, **changes})) == ("bad-withdraw-group", "action")


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"specversion": "0.3"}, "unknown-specversion", "specversion"),
        ({"specversion": None}, "unknown-specversion", "specversion"),
        ({"id": None}, "missing-attribute", "id"),
        ({"id": ""}, "missing-attribute", "id"),
        ({"id": 17}, "bad-attribute", "id"),
        ({"id": "x" * 513}, "bad-attribute", "id"),
        ({"source": None}, "missing-attribute", "source"),
        ({"source": "urn:tellonce:source:other:lettings"}, "source-not-yours", "source"),
        ({"source": "urn:tellonce:source:oakfield-homes:repairs"}, "source-not-yours", "source"),
        ({"type": None}, "missing-attribute", "type"),
        ({"type": "contact.happened"}, "unknown-type", "type"),
        ({"type": "hub.person-opened"}, "type-reserved", "type"),
        ({"type": "hub.anything"}, "type-reserved", "type"),
        ({"subject": None}, "missing-attribute", "subject"),
        ({"subject": "P-1"}, "bad-record", "subject"),
        ({"subject": "tenant/"}, "bad-record", "subject"),
        ({"subject": {"id": "P-1"}}, "bad-attribute", "subject"),
        ({"subject": "tenant/P\n1"}, "control-character", "subject"),
        ({"time": "yesterday"}, "bad-time", "time"),
        ({"time": "2025-01-14"}, "bad-time", "time"),
        ({"time": "2025-01-14T10:30:00"}, "bad-time", "time"),
        ({"time": "2025-02-31T10:30:00Z"}, "bad-time", "time"),
        ({"time": "2025-W03-2T10:30:00Z"}, "bad-time", "time"),
        ({"time": 1736850600}, "bad-attribute", "time"),
        ({"recordedtime": "14/01/2025"}, "bad-time", "recordedtime"),
        ({"order": 5}, "bad-attribute", "order"),
        ({"order": ""}, "bad-attribute", "order"),
        ({"fact": ""}, "bad-attribute", "fact"),
        ({"action": "delete"}, "bad-attribute", "action"),
        ({"orderfrom": "sender"}, "contradictory-order", "orderfrom"),
        ({"orderfrom": "file"}, "contradictory-order", "orderfrom"),
        ({"orderfrom": "arrival", "order": "1"}, "contradictory-order", "orderfrom"),
        ({"orderfrom": "guess", "order": "1"}, "bad-attribute", "orderfrom"),
        ({"saidby": "neighbour"}, "bad-attribute", "saidby"),
        ({"dataclassification": "secret"}, "bad-attribute", "dataclassification"),
        ({"data": None}, "data-not-object", "data"),
        ({"data": [1]}, "data-not-object", "data"),
        ({"data": "text"}, "data-not-object", "data"),
        ({"data": None, "data_base64": "e30="}, "data-not-json", "data"),
        ({"datacontenttype": "text/xml"}, "data-not-json", "data"),
        ({"dataschema": "urn:tellonce:schema:person.died:1"}, "schema-mismatch", "dataschema"),
        ({"dataschema": "urn:tellonce:schema:contact.occurred:9"}, "unknown-version", "dataschema"),
        ({"dataschema": "schemas/events/contact.occurred/9.json"}, "unknown-version", "dataschema"),
        ({"correlationid": ["x"]}, "bad-attribute", "correlationid"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_place(changes: dict[str, Any], code: str, where: str) -> None:
    assert refusal(event(**changes)) == (code, where)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "bad-json"),
        (b"[1]", "not-an-event"),
        (b'"text"', "not-an-event"),
        (b'{"specversion":"1.0","specversion":"1.0"}', "duplicate-key"),
        (b'{"specversion":NaN}', "bad-json"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "too-deep"),
        (b"{" + b",".join(b'"k%d":1' % number for number in range(10_001)) + b"}", "too-many-keys"),
        (b'{"a":"' + b"x" * (1 << 20) + b'"}', "too-large"),
        (b'{"a":"\\ud800"}', "bad-json"),
        (b'{"a":"\xff"}', "bad-json"),
    ],
)
def test_json_nobody_should_send_is_refused(raw: bytes, code: str) -> None:
    assert refusal(raw) == (code, "event")


@pytest.mark.parametrize(
    "schema",
    [
        "urn:tellonce:schema:contact.occurred:1",
        "schemas/events/contact.occurred/1.json",
        "https://hub.example.org/schemas/events/contact.occurred/1.json",
    ],
)
def test_a_schema_of_ours_may_be_named_either_way(schema: str) -> None:
    assert fact_of(event(dataschema=schema)).findings == ()


def test_a_schema_of_somebody_else_is_a_finding() -> None:
    findings = fact_of(event(dataschema="https://example.org/contact.json")).findings
    assert [(each.code, each.where) for each in findings] == [("unknown-schema", "dataschema")]


def test_a_payload_of_an_older_version_is_read_as_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("contact.occurred", 1, 2, lambda payload: {**payload, "direction": "to-person"})
    upcasters = Upcasters([step], {"contact.occurred": 2})
    monkeypatch.setattr("adapters.cloudevents.translate.upcast", upcasters.upcast)
    told = event(dataschema="urn:tellonce:schema:contact.occurred:1")
    assert fact_of(told).payload == {"channel": "phone", "direction": "to-person"}


@pytest.mark.parametrize(
    "time", ["2025-01-14t10:30:00z", "2016-12-31T23:59:60Z", "2025-01-14T10:30:00.123456789+05:30"]
)
def test_every_rfc_3339_instant_is_a_time(time: str) -> None:
    assert fact_of(event(time=time)).time == time


def test_null_is_absence() -> None:
    raw = orjson.dumps({**event(), "time": None, "saidby": None, "colour": None})
    assert fact_of(raw) == fact_of(event())


def test_refusals_repeat_nothing_that_was_sent() -> None:
    marked = "Testperson-Marker"
    for name in (
        "id",
        "source",
        "type",
        "subject",
        "time",
        "order",
        "action",
        "saidby",
        "dataschema",
        "datacontenttype",
    ):
        for value in (marked, {marked: marked}, [marked], marked * 100):
            answer = translate(event(**{name: value}))
            told = repr(answer.quarantined) + repr(answer.findings) + repr([each.findings for each in answer.facts])
            assert marked not in told


@given(
    st.dictionaries(st.text(max_size=5) | st.sampled_from(sorted(event())), st.none() | st.integers(0, 9) | st.text())
)
def test_any_object_gets_an_answer_and_never_an_exception(odd: dict[str, Any]) -> None:
    answer = translated(orjson.dumps({**event(), **odd}, option=orjson.OPT_NON_STR_KEYS), Setting("a", "b"))
    assert (answer.quarantined is None) == bool(answer.facts)
