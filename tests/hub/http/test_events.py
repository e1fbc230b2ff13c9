"""CloudEvents over HTTP: as the official SDK sends them, in all three modes, and as it should not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.hub.homes import cloudevent
from tests.hub.http.serving import Served, code_of

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
HOPES = "aboutme.statement-shared"
SOURCE = "urn:tellonce:source:housing:crm"


def hope(text: str) -> dict[str, str]:
    return {"topic": "hopes", "text": text}


def by_the_sdk(message_id: str, record: str, text: str) -> CloudEvent:
    return CloudEvent(
        {
            "id": message_id,
            "source": SOURCE,
            "type": HOPES,
            "subject": record,
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "time": datetime(2025, 3, 1, 9, 30, tzinfo=UTC),
            "fact": "aboutme/hopes",
            "order": "2025-03-01T09:30:00Z",
        },
        hope(text),
    )


def post(served: Served, message: HTTPMessage) -> httpx.Response:
    headers = {name: value for name, value in message.headers.items() if value is not None}
    return served.ask("adapter", "POST", "/v1/events", content=message.body, headers=headers)


@pytest.mark.parametrize("mode", [to_structured, to_binary])
def test_an_event_of_the_official_sdk_stands_on_the_timeline(served: Served, mode: Any) -> None:
    record = f"tenant/{mode.__name__}"
    answer = post(served, mode(by_the_sdk(f"sdk-{mode.__name__}", record, "Zoë’s garden, 100 % hers"), JSONFormat()))
    report = answer.json()
    assert (answer.status_code, report["accepted"], report["events"], report["findings"]) == (200, 1, 1, 0), report
    person = served.person_of(f"housing:crm/{record}", after=report["position"])
    (entry,) = served.timeline_of(person)["entries"]
    assert entry["payload"] == hope("Zoë’s garden, 100 % hers")
    assert entry["occurred"]["start"] == "2025-03-01T09:30:00Z"
    assert entry["order"] == "2025-03-01T09:30:00Z"


def test_both_modes_of_one_event_are_one_event(served: Served) -> None:
    event = by_the_sdk("sdk-twice", "tenant/twice", "the same")
    first = post(served, to_structured(event, JSONFormat())).json()
    second = post(served, to_binary(event, JSONFormat())).json()
    assert (first["events"], first["duplicates"]) == (1, 0)
    assert (second["events"], second["duplicates"]) == (0, 1)
    assert second["position"] == first["position"]


def test_a_batch_of_the_sdks_events_is_taken_whole(served: Served) -> None:
    events = [by_the_sdk(f"sdk-batch-{n}", f"tenant/batch-{n}", str(n)) for n in range(3)]
    body = b"[" + b",".join(to_structured(event, JSONFormat()).body for event in events) + b"]"
    answer = served.ask("adapter", "POST", "/v1/events", content=body, headers=BATCH)
    assert [outcome["sender_id"] for outcome in answer.json()["outcomes"]] == [f"sdk-batch-{n}" for n in range(3)]
    assert answer.json()["events"] == 3


def test_an_event_a_line_is_taken_too(served: Served) -> None:
    lines = b"\n".join(orjson.dumps(cloudevent(f"line-{n}", HOPES, f"tenant/line-{n}", hope("x"))) for n in range(3))
    headers = {"Content-Type": "application/x-ndjson"}
    assert served.ask("adapter", "POST", "/v1/events", content=lines, headers=headers).json()["events"] == 3


@pytest.mark.long
def test_ten_thousand_events_in_a_batch_are_taken(served: Served) -> None:
    text = "x" * 700
    events = [cloudevent(f"many-{n}", HOPES, f"tenant/many-{n % 100}", hope(f"{n} {text}")) for n in range(10_000)]
    answer = served.ask("adapter", "POST", "/v1/events", content=orjson.dumps(events), headers=BATCH)
    report = answer.json()
    assert (answer.status_code, report["messages"], report["events"]) == (200, 10_000, 10_000)
    assert len(report["outcomes"]) == 1_000
    last = served.get("adapter", f"/v1/receipts/{report['receipt']}", after=9_990)["outcomes"]
    assert [outcome["sender_id"] for outcome in last] == [f"many-{n}" for n in range(9_990, 10_000)]


def test_a_batch_that_is_too_long_is_refused_and_says_where_to_send_it(served: Served) -> None:
    assert served.hub.wait_until_read(20)  # what the hub itself decides about records comes after them
    before = served.get("admin", "/v1/status")["events"]
    answer = served.ask("adapter", "POST", "/v1/events", content=b" " * (16 << 20) + b"[]", headers=BATCH)
    assert (answer.status_code, code_of(answer)) == (413, "body-too-large")
    assert "/v1/intake/" in answer.json()["next_step"]
    assert served.get("admin", "/v1/status")["events"] == before


def test_events_of_another_source_go_to_quarantine_and_the_agencys_own_land(served: Served) -> None:
    foreign = cloudevent("mixed-1", HOPES, "tenant/mixed", hope("not ours"), agency="hospital")
    own = cloudevent("mixed-2", HOPES, "tenant/mixed", hope("ours"))
    report = served.send(foreign, own, organisation="housing")
    assert (report["accepted"], report["quarantined"], report["events"]) == (1, 1, 1)
    states = {outcome["sender_id"]: outcome for outcome in report["outcomes"]}
    assert states["mixed-1"]["state"] == "quarantined"
    assert states["mixed-1"]["findings"][0]["code"] == "source-not-yours"
    assert states["mixed-2"]["state"] == "accepted"


def test_messages_that_are_all_quarantined_are_still_an_answered_request(served: Served) -> None:
    answer = served.ask("adapter", "POST", "/v1/events", json=cloudevent("bad-1", "no.such-type", "tenant/1", {}))
    report = answer.json()
    assert (answer.status_code, report["quarantined"], report["accepted"]) == (200, 1, 0)
    assert report["outcomes"][0]["findings"][0]["code"] == "unknown-type"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/cloudevents+json", 400, "empty"),
        (b"hello", "application/cloudevents+json", 400, "not-json"),
        (b"\xff\xfe{\0}\0", "application/cloudevents+json", 400, "wrong-encoding"),
        (b"{}", "application/cloudevents+json", 400, "bad-source"),
        (b"[]", "application/cloudevents-batch+json", 400, "empty"),
        (b'{"source": "the crm"}', "application/json", 400, "bad-source"),
        (b'{"source": 7}', "application/json", 400, "bad-source"),
        (b"<event/>", "application/xml", 415, "unsupported-content-type"),
        (b'{"source": "urn:tellonce:source:hospital:crm"}', "application/json", 403, "other-agency"),
        (b'{"source": "urn:tellonce:source:housing:nowhere"}', "application/json", 403, "unknown-system"),
    ],
    ids=str,
)
def test_a_body_that_names_no_system_of_the_agency_is_refused(
    served: Served, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = served.ask("adapter", "POST", "/v1/events", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, code_of(answer)) == (status, code)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ('"data": {"topic": "hopes", "topic": "hopes", "text": "x"}', "duplicate-key"),
        ('"data": {"topic": "hopes", "text": NaN}', "bad-json"),
        ('"data": ' + "[" * 5_000 + "]" * 5_000, "too-deep"),
        ('"data": {"topic": "hopes", "text": 7}', "bad-payload"),
        ('"order": "1", "orderfrom": "arrival", "data": {"topic": "hopes", "text": "x"}', "contradictory-order"),
        ('"time": "yesterday", "data": {"topic": "hopes", "text": "x"}', "bad-time"),
    ],
    ids=["doubled key", "NaN", "depth bomb", "wrong kind", "contradiction", "no time"],
)
def test_an_event_that_cannot_be_understood_waits_in_quarantine_and_the_next_good_one_lands(
    served: Served, change: str, code: str
) -> None:
    head = json.dumps({"specversion": "1.0", "id": "worst", "source": SOURCE, "type": HOPES, "subject": "tenant/worst"})
    answer = served.ask("adapter", "POST", "/v1/events", content=f"{head[:-1]}, {change}}}")
    report = answer.json()
    assert answer.status_code == 200, report
    assert [finding["code"] for finding in report["outcomes"][0]["findings"]] == [code]
    assert report["outcomes"][0]["state"] == "quarantined"
    assert served.send(cloudevent(f"good-{code}", HOPES, "tenant/worst", hope(code)))["events"] == 1


def test_a_batch_that_was_cut_short_lands_as_far_as_it_came(served: Served) -> None:
    whole = orjson.dumps([cloudevent(f"cut-{n}", HOPES, "tenant/cut", hope(str(n))) for n in range(3)])
    answer = served.ask("adapter", "POST", "/v1/events", content=whole[:-60], headers=BATCH)
    report = answer.json()
    assert (answer.status_code, report["accepted"], report["quarantined"]) == (200, 2, 1)
    assert report["outcomes"][-1]["findings"][0]["code"] == "truncated"


def test_an_event_that_says_it_is_the_hubs_is_refused(served: Served) -> None:
    event = cloudevent("hub-1", "hub.person-opened", "tenant/1", {"person": "7K2M-9QX3", "record": "x"})
    (outcome,) = served.send(event)["outcomes"]
    assert (outcome["state"], outcome["findings"][0]["code"]) == ("quarantined", "type-reserved")


def test_a_header_that_is_no_text_is_refused(served: Served) -> None:
    headers = {"ce-id": "%FF", "ce-source": SOURCE, "ce-specversion": "1.0", "Content-Type": "application/json"}
    answer = served.ask("adapter", "POST", "/v1/events", content=b"{}", headers=headers)
    assert (answer.status_code, code_of(answer)) == (400, "bad-header")


def test_an_admin_sends_for_any_agency(served: Served) -> None:
    event = cloudevent("admin-1", HOPES, "patient/admin", hope("x"), agency="hospital")
    assert served.ask("admin", "POST", "/v1/events", json=event).json()["events"] == 1
