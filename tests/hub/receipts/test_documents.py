"""Outcomes as compact documents, and back."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.adapter import Finding
from adapters.sdk.outcome import Counts, EventOutcome, MessageOutcome
from hub.receipts.documents import Document, Sums, decode, encode, minus, printable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
STATES = st.sampled_from(["accepted", "accepted-with-findings", "not-mapped", "quarantined"])
FINDINGS = st.lists(st.builds(Finding, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple)
POSITIONS = st.builds(
    "{}:{}:{}".format, st.sampled_from(["e1", "e2"]), st.sampled_from(["main-0", "a-1"]), st.integers(0, 6)
)
IDS = st.binary(min_size=32, max_size=32).map(bytes.hex)
EVENTS = st.lists(st.builds(EventOutcome, IDS, POSITIONS, st.booleans()), max_size=3).map(tuple)
OUTCOMES = st.builds(MessageOutcome, TEXTS, STATES, st.none(), TEXTS, FINDINGS, EVENTS)


def accepted(place: int, offset: int, *, is_duplicate: bool = False) -> MessageOutcome:
    event = EventOutcome(f"{place:064x}", f"epoch:main-0:{offset}", is_duplicate)
    return MessageOutcome(str(place), "accepted", events=(event,))


@given(st.lists(OUTCOMES, min_size=1, max_size=12))
def test_outcomes_are_read_back_as_they_were_noted(outcomes: list[MessageOutcome]) -> None:
    noted = encode(outcomes)
    assert decode(noted.document, noted.event_ids) == outcomes


@given(st.lists(OUTCOMES, min_size=1, max_size=12), st.data())
def test_any_one_outcome_is_read_without_the_others(outcomes: list[MessageOutcome], draw: st.DataObject) -> None:
    noted = encode(outcomes)
    document = Document(noted.document, noted.event_ids)
    at = draw.draw(st.integers(0, len(outcomes) - 1))
    assert len(document) == len(outcomes)
    assert document.outcome(at) == outcomes[at]


@given(st.lists(OUTCOMES, min_size=1, max_size=12))
def test_sums_are_those_that_intake_counts(outcomes: list[MessageOutcome]) -> None:
    counts = Counts()
    counts.add(outcomes)
    sums = encode(outcomes).sums
    assert Counts(*sums[:-1]) == counts
    assert sums.with_findings == sum(outcome.state == "accepted-with-findings" for outcome in outcomes)


@given(st.lists(OUTCOMES, min_size=1, max_size=3), st.text("0123456789", min_size=4))
def test_what_the_sender_calls_a_message_is_not_in_it(outcomes: list[MessageOutcome], sender_id: str) -> None:
    named = [replace(outcome, sender_id=sender_id) for outcome in outcomes]
    assert encode(named) == encode(outcomes)


@given(st.booleans())
def test_one_plain_message_is_noted_like_many(is_duplicate: bool) -> None:
    event = EventOutcome("ab" * 32, "epoch:main-0:7", is_duplicate)
    outcome = MessageOutcome("1", "accepted", events=(event,))
    one, two = encode([outcome]), encode([outcome, outcome])
    assert decode(one.document, one.event_ids) == [outcome]
    assert [2 * count for count in one.sums] == list(two.sums)


def test_a_thousand_plain_outcomes_are_a_small_document() -> None:
    outcomes = [accepted(place, 500 + place) for place in range(1_000)]
    noted = encode(outcomes)
    assert len(noted.document) < 14 * 1_000
    assert len(noted.event_ids) == 32 * 1_000
    assert noted.document.count(b"main-0") == 1


def test_positions_with_holes_and_turns_are_kept() -> None:
    offsets = [5, 6, 7, 9, 10, 2, 2, 3]
    outcomes = [accepted(at, offset, is_duplicate=at % 2 == 0) for at, offset in enumerate(offsets)]
    noted = encode(outcomes)
    assert decode(noted.document, noted.event_ids) == outcomes


def test_half_a_surrogate_pair_is_no_reason_to_lose_an_outcome() -> None:
    outcome = MessageOutcome("row \ud800", "quarantined", findings=(Finding("bad", "x\ud900"),))
    (kept,) = decode(*encode([outcome])[:2])
    assert kept == MessageOutcome("row \ufffd", "quarantined", findings=(Finding("bad", "x\ufffd"),))
    assert printable("é\ud800") == "é\ufffd"


def test_what_was_added_is_told_count_by_count() -> None:
    assert minus(Sums(2, 2, 0, 0, 0, 3, 1, 0), Sums(2, 1, 2, 0, 1, 0, 0)) == Sums(0, 1, -2, 0, -1, 3, 1, 0)
