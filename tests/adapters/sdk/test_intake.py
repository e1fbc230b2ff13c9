"""The way in: receipt first, then translation, then events, then the answer."""

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import apsw
import pytest

from adapters.sdk import intake as intake_module
from adapters.sdk.adapter import Fact, Message, Setting, Translation
from adapters.sdk.outcome import Counts
from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock, from_us
from events.errors import Refused, TryAgainLater
from tests.adapters.sdk.scripted import HOME, ORDER, REGISTER, TYPE, Bench, a_fact, a_message


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "home")
    yield bench
    bench.close()


def orders(bench: Bench) -> list[str | None]:
    return [event.attributes.get("order") for event in bench.events()]


def codes(outcome: Any) -> list[str]:
    return [finding.code for finding in outcome.findings]


# ---- accepted


def test_a_message_becomes_events_and_the_answer_says_where_they_are(bench: Bench) -> None:
    report = bench.send(a_message(a_fact("1"), a_fact("2"), sender_id="M1"))
    assert report.counts == Counts(messages=1, accepted=1, events=2)
    (outcome,) = report.outcomes
    assert (outcome.place, outcome.state, outcome.sender_id) == ("1", "accepted", "M1")
    assert [event.position for event in outcome.events] == ["e:main-0:0", "e:main-0:1"]
    assert [event.id for event in outcome.events] == [event.id.hex() for event in bench.events()]
    assert report.position == "e:main-0:1"
    assert bench.receipts.receipt(report.receipt).status == "done"
    assert bench.receipts.receipt(report.receipt).counts == report.counts
    assert [each for _, each in bench.receipts.outcomes(report.receipt)] == list(report.outcomes)


def test_an_event_says_what_was_said_and_how_it_came(bench: Bench) -> None:
    message = a_message(a_fact(time="2024-02-01T09:00:00+01:00", said_by="officer/7", group="g1"), sender_id="M1")
    report = bench.send(message)
    (event,) = bench.events()
    told = dict(event.attributes)
    assert len(told.pop("factref")) == 32
    assert told == {
        "source": "urn:tellonce:source:north:housing",
        "subject": "tenant/1",
        "fact": "tenancy/T1",
        "type": TYPE,
        "dataschema": f"urn:tellonce:schema:{TYPE}:1",
        "time": "2024-02-01T08:00:00Z",
        "saidby": "officer/7",
        "factgroup": "g1",
        "order": f"{ORDER}/0",
        "orderfrom": "sender",
        "dataclassification": "restricted",
        "lawfulbasis": "public-task",
        "adapter": "scripted@3",
        "senderid": "M1",
        "rawref": f"{report.receipt}#1",
        "rawhash": hashlib.sha256(message.rstrip(b"\n")).hexdigest(),
        "data": HOME,
    }


def test_the_receipt_is_durable_before_anything_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[bytes] = []
    split = bench.adapter.split

    def watched(raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        db = apsw.Connection(str(bench.folder / "receipts.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
        stored.extend(body for (body,) in db.execute("SELECT body FROM receipts"))
        db.close()
        yield from split(raw, setting)

    monkeypatch.setattr(bench.adapter, "split", watched)
    message = a_message(a_fact())
    bench.send(message)
    assert stored == [message]


def test_the_adapter_is_told_where_the_bytes_come_from(bench: Bench) -> None:
    bench.send(a_message(a_fact()), file_name="homes.jsonl", shape="round")
    bench.send(a_message(a_fact()), agency="south", colour="red")
    north, south = bench.adapter.settings
    assert (north.agency, north.system, north.file_name, north.zone) == (
        "north",
        "housing",
        "homes.jsonl",
        "Europe/London",
    )
    assert north.options == {"colour": "blue", "shape": "round"}
    assert (south.zone, south.file_name, dict(south.options)) == ("Europe/Paris", None, {"colour": "red"})


def test_what_is_given_at_intake_wins_over_the_register(bench: Bench) -> None:
    bench.send(a_message(a_fact()), colour="green")
    assert bench.adapter.settings[0].options == {"colour": "green"}


@pytest.mark.parametrize("as_stream", [False, True])
def test_a_long_file_goes_in_by_batches(bench: Bench, as_stream: bool) -> None:
    raw = b"".join(a_message(a_fact(str(number))) for number in range(2_500))
    arrival = Arrival("north", "housing", "scripted", "homes.jsonl")
    report = bench.intake.receive(arrival, io.BytesIO(raw) if as_stream else raw)
    assert report.counts == Counts(messages=2_500, accepted=2_500, events=2_500)
    assert len(report.outcomes) == 1_000
    assert report.position == "e:main-0:2499"
    assert [event.record.local_id for event in bench.events()] == [str(number) for number in range(2_500)]
    assert [outcome.place for _, outcome in bench.receipts.outcomes(report.receipt, 2_400)] == [
        str(place) for place in range(2_401, 2_501)
    ]


def test_batches_are_bounded_by_size_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "BATCH_BYTES", 2_000)
    appended: list[int] = []
    submit = bench.log.submit
    monkeypatch.setattr(bench.log, "submit", lambda rows: (appended.append(len(rows)), submit(rows))[1])
    report = bench.send(*[a_message(a_fact(str(number)), padding="x" * 2_000) for number in range(20)])
    assert report.counts.events == sum(appended) == 20
    assert max(appended) <= 4


def test_an_empty_receipt_is_done_at_once(bench: Bench) -> None:
    report = bench.send(b"")
    assert report.counts == Counts()
    assert report.position is None
    assert bench.receipts.receipt(report.receipt).status == "done"


# ---- findings, not mapped, quarantined


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


# ---- duplicates


def test_a_message_sent_again_adds_nothing_and_is_told_where_it_is(bench: Bench) -> None:
    messages = [a_message(a_fact(str(number)), sender_id=f"M{number}") for number in range(3)]
    first = bench.send(*messages)
    again = bench.send(*messages)
    assert again.counts == Counts(messages=3, accepted=3, duplicates=3)
    assert again.receipt != first.receipt
    assert [event.position for outcome in again.outcomes for event in outcome.events] == [
        event.position for outcome in first.outcomes for event in outcome.events
    ]
    assert again.position == first.position
    assert len(bench.events()) == 3


def test_the_same_message_in_another_envelope_is_still_the_same(bench: Bench) -> None:
    bench.send(a_message(a_fact(), sender_id="M1", padding=1), file_name="monday.jsonl")
    bench.adapter.version = "4"
    again = bench.send(a_message(a_fact(), sender_id="M2"), file_name="tuesday.jsonl")
    assert again.counts.duplicates == 1


def test_a_message_sent_twice_in_one_file_counts_once(bench: Bench) -> None:
    report = bench.send(a_message(a_fact()), a_message(a_fact()))
    assert report.counts == Counts(messages=2, accepted=2, events=1, duplicates=1)


# ---- the order and its place


def test_orders_end_in_the_place_among_equal_facts_of_the_message(bench: Bench) -> None:
    other = {**HOME, "action": "changed"}
    bench.send(a_message(a_fact(), a_fact(payload=other), a_fact(name="tenancy/T2"), a_fact("2"), a_fact(order="7")))
    bench.send(a_message(a_fact(payload=other, order="2024-02-01T11:00:00+01:00")))
    assert orders(bench) == [f"{ORDER}/0", f"{ORDER}/1", f"{ORDER}/0", f"{ORDER}/0", "7/0", f"{ORDER}/0"]


def test_a_file_that_gives_the_order_counts_places_over_the_whole_of_it(bench: Bench) -> None:
    days = [{**HOME, "condition_concern": f"day {number}"} for number in range(3)]
    rows = [a_message(a_fact(order="2024-02-01", order_from="file", payload=payload)) for payload in days]
    bench.send(*rows, a_message(a_fact("2", order="2024-02-01", order_from="file")))
    assert orders(bench) == [f"2024-02-01T00:00:00Z/{place}" for place in (0, 1, 2, 0)]
    assert bench.events()[0].attributes["orderfrom"] == "file"


def test_an_inserted_row_makes_no_other_row_new(bench: Bench) -> None:
    rows = [a_message(a_fact(str(number), order="5", order_from="file")) for number in range(5)]
    bench.send(*rows, file_name="homes.jsonl")
    report = bench.send(rows[0], a_message(a_fact("new", order="5", order_from="file")), *rows[1:])
    assert (report.counts.events, report.counts.duplicates) == (1, 5)


def test_an_order_that_is_whole_is_left_as_it_is(bench: Bench) -> None:
    bench.send(a_message(a_fact(order="2024-02-01/7", order_is_whole=True)))
    assert orders(bench) == ["2024-02-01T00:00:00Z/7"]


def test_an_order_that_is_none_makes_an_arrival_with_a_finding(bench: Bench) -> None:
    report = bench.send(a_message(a_fact(order="next week"), sender_id="M1"))
    assert codes(report.outcomes[0]) == ["bad-order"]
    (event,) = bench.events()
    assert "order" not in event.attributes
    assert event.attributes["orderfrom"] == "arrival"


def test_without_an_order_the_senders_message_id_tells_messages_apart(bench: Bench) -> None:
    fact = a_fact(order=None)
    assert bench.send(a_message(fact, sender_id="M1")).counts.events == 1
    assert bench.send(a_message(fact, sender_id="M1")).counts.duplicates == 1
    assert bench.send(a_message(fact, sender_id="M2")).counts.events == 1
    assert (
        bench.send(a_message(a_fact(order=None, payload={**HOME, "action": "ended"}), sender_id="M1")).counts.events
        == 1
    )


def test_without_order_and_id_the_row_of_the_file_tells_them_apart(bench: Bench) -> None:
    row, other = a_message(a_fact(order=None)), a_message(a_fact(order=None), padding=1)
    assert bench.send(row, row, other, file_name="homes.jsonl").counts.events == 3
    assert bench.send(row, row, other, file_name="homes.jsonl").counts.duplicates == 3
    assert bench.send(other, row, row, file_name="homes.jsonl").counts.duplicates == 3
    assert bench.send(row, row, row, file_name="homes.jsonl").counts.events == 1
    assert bench.send(row, file_name="other.jsonl").counts.events == 1


def test_with_nothing_to_tell_them_apart_a_second_send_is_new_and_says_so(bench: Bench) -> None:
    message = a_message(a_fact("1", order=None), a_fact("2", order=None))
    first, second = bench.send(message), bench.send(message)
    assert first.counts.events == second.counts.events == 2
    assert codes(first.outcomes[0]) == ["no-message-id"]
    assert bench.intake.resume(first.receipt).counts == Counts(messages=1, accepted=1, findings=1, duplicates=2)


# ---- retractions


def test_withdrawals_voids_and_groups_keep_their_form(bench: Bench) -> None:
    why = {"reason": "entered-in-error"}
    report = bench.send(
        a_message(
            a_fact(action="withdraw", payload={}),
            a_fact(action="void", payload=why),
            a_fact(action="withdraw-group", type="record.retracted", name=None, group="g1", payload=why),
        )
    )
    assert report.counts == Counts(messages=1, accepted=1, events=3)
    withdrawal, void, group = bench.events()
    assert (withdrawal.action, withdrawal.type, withdrawal.payload) == ("withdraw", TYPE, {})
    assert (void.action, void.type, void.payload) == ("void", TYPE, why)
    assert (group.action, group.attributes["factgroup"]) == ("withdraw-group", "g1")
    assert "fact" not in group.attributes
    assert "factref" not in group.attributes


# ---- who may send


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ({"agency": "nowhere"}, "unknown-agency"),
        ({"system": "payroll"}, "unknown-system"),
        ({"agency": "south", "system": "adt"}, "unknown-system"),
    ],
)
def test_who_is_not_registered_leaves_nothing(bench: Bench, sender: dict[str, str], code: str) -> None:
    with pytest.raises(Refused, match=code):
        bench.send(a_message(a_fact()), **sender)
    assert bench.events() == []
    assert bench.receipts.counts_by_day() == []


@pytest.mark.parametrize(
    ("day", "is_taken"),
    [
        (datetime(2023, 12, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2024, 1, 1, tzinfo=UTC), True),
        (datetime(2024, 6, 30, 23, 59, tzinfo=UTC), True),
        (datetime(2024, 7, 1, tzinfo=UTC), False),
    ],
)
def test_both_days_of_an_agreement_are_included(tmp_path: Path, day: datetime, is_taken: bool) -> None:
    bench = Bench(tmp_path / "home", DrivenClock(day))
    if is_taken:
        assert bench.send(a_message(a_fact()), agency="south").counts.events == 1
    else:
        with pytest.raises(Refused, match=r"agreement-out-of-date: agency south: .*2024-01-01 to 2024-06-30"):
            bench.send(a_message(a_fact()), agency="south")
        assert bench.receipts.counts_by_day() == []
    bench.close()


def test_a_change_of_the_register_takes_effect_at_once(bench: Bench) -> None:
    bench.register(REGISTER.replace('name = "south"', 'name = "east"'))
    with pytest.raises(Refused, match="unknown-agency"):
        bench.send(a_message(a_fact()), agency="south")
    assert bench.send(a_message(a_fact()), agency="east").counts.events == 1


# ---- retry


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


# ---- the start-up sweep


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
    assert len(bench.receipts.find_file("homes.jsonl")) == 1


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


# ---- what passes


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


def test_an_adapter_nobody_has_is_told_before_anything_is_stored(bench: Bench) -> None:
    def none_of_that_name(name: str) -> Any:
        raise Refused("unknown-adapter", "no adapter of this name")

    bench.intake._adapter_of = none_of_that_name
    with pytest.raises(Refused, match="unknown-adapter"):
        bench.send(a_message(a_fact()))
    assert bench.receipts.counts_by_day() == []
