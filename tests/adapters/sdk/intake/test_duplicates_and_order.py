"""What tells two messages apart, and which of them is later."""

from adapters.sdk.outcome import Counts
from tests.adapters.sdk.scripted import HOME, ORDER, Bench, a_fact, a_message, codes


def orders(bench: Bench) -> list[str | None]:
    return [event.attributes.get("order") for event in bench.events()]


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
