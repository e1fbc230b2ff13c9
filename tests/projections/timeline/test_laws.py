"""The timeline keeps the laws: every worked example, and streams without end against the naive oracle."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.counts import times
from tests.laws import oracle
from tests.laws.notation import Example, Said, examples, parse, render
from tests.laws.playing import Played, digest
from tests.laws.streams import PROFILES, random_stream


def records_in(stream: list[Said]) -> set[str]:
    return {said.record for said in stream if said.record is not None}


@pytest.mark.parametrize("example", [pytest.param(each, id=each.name) for each in examples()])
def test_the_worked_examples_hold(example: Example) -> None:
    played = Played()
    records = records_in(example.stream)
    for step, said in enumerate(example.stream, start=1):
        played.play([said])
        if example.after_each_step:
            assert played.stands(records) in example.after_each_step[step - 1], f"step {step} of {example.text}"
    for step, may_stand in enumerate(example.after_each_step, start=1):
        assert played.stands(records, step) in may_stand, f"as of step {step} of {example.text}"
    if example.confirmed is not None:
        assert played.confirmed("r", "f") == example.confirmed
    for page in example.pages:
        assert played.page(page.person, page.as_of) == page.shows, f"{page} of {example.text}"


def compare(stream: list[Said], batches: list[int]) -> None:
    """Plays a stream in batches of these sizes and compares everything that can be asked with the oracle."""
    played = Played()
    text = render(stream)
    rest = [logged for said in stream for logged in played.logged(said)]
    while rest:
        size = batches.pop() if batches else 1
        played.fold(rest[:size])
        rest = rest[size:]
    records = records_in(stream)
    for step in [None, *range(1, len(stream) + 1)]:
        expected = oracle.shown(stream, step, digest) if step else oracle.stands(stream, None, digest)
        assert played.stands(records, step) == expected, f"as of {step} of {text}"
        for record, fact in expected:
            told = played.confirmed(record, fact, step)
            assert told == oracle.confirmed(stream, record, fact, step, digest), f"{record}.{fact} at {step} of {text}"
    for person in {said.person for said in stream if said.person} | {said.other for said in stream if said.other}:
        for step in [None, *range(1, len(stream) + 1)]:
            expected = oracle.page(stream, person, step, digest)
            assert played.page(person, step) == expected, f"page of {person} as of {step} of {text}"


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_any_stream_reads_as_the_oracle_says(profile: str, rng: random.Random) -> None:
    for _ in range(times(60, proof=2_000)):
        stream = random_stream(rng, rng.randint(2, 14), PROFILES[profile])
        compare(stream, [rng.choice((1, 1, 2, 3, 50)) for _ in stream])


@pytest.mark.parametrize(
    "stream",
    [
        "A@1{y} B@1{z} close{y}@2:",
        "r>P s>Q r>Q s>P r>P",
        "r>P s>Q t>S P+Q s>S r>S s>Q s.f:A@1",
        "e:A#m1 ~h@6 x@6 ~h#m2 A@1[h]",
        "~g@4 ~g#m6 e:A@1[g] e:x#m14",
        "r>P B@6 s>Q s.f:B@6 Q+P s>-N6 r>N6 r>P N6+Q",
    ],
)
def test_streams_that_once_went_wrong(stream: str) -> None:
    compare(parse(stream), [])


def test_a_shuffled_storm_of_duplicates_gives_the_same_view(rng: random.Random) -> None:
    quiet = replace(PROFILES["everything"], decisions=0, unordered=0, other_type=0)
    for _ in range(times(30, proof=500)):
        stream = [said for said in random_stream(rng, 10, quiet) if said.order is not None]
        storm = [replace(said, step=step) for step, said in enumerate(rng.choices(stream, k=30) + stream, start=1)]
        one, other = Played(), Played()
        one.play(stream)
        other.play(storm)
        assert one.stands(records_in(stream)) == other.stands(records_in(stream)), render(stream)
