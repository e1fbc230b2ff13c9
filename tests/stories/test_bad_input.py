"""Whatever comes in, it harms only itself.

Each gets a sentence with a stable code that says what, where and what to do, and names nobody; nothing stored is
harmed; and the next good message lands and is read.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from adapters.sdk.hostile import HostileSource
from events.errors import Refused
from tests.counts import PROOF, times
from tests.hub.homes import ADMIN, cloudevent
from tests.stories.watched import (
    BORN,
    EVENT,
    FAMILY,
    GIVEN,
    HL7,
    TABLE,
    Watched,
    assert_is_clear,
    assert_names_nobody,
    sender,
)


def assert_findings_are_clear(report: dict[str, Any], *codes: str) -> None:
    findings = [finding for outcome in report["outcomes"] for finding in outcome["findings"]]
    found = {finding["code"] for finding in findings}
    assert set(codes) <= found, findings
    for finding in findings:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|empty|truncated", finding["code"]), finding
        assert len(finding["detail"]) >= len("say what is to be done"), finding
        assert_names_nobody(finding["where"] + finding["detail"])


def spoilt(old: str | bytes, new: bytes, raw: bytes) -> bytes:
    old = old.encode() if isinstance(old, str) else old
    assert old in raw
    return raw.replace(old, new, 1)


QUARANTINED: dict[str, tuple[str, bytes, str]] = {
    "JSON in UTF-16": ("cloudevents", EVENT.decode().encode("utf-16"), "wrong-encoding"),
    "JSON in Latin-1": ("cloudevents", spoilt(FAMILY, b"Quartzm\xe9rker", EVENT), "bad-json"),
    "JSON cut off": ("cloudevents", EVENT[:-20], "bad-json"),
    "a batch cut off": ("cloudevents", b"[" + EVENT + b"," + EVENT[:90], "truncated"),
    "an empty file of events": ("cloudevents", b"", "empty"),
    "blanks": ("cloudevents", b" \r\n\t", "empty"),
    "a NUL byte in JSON": ("cloudevents", spoilt(FAMILY, b"Quartz\0", EVENT), "bad-json"),
    "a doubled key": ("cloudevents", spoilt('"names"', b'"birth_date":"1900","names"', EVENT), "duplicate-key"),
    "NaN": ("cloudevents", spoilt(f'"{BORN}"', b"NaN", EVENT), "bad-json"),
    "infinity": ("cloudevents", spoilt(f'"{BORN}"', b"1e999", EVENT), "bad-json"),
    "a deep list": ("cloudevents", spoilt(f'"{BORN}"', b"[" * 99 + b"]" * 99, EVENT), "too-deep"),
    "a bomb of lists": ("cloudevents", b"[" * 100_000, "too-deep"),
    "a bomb of objects": ("cloudevents", b'{"a":' * 100_000, "too-deep"),
    "many keys": ("cloudevents", b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}", "too-many-keys"),
    "an event of 1 MiB": ("cloudevents", spoilt(FAMILY, b"T" * (1 << 20), EVENT), "too-large"),
    "31 February": ("cloudevents", spoilt(BORN, b"1931-02-31", EVENT), "bad-payload"),
    "a type that is none": ("cloudevents", spoilt("person.registered", b"person.registred", EVENT), "unknown-type"),
    "a type of the hub": ("cloudevents", spoilt("person.registered", b"hub.persons-merged", EVENT), "type-reserved"),
    "a field that is none": ("cloudevents", spoilt('"birth_date"', b'"dob"', EVENT), "bad-payload"),
    "another agency's event": ("cloudevents", spoilt("source:housing", b"source:hospital", EVENT), "source-not-yours"),
    "a CSV without a column": ("csv_mapping", spoilt("Tenure", b"Tenuer", TABLE), "missing-column"),
    "a CSV with a doubled column": (
        "csv_mapping",
        spoilt("Last Updated", b"Last Updated,Tenure", TABLE),
        "doubled-column",
    ),
    "a CSV in UTF-16": ("csv_mapping", TABLE.decode().encode("utf-16"), "wrong-encoding"),
    "an empty CSV": ("csv_mapping", b"", "empty"),
    "an open quote": ("csv_mapping", spoilt(GIVEN, b'"' + GIVEN.encode(), TABLE), "unclosed-quote"),
    "an empty file of HL7": ("hl7v2", b"", "empty"),
    "no HL7 at all": ("hl7v2", EVENT, "not-hl7"),
    "HL7 without a patient": ("hl7v2", HL7.partition(b"PID")[0], "no-record-identifier"),
    "HL7 cut off in its first segment": ("hl7v2", HL7[:40], "no-trigger"),
}


@pytest.mark.parametrize("name", QUARANTINED)
def test_what_cannot_be_understood_waits_in_quarantine_with_the_reason(watched: Watched, name: str) -> None:
    adapter, raw, code = QUARANTINED[name]
    with watched.unharmed():
        report = watched.send(raw, adapter, file_name="file-1")
        assert report["quarantined"] >= 1, report
        assert_findings_are_clear(report, code)
    waiting = watched.services.quarantine(ADMIN)["quarantine"]
    assert code in {each["code"] for each in waiting}
    assert_names_nobody(str(waiting))


FOUND: dict[str, tuple[str, bytes, str]] = {
    "an escaped NUL": ("cloudevents", spoilt(FAMILY, b"Quartz\\u0000", EVENT), "nul-character"),
    "an order that is none": ("cloudevents", spoilt('"order":"1"', b'"order":"one"', EVENT), "bad-order"),
    "an attribute that is none": (
        "cloudevents",
        spoilt('"order"', b'"mood":"good","order"', EVENT),
        "unknown-attribute",
    ),
    "a CSV with a column more": (
        "csv_mapping",
        spoilt("Last Updated", b"Last Updated,More", spoilt(" 10:12", b" 10:12,x", TABLE)),
        "extra-column",
    ),
    "31 February in a CSV": ("csv_mapping", spoilt("19/07/1931", b"31/02/1931", TABLE), "bad-date"),
    "an unknown code": ("csv_mapping", spoilt(",GEN,", b",ZZZ,", TABLE), "unknown-code"),
    "a CSV in Latin-1": ("csv_mapping", spoilt(GIVEN, b"Z\xe9b", TABLE), "wrong-encoding"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_fault_of_a_field_is_noted_and_the_rest_is_taken(watched: Watched, name: str) -> None:
    adapter, raw, code = FOUND[name]
    with watched.unharmed():
        report = watched.send(raw, adapter, file_name="file-1")
        assert report["messages"] == 1, report
        assert_findings_are_clear(report, code)


@pytest.mark.parametrize(("adapter", "raw"), [("cloudevents", EVENT), ("csv_mapping", TABLE), ("hl7v2", HL7)])
def test_a_byte_order_mark_changes_nothing(watched: Watched, adapter: str, raw: bytes) -> None:
    with watched.unharmed():
        plain = watched.send(raw, adapter, file_name="file-1")
        marked = watched.send(b"\xef\xbb\xbf" + raw, adapter, file_name="file-1")
        assert plain["events"] >= 1
        assert (marked["events"], marked["duplicates"], marked["quarantined"]) == (0, plain["events"], 0)


REFUSED: dict[str, tuple[str, dict[str, str]]] = {
    "unknown-agency": ("nobody", {"agency": "nobody"}),
    "unknown-system": ("housing", {"system": "abacus"}),
    "unknown-adapter": ("housing", {"adapter": "abacus", "system": "crm"}),
    "other-agency": ("lapsed", {"agency": "housing"}),
    "agreement-out-of-date": ("lapsed", {"agency": "lapsed"}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_who_may_not_send_is_told_why_and_nothing_is_kept(watched: Watched, code: str) -> None:
    agency, given = REFUSED[code]
    arrival = {"agency": "housing", "system": "crm", "adapter": "cloudevents", **given}
    with watched.unharmed():
        head = watched.hub.log.head()
        with pytest.raises(Refused) as refused:
            watched.services.intake(sender(agency), EVENT, **arrival)
        assert_is_clear(refused.value, code)
        assert watched.hub.log.head() == head


@pytest.mark.long
def test_ten_thousand_events_in_a_batch_come_in_once(watched: Watched) -> None:
    def event(number: int) -> bytes:
        data = {"topic": "hopes", "text": "A"}
        return orjson.dumps(cloudevent(f"m{number}", "aboutme.statement-shared", f"tenant/{number % 50}", data))

    batch = b"[" + b",".join(map(event, range(10_000))) + b"]"
    with watched.unharmed():
        assert watched.send(batch)["events"] == 10_000
        again = watched.send(batch)
        assert (again["events"], again["duplicates"]) == (0, 10_000)


def test_whatever_hostile_senders_make_of_real_messages_harms_only_itself(watched: Watched) -> None:
    """Every sample of every format, spoilt in hundreds of ways, through the real intake."""
    sent = 0
    with watched.unharmed():
        for adapter, sample in (("cloudevents", EVENT), ("csv_mapping", TABLE), ("hl7v2", HL7)):
            spoilings = [(name, raw) for name, raw in HostileSource(sample) if len(raw) < 1 << 18 or PROOF]
            for name, raw in spoilings[:: times(5, proof=1)]:
                report = watched.send(raw, adapter, file_name="file-1")
                assert report["messages"] == report["accepted"] + report["not_mapped"] + report["quarantined"], name
                sent += 1
        assert watched.hub.wait_until_read(60)
    assert sent > 100
