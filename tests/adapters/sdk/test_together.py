"""Small arrivals that wait at the same time go in together, and yet each is a matter between its sender and the hub."""

import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest

from adapters.sdk.adapter import Message, Setting, Translation
from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from adapters.sdk.together import GROUP_BYTES, SMALL_BYTES
from events.errors import Refused, TryAgainLater, WrongSettings
from tests.adapters.sdk.scripted import Bench, a_fact, a_message

PATIENCE_S = 10
HOUSING = Arrival("north", "housing", "scripted")


class Crossing:
    """Holds the first message while it is read, so that what is sent meanwhile waits together."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._translate = bench.adapter.translate
        self.is_held, self.gate = threading.Event(), threading.Event()
        self.appends: list[int] = []
        self._submit = bench.log.submit
        bench.log.submit = self._counted  # type: ignore[method-assign]
        bench.adapter.translate = self._held  # type: ignore[method-assign]

    def _counted(self, rows: Any) -> Any:
        self.appends.append(len(rows))
        return self._submit(rows)

    def _held(self, message: Message, setting: Setting) -> Translation:
        if message.sender_id == "held":
            self.is_held.set()
            assert self.gate.wait(PATIENCE_S)
        return self._translate(message, setting)

    def hold(self) -> Future[Report]:
        held = self._bench.intake.submit(HOUSING, a_message(a_fact("held"), sender_id="held"))
        assert self.is_held.wait(PATIENCE_S)
        return held

    def send(self, *messages: bytes, arrival: Arrival = HOUSING) -> Future[Report]:
        return self._bench.intake.submit(arrival, b"".join(messages))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "home")
    yield bench
    bench.close()


@pytest.fixture
def crossing(bench: Bench) -> Iterator[Crossing]:
    crossing = Crossing(bench)
    yield crossing
    crossing.gate.set()


def message(name: str, **script: Any) -> bytes:
    return a_message(a_fact(name), sender_id=name, **script)


def records(bench: Bench) -> list[str]:
    return [event.record.local_id for event in bench.events()]


def reports(sent: list[Future[Report]]) -> list[Report]:
    return [each.result(PATIENCE_S) for each in sent]


def unfinished(bench: Bench) -> list[str]:
    return [receipt.id for receipt in bench.receipts.unfinished()]


# ---- each its own answer


def test_many_senders_at_once_each_get_their_own_answer(bench: Bench) -> None:
    def send(number: int) -> list[Report]:
        return [bench.send(message(f"{number}-{turn}")) for turn in range(5)]

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(send, range(16)))
    events = bench.events()
    assert len({report.receipt for each in told for report in each}) == len(events) == 80
    for number, each in enumerate(told):
        for turn, report in enumerate(each):
            (outcome,) = report.outcomes
            (event,) = outcome.events
            told_of = events[int(event.position.rpartition(":")[2])]
            assert outcome.sender_id == told_of.record.local_id == f"{number}-{turn}"
            assert (event.position, event.id) == (report.position, told_of.id.hex())
            assert told_of.attributes["rawref"] == f"{report.receipt}#1"
            assert bench.receipts.receipt(report.receipt).counts == report.counts
    assert unfinished(bench) == []


def test_what_waits_is_appended_together_in_the_order_in_which_it_came(bench: Bench, crossing: Crossing) -> None:
    sent = [crossing.hold(), *(crossing.send(message(str(number))) for number in range(20))]
    crossing.gate.set()
    reports(sent)
    assert crossing.appends == [1, 20]
    assert records(bench) == ["held", *map(str, range(20))]


def test_arrivals_of_several_messages_keep_their_answers_apart(bench: Bench, crossing: Crossing) -> None:
    crossing.hold()
    sent = [
        crossing.send(message("1"), a_message(reject="x"), a_message(a_fact("2"), a_fact("3"))),
        crossing.send(b""),
        crossing.send(a_message(not_mapped="trigger ADT^A60")),
        crossing.send(message("4"), message("1")),
    ]
    crossing.gate.set()
    first, empty, nothing, last = reports(sent)
    assert [len(outcome.events) for outcome in first.outcomes] == [1, 0, 2]
    assert [event.position for outcome in first.outcomes for event in outcome.events] == [
        "e:main-0:1",
        "e:main-0:2",
        "e:main-0:3",
    ]
    assert (empty.outcomes, empty.position, nothing.counts.not_mapped, nothing.position) == ((), None, 1, None)
    assert [event.is_duplicate for outcome in last.outcomes for event in outcome.events] == [False, True]
    assert (last.position, last.counts.duplicates) == ("e:main-0:4", 1)
    assert unfinished(bench) == []


def test_a_group_is_bounded(bench: Bench, crossing: Crossing) -> None:
    crossing.hold()
    sent = [crossing.send(message(str(number), padding="x" * (SMALL_BYTES - 1_000))) for number in range(20)]
    crossing.gate.set()
    reports(sent)
    assert sum(crossing.appends) == 21
    assert max(crossing.appends) == GROUP_BYTES // SMALL_BYTES + 1


def test_what_is_long_goes_its_own_way_and_holds_nobody_up(bench: Bench, crossing: Crossing) -> None:
    held = crossing.hold()
    report = bench.send(message("long", padding="x" * SMALL_BYTES))
    assert report.counts.events == 1
    assert not held.done()
    crossing.gate.set()
    assert held.result(PATIENCE_S).counts.events == 1


def test_an_adapter_works_on_behalf_of_each_sender(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request")
    seen: list[str] = []
    translate = bench.adapter.translate

    def watched(message: Message, setting: Setting) -> Translation:
        seen.append(request.get())
        return translate(message, setting)

    monkeypatch.setattr(bench.adapter, "translate", watched)
    for name in ("one", "two"):
        request.set(name)
        bench.send(message(name))
    assert seen == ["one", "two"]


# ---- one refused, the others go on


def refuse_to_split(bench: Bench, error: Exception) -> Callable[..., Iterator[Message]]:
    split = bench.adapter.split

    def refusing(raw: Any, setting: Setting) -> Iterator[Message]:
        if setting.file_name == "bad":
            raise error
        return split(raw, setting)

    return refusing


@pytest.mark.parametrize(
    ("arrival", "code"),
    [
        (Arrival("nowhere", "housing", "scripted"), "unknown-agency"),
        (Arrival("north", "payroll", "scripted"), "unknown-system"),
        (Arrival("north", "housing", "scripted", "bad"), "bad-options"),
    ],
)
def test_one_refused_among_many_leaves_the_others_alone(
    bench: Bench, crossing: Crossing, monkeypatch: pytest.MonkeyPatch, arrival: Arrival, code: str
) -> None:
    monkeypatch.setattr(bench.adapter, "split", refuse_to_split(bench, WrongSettings("bad-options", "no such file")))
    crossing.hold()
    before, refused, after = (
        crossing.send(message("before")),
        crossing.send(message("refused"), arrival=arrival),
        crossing.send(message("after")),
    )
    crossing.gate.set()
    assert [report.counts.events for report in reports([before, after])] == [1, 1]
    with pytest.raises((Refused, WrongSettings), match=code):
        refused.result(PATIENCE_S)
    assert crossing.appends == [1, 2]
    assert records(bench) == ["held", "before", "after"]


def test_a_bug_of_the_adapter_quarantines_its_message_alone(bench: Bench, crossing: Crossing) -> None:
    crossing.hold()
    sent = [crossing.send(message("1")), crossing.send(a_message(crash=True)), crossing.send(message("2"))]
    crossing.gate.set()
    assert [report.outcomes[0].state for report in reports(sent)] == ["accepted", "quarantined", "accepted"]
    assert [entry.code for entry in bench.receipts.quarantined()] == ["adapter-failed"]


def test_a_sender_that_gave_up_before_its_turn_leaves_nothing(bench: Bench, crossing: Crossing) -> None:
    crossing.hold()
    gone, stays = crossing.send(message("gone")), crossing.send(message("stays"))
    assert gone.cancel()
    crossing.gate.set()
    reports([stays])
    assert records(bench) == ["held", "stays"]
    assert sum(day.receipts for day in bench.receipts.counts_by_day()) == 2


def test_a_file_name_that_cannot_be_stored_is_read_as_a_retry_will_read_it(bench: Bench) -> None:
    row = a_message(a_fact(order=None))
    report = bench.send(row, file_name="homes\udc80.jsonl")
    assert bench.adapter.settings[-1].file_name == "homes\ufffd.jsonl"
    assert bench.intake.resume(report.receipt).counts.duplicates == 1


# ---- faults of the disk and the clock


def test_a_disk_that_is_full_at_the_receipt_is_told_to_all_and_keeps_nothing(
    bench: Bench, crossing: Crossing, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = crossing.hold()
    sent = [crossing.send(message(str(number))) for number in range(3)]

    def full(jobs: object) -> None:
        raise apsw.FullError

    with monkeypatch.context() as patched:
        patched.setattr(bench.receipts._writer, "_commit", full)
        crossing.gate.set()
        held.result(PATIENCE_S)
        for each in sent:
            with pytest.raises(TryAgainLater, match="disk-full"):
                each.result(PATIENCE_S)
    assert records(bench) == ["held"]
    assert bench.send(message("later")).counts.events == 1
    assert sum(day.receipts for day in bench.receipts.counts_by_day()) == 2


def test_what_the_log_cannot_take_is_told_to_all_and_finished_at_the_next_start(
    bench: Bench, crossing: Crossing, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = crossing.hold()
    sent = [crossing.send(message(str(number))) for number in range(3)]
    store = bench.log._store

    def full_after_the_first(rows: list[Any], tiles: list[Any]) -> None:
        if len(rows) > 1:
            raise apsw.FullError
        store(rows, tiles)

    monkeypatch.setattr(bench.log, "_store", full_after_the_first)
    crossing.gate.set()
    held.result(PATIENCE_S)
    for each in sent:
        with pytest.raises(TryAgainLater, match=r"disk-full: .*; receipt R-\w+ is kept, and what is missing") as told:
            each.result(PATIENCE_S)
        assert "nothing of this was stored" not in str(told.value)
    assert bench.send(message("alone")).counts.events == 1
    assert len(unfinished(bench)) == 3
    bench.reopen()
    assert [report.counts.events for report in bench.intake.sweep()] == [1, 1, 1]
    assert records(bench) == ["held", "alone", "0", "1", "2"]
    assert unfinished(bench) == []


# ---- the end


def test_a_hub_that_stops_answers_all_that_wait_and_takes_no_more(bench: Bench, crossing: Crossing) -> None:
    sent = [crossing.hold(), *(crossing.send(message(str(number))) for number in range(3))]
    closing = threading.Thread(target=bench.intake.close)
    closing.start()
    crossing.gate.set()
    closing.join(PATIENCE_S)
    assert [each.result(0).counts.events for each in sent] == [1, 1, 1, 1]
    with pytest.raises(Refused, match="hub-stopping"):
        crossing.send(message("late"))


def test_a_log_that_stops_leaves_nobody_waiting(bench: Bench, crossing: Crossing) -> None:
    sent = [crossing.hold(), *(crossing.send(message(str(number))) for number in range(3))]
    bench.log.close()
    crossing.gate.set()
    for each in sent:
        with pytest.raises(Refused, match="hub-stopping"):
            each.result(PATIENCE_S)
    assert len(unfinished(bench)) == 4
