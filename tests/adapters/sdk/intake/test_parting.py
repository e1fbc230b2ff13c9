"""Once a message was read only its own part is kept, for whom it tells of; the others outlive anyone's erasure."""

from __future__ import annotations

import random
from collections.abc import Sequence

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sdk.outcome import EventOutcome
from adapters.sdk.receipts import Arrival, Kept
from events.clock import DrivenClock, from_us
from events.errors import Refused
from events.ids import SubjectId
from hub.receipts.sealing import gone_at_us
from tests.adapters.sdk.scripted import Bench, a_fact, a_message
from tests.counts import times

ANN = "north:housing/tenant/Ann"


def erase(bench: Bench, record: str) -> SubjectId:
    """The record's keys go, and all that was kept of its messages."""
    subject = bench.keys.subject_of("north", record)
    assert subject is not None
    bench.keys.suppress(bench.keys.suppression_of("north", record))
    bench.keys.destroy(subject)
    bench.receipts.drop_parts(subject)
    return subject


def again(bench: Bench) -> None:
    """A restart after which all receipts are read once more."""
    bench.close()
    db = apsw.Connection(str(bench.folder / "receipts.sqlite"))
    db.execute("INSERT OR IGNORE INTO unfinished SELECT number FROM receipts")
    db.close()
    bench._open()
    bench.intake.sweep()


def kept(bench: Bench, receipt: str) -> list[Kept]:
    return [each for batch in bench.receipts.kept(receipt) for each in batch.kept]


def ids(events: Sequence[EventOutcome]) -> list[tuple[str, str]]:
    return [(event.id, event.position) for event in events]


def test_what_is_kept_is_the_messages_own_bytes(bench: Bench) -> None:
    messages = [a_message(a_fact("Ann"), sender_id="M1"), a_message(not_mapped="nothing"), a_message(reject="x")]
    report = bench.send(*messages, file_name="f.jsonl")
    left = kept(bench, report.receipt)
    assert [each.part.message.raw + b"\n" for each in left if each.part is not None] == messages
    assert [each.is_owned for each in left] == [True, False, False]
    assert bench.receipts.open(report.receipt)[1] is None


@pytest.mark.parametrize("told", [{}, {"order": None, "order_from": "arrival"}, {"order_from": "file"}])
def test_the_others_lead_to_the_same_events_where_one_is_erased(bench: Bench, told: dict[str, object]) -> None:
    """Whatever makes the id: the sender's order, a place counted over the file, or the file's name and the row."""
    people = ["Ann", "Bob", "Ann", "Bob", "Cat", "Bob"]
    messages = [a_message(a_fact(name, **told)) for name in people]
    joint = a_message(a_fact("Ann", **told), a_fact("Bob", **told))
    report = bench.send(joint, *messages, file_name="homes.jsonl")
    erase(bench, ANN)
    again(bench)
    outcomes = [outcome for _, outcome in bench.receipts.outcomes(report.receipt)]
    for name, before, after in zip(["Ann", *people], report.outcomes, outcomes, strict=True):
        if name == "Ann":
            assert (after.state, after.reason, after.events) == ("not-mapped", "subject-erased", ())
        else:
            assert (after.state, ids(after.events)) == (before.state, ids(before.events))
            assert all(event.is_duplicate for event in after.events)
    assert bench.receipts.receipt(report.receipt).status == "done"


@settings(max_examples=times(8, proof=100))
@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1, max_size=2), min_size=1, max_size=8), st.integers(0, 2))
def test_whoever_is_erased_disturbs_nobody_elses_ids(
    tmp_path_factory: pytest.TempPathFactory, told: list[set[str]], gone: int
) -> None:
    bench = Bench(tmp_path_factory.mktemp("parting") / "home")
    facts = [[a_fact(name, order_from="file") for name in sorted(names)] for names in told]
    report = bench.send(*[a_message(*each) for each in facts], file_name="f")
    record = f"north:housing/tenant/{'abc'[gone]}"
    if bench.keys.subject_of("north", record) is not None:
        erase(bench, record)
    again(bench)
    outcomes = [outcome for _, outcome in bench.receipts.outcomes(report.receipt)]
    for names, before, after in zip(told, report.outcomes, outcomes, strict=True):
        assert ids(after.events) == ([] if "abc"[gone] in names else ids(before.events))
    bench.close()


def test_what_is_sent_about_an_erased_record_is_neither_kept_nor_in_quarantine(bench: Bench) -> None:
    bench.send(a_message(a_fact("Ann")))
    erase(bench, ANN)
    report = bench.send(
        a_message(a_fact("Ann"), sender_id="M-Ann"),
        a_message(a_fact("Bob")),
        a_message(a_fact("Ann"), a_fact("Bob", name="tenancy/T2")),
    )
    states = [(outcome.state, outcome.reason, len(outcome.events)) for outcome in report.outcomes]
    assert states == [("not-mapped", "subject-erased", 0), ("accepted", "", 1), ("accepted-with-findings", "", 1)]
    assert [each.part is None for each in kept(bench, report.receipt)] == [True, False, True]
    assert bench.receipts.quarantined() == []
    assert bench.receipts.find(sender_id="M-Ann") == []


def test_a_retry_of_what_turns_out_to_be_about_an_erased_record_says_so_and_keeps_nothing(bench: Bench) -> None:
    bench.send(a_message(a_fact("Ann")))
    report = bench.send(a_message(a_fact("Ann"), quarantined=["odd", "x"]), a_message(a_fact("Bob")))
    erase(bench, ANN)
    translate = bench.adapter.translate
    bench.adapter.translate = lambda message, setting: translate(message, setting)._replace(quarantined=None)  # type: ignore[method-assign]
    outcome = bench.intake.retry(report.receipt, "1")
    assert (outcome.state, outcome.reason) == ("not-mapped", "subject-erased")
    assert bench.receipts.quarantined() == []
    assert [each.part is None for each in kept(bench, report.receipt)] == [True, False]
    assert bench.intake.retry(report.receipt, "1").reason == "subject-erased"


def test_a_quarantined_message_cannot_be_retried_once_its_thirty_days_are_over(bench: Bench) -> None:
    report = bench.send(a_message(reject="x"), a_message(a_fact("Bob")))
    assert isinstance(bench.clock, DrivenClock)
    bench.clock.set(from_us(gone_at_us(bench.clock())))
    bench.receipts.forget_old()
    with pytest.raises(Refused, match=rf"receipt-gone: receipt {report.receipt}: .*30 days.*send it again"):
        bench.intake.retry(report.receipt, "1")
    assert bench.intake.retry(report.receipt, "2").events[0].is_duplicate


@pytest.mark.parametrize("count", [3, 1_500])
def test_what_was_killed_between_the_log_and_the_parting_is_parted_at_the_next_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    messages = b"".join(a_message(a_fact(str(number))) for number in range(count))
    with monkeypatch.context() as patched:
        patched.setattr(bench.receipts, "note", crash)
        with pytest.raises(RuntimeError, match="killed"):
            bench.intake.receive(Arrival("north", "housing", "scripted", "f"), messages)
    assert len(bench.events()) in range(1, count + 1)
    bench.reopen()
    (report,) = bench.intake.sweep()
    assert bench.receipts.open(report.receipt)[1] is None
    assert len(kept(bench, report.receipt)) == count
    assert report.counts.accepted == count
    assert len(bench.events()) == count


def test_a_damaged_part_keeps_its_outcome_and_is_told_on_a_retry(bench: Bench) -> None:
    report = bench.send(a_message(a_fact("Ann")), a_message(a_fact("Bob")))
    bench.receipts.settle()
    db = bench.receipts._db
    content = bytearray(db.execute("SELECT content FROM parts").get)
    content[20] ^= 1
    db.execute("UPDATE parts SET content = ?", (bytes(content),))
    with pytest.raises(Refused, match="receipt-damaged"):
        bench.intake.retry(report.receipt, "1")
    again(bench)
    outcomes = [outcome for _, outcome in bench.receipts.outcomes(report.receipt)]
    assert [ids(each.events) for each in outcomes] == [ids(each.events) for each in report.outcomes]


def test_what_another_release_of_the_adapter_reads_is_counted_anew(bench: Bench) -> None:
    report = bench.send(*[a_message(a_fact("Bob", order_from="file"))] * 3)
    bench.adapter.version = "4"
    again(bench)
    outcomes = [outcome for _, outcome in bench.receipts.outcomes(report.receipt)]
    assert [ids(each.events) for each in outcomes] == [ids(each.events) for each in report.outcomes]


def test_many_receipts_in_any_order_keep_what_they_should(bench: Bench) -> None:
    rng = random.Random(3)
    sent = []
    for at in range(30):
        names = [rng.choice(("Ann", "Bob", "Cat")) for _ in range(rng.choice((1, 2, 30)))]
        messages = [a_message(a_fact(name, f"tenancy/{at}-{n}")) for n, name in enumerate(names)]
        sent.append((names, bench.send(*messages).receipt))
    erase(bench, ANN)
    for names, receipt in sent:
        assert [each.part is None for each in kept(bench, receipt)] == [name == "Ann" for name in names]
