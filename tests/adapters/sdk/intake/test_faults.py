"""A fault of a field is noted, what is not mapped is told, and what cannot be understood waits in quarantine."""

from typing import Any

import pytest

from adapters.sdk.outcome import Counts
from tests.adapters.sdk.scripted import TYPE, Bench, a_fact, a_message, codes


def test_faults_of_a_field_are_findings_of_an_accepted_message(bench: Bench) -> None:
    fact = a_fact(findings=[("unknown-tenure", "column tenure", "not in the code list")])
    report = bench.send(a_message(fact, findings=[("odd-line", "line 1", "")]))
    (outcome,) = report.outcomes
    assert outcome.state == "accepted-with-findings"
    assert codes(outcome) == ["odd-line", "unknown-tenure"]
    assert report.counts == Counts(messages=1, accepted=1, findings=2, events=1)
    assert bench.events()[0].attributes["findings"] == ["unknown-tenure column tenure"]


@pytest.mark.parametrize(
    ("script", "reason"), [({"not_mapped": "trigger ADT^A60"}, "trigger ADT^A60"), ({}, "holds nothing to record")]
)
def test_what_is_not_mapped_is_told_by_name(bench: Bench, script: dict[str, Any], reason: str) -> None:
    report = bench.send(a_message(**script))
    assert [(outcome.state, outcome.reason) for outcome in report.outcomes] == [("not-mapped", reason)]
    assert report.counts == Counts(messages=1, not_mapped=1)
    assert bench.receipts.quarantined() == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (a_message(quarantined=("no-record", "PID-3", "no id")), "no-record"),
        (a_message(fault=("cut-off", "line 1", "no end")), "cut-off"),
        (a_message(reject="field 7"), "bad-script"),
        (a_message(crash=True), "adapter-failed"),
        (a_message(a_fact(payload={"tenure": "castle"})), "bad-payload"),
        (a_message(a_fact(type="housing.castle-built")), "unknown-type"),
        (a_message(a_fact(type="hub.person-opened")), "type-reserved"),
        (a_message(a_fact(record_type="Tenant!")), "bad-record"),
        (a_message(a_fact(" ")), "bad-record"),
        (a_message(a_fact(name="")), "bad-fact"),
        (a_message(a_fact(time="yesterday")), "bad-time"),
    ],
)
def test_what_cannot_be_understood_waits_in_quarantine(bench: Bench, message: bytes, code: str) -> None:
    report = bench.send(message)
    assert report.counts.quarantined == report.counts.messages == 1
    assert [outcome.state for outcome in report.outcomes] == ["quarantined"]
    assert codes(report.outcomes[0])[0] == code
    (entry,) = bench.receipts.quarantined()
    assert (entry.receipt, entry.place, entry.code) == (report.receipt, "1", code)
    assert bench.events() == []


def test_one_bad_message_never_blocks_its_file(bench: Bench) -> None:
    report = bench.send(
        a_message(a_fact("1")), a_message(crash=True), a_message(reject="x"), a_message(a_fact("2")), a_message()
    )
    assert [outcome.state for outcome in report.outcomes] == [
        "accepted",
        "quarantined",
        "quarantined",
        "accepted",
        "not-mapped",
    ]
    assert len(bench.events()) == 2


def test_a_fact_that_cannot_be_an_event_is_a_finding_beside_the_others(bench: Bench) -> None:
    report = bench.send(a_message(a_fact("1"), a_fact("2", payload={}), a_fact("3")))
    (outcome,) = report.outcomes
    assert outcome.state == "accepted-with-findings"
    assert codes(outcome) == ["bad-payload"]
    assert outcome.findings[0].where.startswith(TYPE)
    assert [event.record.local_id for event in bench.events()] == ["1", "3"]


@pytest.mark.parametrize(("script", "code"), [("unreadable", "unreadable"), ("crash_in_split", "adapter-failed")])
def test_where_the_rest_is_unreadable_what_came_before_stands(bench: Bench, script: str, code: str) -> None:
    report = bench.send(a_message(a_fact("1")), a_message(**{script: True}), a_message(a_fact("2")))
    assert [(outcome.place, outcome.state) for outcome in report.outcomes] == [
        ("1", "accepted"),
        ("whole", "quarantined"),
    ]
    assert codes(report.outcomes[1]) == [code]
    assert len(bench.events()) == 1
    assert bench.receipts.receipt(report.receipt).status == "done"


@pytest.mark.parametrize("script", ["crash", "crash_in_split"])
def test_what_an_adapter_says_when_it_fails_is_not_repeated(bench: Bench, script: str) -> None:
    (outcome,) = bench.send(a_message(**{script: True})).outcomes
    assert "Ottoline" not in str(outcome)
    assert "ValueError" in outcome.findings[0].detail
