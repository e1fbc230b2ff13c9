"""What was received and not finished is finished later, without doubling."""

from datetime import UTC, datetime

import pytest

from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock, from_us
from events.errors import Refused, TryAgainLater
from tests.adapters.sdk.scripted import REGISTER, Bench, a_fact, a_message


def test_a_receipt_that_nobody_read_is_finished_at_start(bench: Bench) -> None:
    receipt = bench.receipts.store(Arrival("north", "housing", "scripted", "f", {"colour": "red"}), a_message(a_fact()))
    bench.reopen()
    (report,) = bench.intake.sweep()
    assert (report.receipt, report.counts.events) == (receipt.id, 1)
    assert bench.adapter.settings[0].options == {"colour": "red"}
    assert bench.intake.sweep() == []


@pytest.mark.parametrize("step", ["note", "finish"])
def test_what_a_crash_cut_off_is_finished_without_doubling(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    messages = [a_message(a_fact(str(number))) for number in range(1_500)]

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bench.receipts, step, crash)
        with pytest.raises(KeyboardInterrupt):
            bench.send(*messages, a_message(reject="x"), file_name="homes.jsonl")
    bench.reopen()
    (report,) = bench.intake.sweep()
    assert report.counts.accepted == 1_500
    assert report.counts.events + report.counts.duplicates == 1_500
    assert len(bench.events()) == 1_500
    status = bench.receipts.receipt(report.receipt)
    assert (status.status, status.counts) == ("done", report.counts)
    assert len(bench.receipts.quarantined()) == 1
    assert [day.receipts for day in bench.receipts.counts_by_day()] == [1]


def test_one_refused_receipt_does_not_keep_the_sweep_from_the_others(bench: Bench) -> None:
    for agency in ("south", "north"):
        bench.receipts.store(Arrival(agency, "housing", "scripted"), a_message(a_fact()))
    bench.register(REGISTER.replace('name = "south"', 'name = "east"'))
    bench.reopen()
    with pytest.raises(Refused, match="unknown-agency"):
        bench.intake.sweep()
    assert [event.agency for event in bench.events()] == ["north"]
    assert [receipt.arrival.agency for receipt in bench.receipts.unfinished()] == ["south"]


def test_what_was_received_under_an_agreement_is_finished_after_its_end(bench: Bench) -> None:
    bench.receipts.store(Arrival("south", "housing", "scripted"), a_message(a_fact()))
    assert isinstance(bench.clock, DrivenClock)
    bench.clock.set(datetime(2024, 7, 1, tzinfo=UTC))
    bench.reopen()
    assert [report.counts.events for report in bench.intake.sweep()] == [1]


def test_a_message_that_breaks_its_adapter_does_not_break_the_start(bench: Bench) -> None:
    bench.receipts.store(Arrival("north", "housing", "scripted"), a_message(crash=1) + a_message(a_fact()))
    bench.reopen()
    (report,) = bench.intake.sweep()
    assert (report.counts.quarantined, report.counts.accepted) == (1, 1)


def test_while_the_clock_is_wrong_nothing_is_acknowledged_and_nothing_is_lost(bench: Bench) -> None:
    bench.send(a_message(a_fact("1")))
    assert isinstance(bench.clock, DrivenClock)
    right = bench.clock()
    bench.clock.set(from_us(right - 600_000_000))
    with pytest.raises(TryAgainLater, match=r"clock-behind: .*; receipt R-\w+ is kept, and what is missing of it"):
        bench.send(a_message(a_fact("2")))
    bench.clock.set(from_us(right))
    assert bench.send(a_message(a_fact("3"))).counts.events == 1
    assert len(bench.intake.sweep()) == 1
    assert [event.record.local_id for event in bench.events()] == ["1", "3", "2"]
