"""Receipt first, then translation, then events, then the answer."""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO

import apsw
import pytest

from adapters.sdk import intake as intake_module
from adapters.sdk.adapter import Message, Setting
from adapters.sdk.outcome import Counts
from adapters.sdk.receipts import Arrival
from tests.adapters.sdk.scripted import HOME, ORDER, TYPE, Bench, a_fact, a_message


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
        stored.extend(body for (body,) in db.execute("SELECT body FROM arrived"))
        db.close()
        yield from split(raw, setting)

    monkeypatch.setattr(bench.adapter, "split", watched)
    message = a_message(a_fact())
    bench.send(message)
    assert [len(body) for body in stored] == [12 + len(message) + 16]  # nonce and tag: it is sealed


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
