"""A message in quarantine is read again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

import pytest

from adapters.sdk.adapter import Fact, Message, Setting, Translation
from adapters.sdk.outcome import Counts
from events.clock import DrivenClock
from events.errors import Refused
from tests.adapters.sdk.scripted import HOME, ORDER, TYPE, Bench, a_fact, a_message


def corrected(bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str = "2") -> None:
    """A new release of the adapter understands the message at a place."""
    translate = bench.adapter.translate

    def better(message: Message, setting: Setting) -> Translation:
        if message.place == place:
            return Translation((Fact("tenant", "late", TYPE, "tenancy/T1", HOME, order=ORDER),))
        return translate(message, setting)

    monkeypatch.setattr(bench.adapter, "translate", better)


def test_a_retried_message_that_is_understood_leaves_the_quarantine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = bench.send(a_message(a_fact("1")), a_message(reject="x"), a_message(a_fact("3")))
    corrected(bench, monkeypatch)
    outcome = bench.intake.retry(report.receipt, "2")
    assert (outcome.place, outcome.state, len(outcome.events)) == ("2", "accepted", 1)
    assert [event.record.local_id for event in bench.events()] == ["1", "3", "late"]
    assert bench.events()[2].attributes["rawref"] == f"{report.receipt}#2"
    assert bench.receipts.quarantined() == []
    assert bench.receipts.receipt(report.receipt).counts == Counts(messages=3, accepted=3, events=3)


def test_a_retried_message_that_is_still_not_understood_stays(bench: Bench) -> None:
    report = bench.send(a_message(reject="x"))
    before = bench.receipts.quarantined()
    assert bench.intake.retry(report.receipt, "1").state == "quarantined"
    assert bench.receipts.quarantined() == before


def test_a_message_retried_twice_adds_nothing_the_second_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    report = bench.send(a_message(a_fact("1")), a_message(reject="x"))
    corrected(bench, monkeypatch)
    bench.intake.retry(report.receipt, "2")
    assert bench.intake.retry(report.receipt, "2").events[0].is_duplicate
    assert len(bench.events()) == 2


def test_what_was_unreadable_as_a_whole_is_retried_as_a_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    report = bench.send(a_message(a_fact("1")), a_message(a_fact("2"), unreadable=1), a_message(a_fact("3")))
    assert bench.intake.retry(report.receipt, "whole").state == "quarantined"

    def lenient(raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        for at, line in enumerate(raw, 1):
            yield Message(str(at), line)

    monkeypatch.setattr(bench.adapter, "split", lenient)
    outcome = bench.intake.retry(report.receipt, "whole")
    assert (outcome.place, outcome.state, len(outcome.events)) == ("whole", "accepted", 3)
    assert bench.receipts.quarantined() == []
    assert bench.receipts.receipt(report.receipt).counts == Counts(messages=3, accepted=3, events=2, duplicates=1)
    assert len(bench.events()) == 3


@pytest.mark.parametrize("place", ["7", "", "row 1"])
def test_a_place_that_the_receipt_does_not_hold_is_told(bench: Bench, place: str) -> None:
    report = bench.send(a_message(reject="x"))
    with pytest.raises(Refused, match=rf"unknown-place: receipt {report.receipt}: .*quarantine list"):
        bench.intake.retry(report.receipt, place)


def test_a_retry_needs_an_agreement_of_today(bench: Bench) -> None:
    report = bench.send(a_message(reject="x"), agency="south")
    assert isinstance(bench.clock, DrivenClock)
    bench.clock.set(datetime(2024, 7, 1, tzinfo=UTC))
    with pytest.raises(Refused, match="agreement-out-of-date"):
        bench.intake.retry(report.receipt, "1")
