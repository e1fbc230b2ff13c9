"""HTTP: whatever the mode, the same event; and the official SDK writes what we read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings import http as sdk
from cloudevents.core.v1.event import CloudEvent

from adapters.cloudevents.http_binding import from_http
from adapters.sdk.adapter import Fact
from events.errors import RejectedMessage
from tests.adapters.cloudevents.builders import SOURCE, fact_of, messages

ATTRIBUTES: dict[str, Any] = {
    "id": "m-1",
    "source": SOURCE,
    "type": "contact.occurred",
    "subject": "tenant/Pé 1%",
    "time": datetime(2025, 1, 14, 10, 30, tzinfo=UTC),
    "datacontenttype": "application/json",
    "fact": "contact/17",
    "order": "2025-01-14T10:30:00Z",
    "correlationid": "ünïcode “quoted”",
}
DATA = {"channel": "phone", "summary": 'He said "höher", 100 % sure'}
EXPECTED = Fact(
    "tenant",
    "Pé 1%",
    "contact.occurred",
    "contact/17",
    DATA,
    order="2025-01-14T10:30:00Z",
    order_from="sender",
    order_is_whole=True,
    time="2025-01-14T10:30:00Z",
    attributes={"correlationid": "ünïcode “quoted”"},
)


def _written(write: Callable[[CloudEvent], sdk.HTTPMessage]) -> sdk.HTTPMessage:
    return write(CloudEvent(ATTRIBUTES, DATA))


def _read(headers: dict[str, str], body: bytes) -> list[Fact]:
    return [fact_of(each.raw) for each in messages(from_http(headers.items(), body))]


@pytest.mark.parametrize("write", [sdk.to_structured_event, sdk.to_binary_event], ids=["structured", "binary"])
def test_what_the_sdk_writes_is_read_as_it_was_meant(write: Callable[[CloudEvent], sdk.HTTPMessage]) -> None:
    written = _written(write)
    assert _read(written.headers, written.body) == [EXPECTED]


def test_a_batch_of_what_the_sdk_writes_is_read_event_by_event() -> None:
    one = _written(sdk.to_structured_event).body
    batch = json.dumps([orjson.loads(one)] * 3, indent=1).encode()
    assert _read({"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}, batch) == [EXPECTED] * 3


@pytest.mark.parametrize("write", [sdk.to_structured_event, sdk.to_binary_event], ids=["structured", "binary"])
def test_the_sdk_and_we_read_the_same_attributes(write: Callable[[CloudEvent], sdk.HTTPMessage]) -> None:
    written = _written(write)
    theirs = sdk.from_http_event(written)
    ours = orjson.loads(from_http(written.headers.items(), written.body))
    data = ours.pop("data")
    assert data == theirs.get_data()
    assert ours == {
        name: "2025-01-14T10:30:00Z" if name == "time" else value for name, value in theirs.get_attributes().items()
    }


@pytest.mark.parametrize(
    "media_type",
    [
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
        "application/json",
        "",
    ],
)
def test_structured_bodies_pass_as_they_are(media_type: str) -> None:
    body = b'{"id": "1",  "id": "2"}'
    assert from_http([("Content-Type", media_type)] if media_type else [], body) == body


def test_a_binary_body_keeps_its_doubled_keys_to_be_seen() -> None:
    put_together = from_http([("ce-id", "1"), ("content-type", "application/json")], b'{"a":1,"a":2}')
    assert put_together.endswith(b'"data":{"a":1,"a":2}}')


def test_a_binary_event_without_a_body_has_no_data() -> None:
    assert "data" not in orjson.loads(from_http([("ce-id", "1"), ("ce-action", "withdraw")], b""))


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ([("content-type", "text/xml")], b"<a/>", "unsupported-content-type"),
        ([("content-type", "text/xml"), ("ce-id", "1")], b"<a/>", "unsupported-content-type"),
        ([("ce-id", "1"), ("ce-id", "2")], b"{}", "bad-header"),
        ([("ce-data", "1")], b"{}", "bad-header"),
        ([("ce-da-ta", "1")], b"{}", "bad-header"),
        ([("ce-id", "%ff")], b"{}", "bad-header"),
        ([("ce-id", "1")], b'{"a":1},"source":"x","b":{}', "bad-json"),
        ([("ce-id", "1")], b"{", "bad-json"),
    ],
)
def test_what_is_no_event_is_refused(headers: list[tuple[str, str]], body: bytes, code: str) -> None:
    with pytest.raises(RejectedMessage) as refused:
        from_http(headers, body)
    assert refused.value.code == code
