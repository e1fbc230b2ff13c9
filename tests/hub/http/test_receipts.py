"""Raw bytes in any format over HTTP, and asking afterwards what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from adapters.cloudevents.adapter import CloudEventsAdapter
from adapters.sdk.adapter import Option
from hub.http.shapes.received import FoundMessages, Quarantine, Receipt, Report, Retried
from hub.receipts.sealing import padded_bytes
from tests.hub.homes import cloudevent, registration
from tests.hub.http.serving import Served, code_of

ADT = (
    "MSH|^~\\&|PAS|RIV|HUB|HUB|20250301093000||ADT^A01|{control}|P|2.4\r"
    "PID|1||{record}^^^RIV^MR||TESTERTON^ALEX||19800203|M\r"
    "PV1|1|I|WARD7^1^1||||||||||||||||E{record}|||||||||||||||||||||||||20250301090000\r"
)
INTAKE = "/v1/intake/housing/crm/cloudevents"


def adt(control: str, record: str) -> bytes:
    return ADT.format(control=control, record=record).encode()


def test_an_hl7_message_becomes_a_timeline(served: Served) -> None:
    answer = served.ask(
        "adapter", "POST", "/v1/intake/hospital/pas/hl7v2", content=adt("MSG00001", "778899"), organisation="hospital"
    )
    report = Report.model_validate(answer.json())
    assert (answer.status_code, report.messages, report.accepted, report.quarantined) == (200, 1, 1, 0), answer.text
    person = served.person_of(record_of(served, report.receipt), after=report.position)
    types = {entry["type"] for entry in served.timeline_of(person)["entries"]}
    assert {"person.registered", "episode.started"} <= types


def record_of(served: Served, receipt: str) -> str:
    """The record that a receipt's first event is about, told by the log."""
    outcome = served.get("admin", f"/v1/receipts/{receipt}")["outcomes"][0]
    answer = served.ask("auditor", "GET", "/v1/log", params={"start": outcome["events"][0]["position"], "limit": 1})
    event = orjson.loads(answer.content)["event"]
    return f"{event['source'].removeprefix('urn:tellonce:source:')}/{event['subject']}"


def test_a_receipt_tells_what_became_of_each_message(served: Served) -> None:
    good, bad = (
        registration("rec-1", "tenant/rec", number="9991234543"),
        cloudevent("rec-2", "no.type", "tenant/rec", {}),
    )
    content = orjson.dumps([good, bad])
    answer = served.ask("adapter", "POST", INTAKE, content=content, params={"file_name": "monday.json"})
    report = answer.json()
    receipt = Receipt.model_validate(served.get("adapter", f"/v1/receipts/{report['receipt']}"))
    assert (receipt.agency, receipt.system, receipt.adapter) == ("housing", "crm", "cloudevents")
    assert (receipt.file_name, receipt.size_bytes, receipt.status) == (
        "monday.json",
        padded_bytes(len(content)),
        "done",
    )
    assert [each.state for each in receipt.outcomes] == ["accepted", "quarantined"]
    assert served.get("adapter", f"/v1/receipts/{report['receipt']}", after=1)["outcomes"] == report["outcomes"][1:]
    found = FoundMessages.model_validate(served.get("adapter", "/v1/receipts", sender_id="rec-1")).messages
    assert [(each.receipt, each.state) for each in found] == [(report["receipt"], "accepted")]


def test_a_quarantined_message_is_listed_and_tried_again(served: Served) -> None:
    report = served.send(cloudevent("qua-1", "no.type", "tenant/qua", {}))
    listed = Quarantine.model_validate(served.get("steward", "/v1/quarantine")).quarantine
    mine = next(each for each in listed if each.receipt == report["receipt"])
    assert (mine.code, mine.where, mine.sender_id, mine.state) == ("unknown-type", "type", "qua-1", "waiting")
    assert served.get("steward", f"/v1/quarantine/{mine.number}") == mine.model_dump()
    again = Retried.model_validate(served.post("steward", f"/v1/quarantine/{mine.number}/retry", None))
    assert (again.quarantine, again.receipt, again.state) == (mine.number, report["receipt"], "quarantined")
    assert served.get("steward", "/v1/quarantine", state="released") == {"quarantine": []}
    numbers = [each["number"] for each in served.get("steward", "/v1/quarantine", state="all")["quarantine"]]
    assert mine.number in numbers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/receipts/R-0000000000", 404, "unknown-receipt"),
        ("GET", "/v1/receipts/nonsense", 404, "unknown-receipt"),
        ("GET", "/v1/quarantine/Q-9999", 404, "unknown-quarantine-number"),
        ("GET", "/v1/quarantine/nonsense", 400, "bad-quarantine-number"),
        ("POST", "/v1/quarantine/Q-9999/retry", 404, "unknown-quarantine-number"),
        ("GET", "/v1/receipts", 422, "bad-question"),
        ("GET", "/v1/quarantine?state=lost", 422, "bad-question"),
        ("GET", "/v1/quarantine?agency=nobody", 422, "agency-never-heard"),
        ("GET", "/v1/receipts?sender_id=m-1&agency=nobody", 422, "agency-never-heard"),
        ("POST", "/v1/intake/nowhere/crm/cloudevents", 403, "unknown-agency"),
        ("POST", "/v1/intake/housing/nowhere/cloudevents", 403, "unknown-system"),
        ("POST", "/v1/intake/housing/crm/no-adapter", 404, "unknown-adapter"),
        ("POST", "/v1/intake/housing/pas/cloudevents", 403, "other-adapter"),
        ("POST", INTAKE + "?option.a=1&option.a=2", 400, "bad-option"),
        ("POST", INTAKE + "?option.colour=red", 400, "unknown-option"),
        ("POST", "/v1/intake/housing/crm/csv_mapping?option.mapping=x.toml", 400, "option-of-register"),
    ],
    ids=str,
)
def test_what_is_not_there_is_said_plainly(served: Served, method: str, path: str, status: int, code: str) -> None:
    answer = served.ask("admin", method, path)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_options_of_the_query_reach_the_adapter_and_the_retry(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CloudEventsAdapter, "options", (Option("order", "when"), Option("note", "why")))
    options = {"option.order": "2025-03-31", "option.note": "x"}
    content = orjson.dumps(cloudevent("opt-1", "aboutme.statement-shared", "tenant/opt", {"topic": "x", "text": "y"}))
    answer = served.ask("adapter", "POST", INTAKE, content=content, params=options)
    assert answer.status_code == 200
    receipt = served.hub.receipts.receipt(answer.json()["receipt"]).receipt
    assert receipt.arrival.options == {"order": "2025-03-31", "note": "x"}


def lines(count: int, text: str) -> Iterator[bytes]:
    """Events a line, made as they are sent."""
    for n in range(count):
        yield orjson.dumps(
            cloudevent(
                f"long-{n}", "aboutme.statement-shared", f"tenant/long-{n % 50}", {"topic": "hopes", "text": text}
            ),
            option=orjson.OPT_APPEND_NEWLINE,
        )


def test_a_long_body_goes_to_the_homes_disk_and_leaves_nothing_behind(served: Served) -> None:
    before = files_of(served.hub.home)
    answer = served.ask("adapter", "POST", INTAKE, content=lines(4_000, "y" * 1_000))
    report = answer.json()
    assert (answer.status_code, report["messages"], report["accepted"]) == (200, 4_000, 4_000)
    receipt = served.get("adapter", f"/v1/receipts/{report['receipt']}")
    assert receipt["size_bytes"] == padded_bytes(sum(len(line) for line in lines(4_000, "y" * 1_000)))
    assert files_of(served.hub.home) - before == set()


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def head_of(served: Served, length: int) -> bytes:
    """The head of an intake whose body has, or is said to have, that many bytes."""
    bearer = served.bearer("adapter")["Authorization"]
    return f"POST {INTAKE} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_sent(served: Served) -> None:
    answer = served.ask_raw(head_of(served, (1 << 30) + 1))
    assert (answer.status_code, code_of(answer)) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"


def test_a_sender_that_goes_away_before_its_message_is_whole_leaves_nothing(served: Served) -> None:
    assert served.hub.wait_until_read()
    before = files_of(served.hub.home), served.get("admin", "/v1/sources")
    with served.connected() as connection:
        connection.sendall(head_of(served, 5_000_000) + b"{" * 3_000_000)
    assert (files_of(served.hub.home), served.get("admin", "/v1/sources")) == before
    statement = cloudevent("after", "aboutme.statement-shared", "tenant/after", {"topic": "hopes", "text": "x"})
    assert served.send(statement)["events"] == 1
