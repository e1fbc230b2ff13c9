"""The oracle agrees with the worked examples, and with the laws said as properties of every stream."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.counts import times
from tests.laws import oracle
from tests.laws.notation import (
    ABOUT_A_FACT,
    DECISIONS,
    Example,
    FactKey,
    Said,
    examples,
    parse,
    parse_standing,
    parse_token,
    render,
    renumbered,
)
from tests.laws.streams import PROFILES, random_stream, streams

EVERY_STREAM = settings(max_examples=times(60, proof=600))
WITHOUT_VOIDS = replace(PROFILES["groups"], unordered=1.0, voids=0)
REFILLED = "r>P s>Q t>S P+Q s>S r>S s>Q s.f:A@1"
MERGED_THEN = "s>Q r>P Q+P A@1 s>P Q-P"
WITHOUT_PEOPLE = replace(PROFILES["everything"], records=2, decisions=0)


@pytest.mark.parametrize("example", [pytest.param(each, id=each.name) for each in examples()])
def test_the_worked_examples(example: Example) -> None:
    for step, may_stand in enumerate(example.after_each_step, start=1):
        assert oracle.stands(example.stream, step) in may_stand, f"after step {step} of {example.text}"
    if example.confirmed is not None:
        assert oracle.confirmed(example.stream, "r", "f") == example.confirmed
    for page in example.pages:
        assert oracle.page(example.stream, page.person, page.as_of) == page.shows, f"{page} of {example.text}"


def test_all_worked_examples_are_read() -> None:
    assert Counter(example.kind for example in examples()) == {"stands": 79, "confirmed": 17, "membership": 11}


@pytest.mark.parametrize(
    ("reading", "stream", "after_each_step"),
    [
        ("1: equal order below the arrival, higher above", "A@2 B C@2 D@3", "A B B D"),
        ("1: an arrival ranks above what is voided", "A@1 B@5 x@5 C D@4", "A B A C C"),
        ("1: an order that was only voided is not held", "A@1 x@7 B C@3", "A A B C"),
        ("1: an arrival ranks above a withdrawal", "A@1 -@5 B C@4", "A . B B"),
        ("1: a closing is not held", "A@1{y} close{y}@5: B{y}", "A . ."),
        ("1: a closing leaves what has no scope", "A@1{y} close{y}@5: B", "A . B"),
        ("1: a withdrawal of its group is held", "A@1 ~g@5 B[g] C@4", "A A B B"),
        ("1: so it is by a fact's first arrival", "~g@5 A[g]", ". A"),
        ("1: so it is by a later one without order", "~g@4 - ~g#m A@4[g] x B@4[h]", ". . . . . B"),
        ("1: a withdrawal of another group is not", "A@1 ~g@5 B C@4", "A A B C"),
        ("2: an order of another type arrives", "A@3 B@2024-05-01 C@2 D@4", "A B B D"),
        ("2: the first ordered message decides", "A B@2024-05-01 C@2", "A B C"),
        ("2: a void is a message of the fact", "x@2024-05-01 A@2 B@1", ". A B"),
        ("2: deeper parts of another type", "A@1 B@1.9 C@1.2024-05-01", "A B C"),
        ("3: the order of what it takes is used up", "A@1 B@2 x#m C@2", "A B A A"),
        ("3: an arrival leaves its order alone", "A@1 B x#m C@1.1", "A B A C"),
        ("3: it takes a group withdrawal", "A@1[g] ~g@2 x#m", "A . A"),
        ("3: not that of a group the fact was never in", "A@1 ~g@2 x#m", "A A ."),
        ("3: it takes one that ends nothing now", "A@1[g] B@2[h] ~g@3 x#m x#k", "A B B B A"),
        ("3: what comes later doesn't change what it took", "A@1 x#m B@2", "A . B"),
        ("3: with an order of another type it takes what is on top", "A@1 B@2 x@2024-05-01", "A B A"),
        ("4: a void before the group withdrawal", "A@1[g] x@2 ~g@2", "A A A"),
        ("4: a closing can't be voided", "A@1{y} close{y}@2: x@2", "A . ."),
        ("5: facts that come later", "e:A@1[g] ~g#m f:B@1[g]", "e=A . f=B"),
        ("5: below all else on facts that come later", "~g@4 ~g#m A@1[g] x#k", ". . . A"),
        ("5: late versions of facts that were there", "A@5[g] ~g#m B@4[g] C@6[g]", "A . . C"),
        ("5: per fact", "e:A@9[g] f:B@1[g] ~g#m e:C@2[g] f:D@2[g]", "e=A e=A,f=B . . f=D"),
        ("6: equal content in two groups, the first withdrawn", "A@1[g] A@1[h] ~g@2", "A A A"),
        ("6: equal content in two groups, the second withdrawn", "A@1[g] A@1[h] ~h@2", "A A ."),
        ("6: the same, the other way round", "A@1[h] A@1[g] ~h@2", "A A ."),
        ("6: the same of two scopes", "A@1{z} A@1{y} close{y}@2: close{z}@2:", "A A A ."),
    ],
)
def test_readings_of_what_stands(reading: str, stream: str, after_each_step: str) -> None:
    told = parse(stream)
    for step, expected in enumerate(after_each_step.split(), start=1):
        assert oracle.stands(told, step) == parse_standing(expected), f"after step {step}: {reading}"


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("A@1#m A@1#k", (1, 1)),
        ("A@1{n} close+{n}@2:f", (1, 2)),
        ("A@1{n} close+{n}@2:f close+{n}@2:f", (1, 2)),
        ("A@1{n} close+{n}@2:f close+{n}@3:f", (1, 3)),
        ("A@1{n} close+{n}@3:f close+{n}@2:f", (1, 2)),
        ("A@1{n} A@3{n} close+{n}@2:f", (1, 2)),
        ("A@1{n} close+{n}@2:f B@3{n} close+{n}@3.1:f", (3, 4)),
        ("A@1{n} close+{n}@3:f A@2{n}", (1, 3)),
        ("close+{n}@3:f A@2{n}", (2, 2)),
        ("A@1{n} B@2 close+{n}@3:f", (2, 2)),
        ("A@1{n} A@2 close+{n}@3:f", (1, 2)),
        ("A@1{n} -@2 close+{n}@3:f", None),
        ("A@1{n} close+{n}@2:e", None),
        ("A@1 ~g@2 A@3", (1, 3)),
        ("A%2023@1 A%2024@2", (2, 2)),
    ],
)
def test_readings_of_when_it_was_confirmed(stream: str, expected: tuple[int, int] | None) -> None:
    assert oracle.confirmed(parse(stream), "r", "f") == expected


@pytest.mark.parametrize(
    ("reading", "stream", "person", "as_of", "expected"),
    [
        ("7: all versions below the withdrawal", "r>P A@1 B@2 -!@3", "P", 3, "."),
        ("7: not those above it", "r>P A@1 B@3 -!@2", "P", 3, "B"),
        ("7: a withdrawal that is voided itself", "r>P A@1 B@2 -!@3 x@3", "P", 3, "B"),
        ("7: a void without order", "r>P A#m B#k x!#l", "P", 3, "."),
        ("7: only what was voided", "r>P A#m B#k x!#l", "P", 2, "A"),
        ("11: an unlink back to the number opened for it", "r>P s>Q A@1 s.f:B@1 s>P s>-Q", "Q", None, "s.f=B"),
        ("11: a link to a number that is merged into another", "r>P s>Q t>S P+Q t>Q t.f:A@1", "P", None, "t.f=A"),
        ("11: and out again", "r>P s>Q t>S P+Q t>Q t.f:A@1 P-Q", "P", None, "."),
        ("11: emptied while another is merged into it", "r>P s>Q P+Q r>Q P-Q A@1", "P", None, "A"),
        ("11: a page emptied record by record", "r>P s>Q t>S P+Q r>Q s>S r>S A@1", "P", None, "A"),
        ("11: a page filled again through a merged number", REFILLED, "P", None, "s.f=A"),
        ("11: though others are emptied later", "r>P s>Q t>S r>Q r>S r>Q s>S A@1", "P", None, "A"),
        ("11: redirects follow on", "r>P s>Q t>S r>Q r>S s>S A@1", "P", None, "A"),
        ("12: what a page showed while merged, of those now with the one it leads to", MERGED_THEN, "Q", 5, "A"),
        ("a number not opened yet", "r>P A@1 r>Q", "Q", 2, "."),
    ],
)
def test_readings_of_pages(reading: str, stream: str, person: str, as_of: int | None, expected: str) -> None:
    assert oracle.page(parse(stream), person, as_of) == parse_standing(expected), reading


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("A@1 B@1 C@2", {1: {"tie"}, 2: {"tie"}}),
        ("A@1 A@1[g] -@1", {}),
        ("A@1 x@1 B@1 x@1 -@1", {3: {"order-voided"}, 5: {"order-voided"}}),
        ("A@1 B@1 x@1", {}),
        ("A B#m ~g#k x#l", {1: {"no-order", "no-id"}, 2: {"no-order"}, 3: {"no-order"}, 4: {"no-order"}}),
        ("A@1 B@2024-05-01", {2: {"other-order-type"}}),
        ("A@1#m B@2#m A@1#m A@1#k", {2: {"shared-message-id"}}),
    ],
)
def test_findings(stream: str, expected: dict[int, set[str]]) -> None:
    assert oracle.findings(parse(stream)) == expected


def told(stream: list[Said]) -> dict[FactKey, list[tuple[str, str | None, bool]]]:
    """All that can be read of each fact, but for known times."""
    found = {fact.key: [(r.content, r.occurred, r.stands) for r in fact.runs] for fact in oracle.facts(stream)}
    return {key: entries for key, entries in found.items() if entries}


def standing(stream: list[Said]) -> dict[FactKey, Said]:
    return {fact.key: fact.standing for fact in oracle.facts(stream) if fact.standing is not None}


def and_then(stream: list[Said], text: str) -> list[Said]:
    return renumbered([*stream, *parse(text)])


@pytest.mark.parametrize("name", ["ordered", "groups", "returns", "everything-ordered"])
@EVERY_STREAM
@given(data=st.data())
def test_law_5_any_order_of_arrival_gives_the_same_entries(name: str, data: st.DataObject) -> None:
    stream = data.draw(streams(PROFILES[name]))
    rng = data.draw(st.randoms(use_true_random=False))
    shuffled = renumbered(rng.sample(stream, len(stream)))
    assert told(shuffled) == told(stream), render(shuffled)
    gone = [{oracle.identity(each[step - 1]) for step in oracle.left_out(each)} for each in (stream, shuffled)]
    assert gone[0] == gone[1], render(shuffled)


@EVERY_STREAM
@given(streams(PROFILES["everything"]), st.integers(0, 99), st.integers(0, 99))
def test_law_1_a_resent_message_adds_nothing_and_confirms_nothing(stream: list[Said], which: int, after: int) -> None:
    resent = stream[which % len(stream)]
    assume(resent.kind not in DECISIONS and (resent.order or resent.message_id))
    place = resent.step + after % (len(stream) - resent.step + 1)
    longer = renumbered([*stream[:place], resent, *stream[place:]])
    for key in {said.key for said in stream if said.kind in ABOUT_A_FACT}:
        runs = oracle.runs(longer, *key)
        moved = [
            replace(
                run,
                steps=tuple(step - (step > place) for step in run.steps),
                first_known=run.first_known - (run.first_known > place),
                last_confirmed=run.last_confirmed - (run.last_confirmed > place),
            )
            for run in runs
        ]
        assert moved == oracle.runs(stream, *key), render(longer)


@EVERY_STREAM
@given(streams(WITHOUT_PEOPLE))
def test_laws_2_3_and_10_there_and_back_again(stream: list[Said]) -> None:
    later = and_then(stream, "A@7 B@8 A@9 -@10 A@11")
    now = len(stream)
    stood = [oracle.stands(later, now + more).get(("r", "f")) for more in range(1, 6)]
    assert stood == ["A", "B", "A", None, "A"], render(later)
    runs = oracle.runs(later, "r", "f")
    assert [run.content for run in runs[-3:]] == ["B", "A", "A"]
    assert [run.steps for run in runs[-3:]] == [(now + 2,), (now + 3,), (now + 5,)]


@EVERY_STREAM
@given(streams(PROFILES["everything-ordered"]), st.integers(1, 6), st.integers(0, 99))
def test_law_4_what_is_voided_stays_voided(stream: list[Said], order: int, place: int) -> None:
    voided = told(and_then(stream, f"x@{order}"))
    place %= len(stream) + 1
    early = renumbered([*stream[:place], parse_token(f"x@{order}", 0), *stream[place:]])
    assert told(early) == voided, render(early)
    for text in (f"x@{order} D%2022@{order}", f"x@{order} -@{order}", f"x@{order} x!@{order}"):
        assert told(and_then(stream, text)) == voided, render(stream) + " " + text


@EVERY_STREAM
@given(streams(WITHOUT_PEOPLE))
def test_law_4_a_void_without_order_takes_what_is_on_top(stream: list[Said]) -> None:
    assert oracle.stands(and_then(stream, "A#later x#last")) == oracle.stands(stream), render(stream)


@EVERY_STREAM
@given(streams(PROFILES["ordered"]), st.sampled_from(["A", "E", "-"]), st.integers(0, 5), st.integers(0, 9))
def test_law_5_a_late_message_of_lower_order_changes_nothing(
    stream: list[Said], what: str, first: int, second: int
) -> None:
    stands = standing(stream).get(("r", "f"))
    assume(stands is not None and stands.order is not None and stands.order > (first, second))
    late = and_then(stream, f"{what}@{first}.{second}#late")
    before, after = oracle.confirmed(stream, "r", "f"), oracle.confirmed(late, "r", "f")
    assert standing(late)["r", "f"] == stands, render(late)
    assert before is not None
    assert after is not None
    assert after[1] == before[1], render(late)


@EVERY_STREAM
@given(streams(WITHOUT_VOIDS))
def test_law_6_without_orders_arrival_is_the_order(stream: list[Said]) -> None:
    log = oracle.known(stream)
    ordered = [replace(said, order=(said.step,)) for said in log]
    assert [fact.runs for fact in oracle.facts(ordered)] == [fact.runs for fact in oracle.facts(stream)]


@EVERY_STREAM
@given(streams(WITHOUT_PEOPLE))
def test_law_7_runs_hold_each_version_once(stream: list[Said]) -> None:
    for fact in oracle.facts(stream):
        runs = fact.runs
        steps = [step for run in runs for step in run.steps]
        versions = [said for said in fact.ranked if said.kind == "assert" and not fact.is_voided(said, fact.targets)]
        assert steps == [said.step for said in versions]
        assert all(run.first_known == min(run.steps) <= run.steps[-1] <= run.last_confirmed for run in runs)
        assert [run.stands for run in runs if run.stands] == [True] * (fact.standing is not None)
        assert not any(run.stands for run in runs[:-1])


@EVERY_STREAM
@given(streams(PROFILES["groups-some-unordered"]))
def test_law_8_a_group_withdrawal_takes_what_stands_in_the_group(stream: list[Said]) -> None:
    left = {key: said.content for key, said in standing(stream).items() if said.group != "g"}
    assert oracle.stands(and_then(stream, "~g@7")) == left, render(stream)


@EVERY_STREAM
@given(streams(PROFILES["returns-some-unordered"]), st.sampled_from("yzn"), st.sampled_from(["", "f", "e,f"]))
def test_law_9_a_closing_takes_what_it_misses_and_confirms_what_it_names(
    stream: list[Said], scope: str, names: str
) -> None:
    plus = "+" if scope == "n" else ""
    closed = and_then(stream, f"close{plus}{{{scope}}}@7:{names}")
    closing = closed[-1]
    stood = standing(stream)
    left = {key: said for key, said in stood.items() if said.scope != scope or key in closing.named}
    assert standing(closed) == left, render(closed)
    assert standing(and_then(closed, "x@7 e:x@7")) == left
    for key, said in left.items():
        before, after = oracle.confirmed(stream, *key), oracle.confirmed(closed, *key)
        is_confirmed = scope == "n" == said.scope
        assert before is not None
        assert after == (before[0], closing.step if is_confirmed else before[1]), render(closed)


@EVERY_STREAM
@given(streams(PROFILES["everything"]))
def test_as_of_a_step_is_the_log_cut_there_without_what_is_left_out(stream: list[Said]) -> None:
    gone = oracle.left_out(stream)
    for step in range(1, len(stream) + 1):
        then = standing(stream[:step])
        assert oracle.stands(stream, step) == {key: said.content for key, said in then.items()}
        shown = {key: said.content for key, said in then.items() if said.step not in gone}
        assert oracle.shown(stream, step) == shown
    assert oracle.shown(stream) == oracle.stands(stream), "nothing that stands today is left out"


@EVERY_STREAM
@given(streams(PROFILES["people"]))
def test_every_record_is_on_the_page_of_one_person(stream: list[Said]) -> None:
    log = oracle.known(stream)
    numbers = {move.to for move in oracle.moves(log)}
    pages = {number for number in numbers if oracle.leads_to(log, number) == number}
    assert {oracle.leads_to(log, number) for number in numbers} == pages
    assert sorted(record for number in pages for record in oracle.records_of(log, number)) == sorted(
        {move.record for move in oracle.moves(log)}
    )
    for number in numbers:
        today = oracle.membership(stream, number)
        assert today == oracle.records_of(log, oracle.leads_to(log, number))
        assert all(oracle.membership(stream, number, said.step) <= today for said in stream)


@EVERY_STREAM
@given(streams(PROFILES["people"]), st.data())
def test_after_an_unmerge_it_is_as_if_never_merged(stream: list[Said], data: st.DataObject) -> None:
    rest = [said for said in stream if said.kind not in ("merge", "unmerge")]
    apart = [replace(said, step=10 * said.step) for said in renumbered(rest)]  # with room for more between two steps
    merged_at = data.draw(st.integers(0, len(apart)))
    then = apart[:merged_at]
    numbers = sorted({move.to for move in oracle.moves(then)})
    pages = [number for number in numbers if oracle.records_of(then, number)]
    assume(len(pages) > 1)
    survivor, absorbed = data.draw(st.permutations(pages))[:2]
    unmerged_at = data.draw(st.integers(merged_at, len(apart)))
    moved = {said.record for said in apart[merged_at:] if said.kind in ("link", "unlink")}
    merge = Said(step=10 * merged_at + 1, kind="merge", person=survivor, other=absorbed)
    together = [*apart, merge, replace(merge, kind="unmerge", step=10 * unmerged_at + 2)]
    together.sort(key=lambda said: said.step)
    for number in numbers:
        assert oracle.page(together, number) == oracle.page(apart, number)
        if oracle.leads_to(together, number) != number:
            continue  # reading 12
        for said in apart:
            stayed = oracle.membership(together, number, said.step) - moved
            assert stayed == oracle.membership(apart, number, said.step) - moved, render(together)


@pytest.mark.parametrize("name", PROFILES)
def test_streams_are_read_as_they_are_written(name: str, rng: random.Random) -> None:
    for _ in range(times(50, proof=500)):
        stream = random_stream(rng, 20, PROFILES[name])
        assert parse(render(stream)) == stream


@pytest.mark.parametrize("token", ["A@", "@1", "AB@1", "e:~g@1", "-@2[g]", "x%2023@1", "close{y}:e", "r>", "P+"])
def test_a_token_outside_the_notation_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="step 1"):
        parse(token)


def test_a_seed_brings_a_stream_back(seed: int) -> None:
    profile = PROFILES["everything"]
    assert random_stream(random.Random(seed), 30, profile) == random_stream(random.Random(seed), 30, profile)


@pytest.mark.parametrize("name", PROFILES)
def test_streams_are_full_of_hard_cases(name: str, rng: random.Random) -> None:
    profile = PROFILES[name]
    seen: Counter[str] = Counter()
    many = times(100, proof=1_000)  # a draw of a hundred may hold few of the rarest by chance
    for _ in range(many):
        stream = random_stream(rng, 20, profile)
        log = oracle.known(stream)
        seen["resent"] += len(stream) > len(log)
        seen["again"] += any(len(run.steps) > 1 for fact in oracle.facts(log) for run in fact.runs)
        seen["back again"] += any(len(fact.runs) > len({r.content for r in fact.runs}) for fact in oracle.facts(log))
        seen["late"] += any(fact.standing and fact.standing.step < fact.own[-1].step for fact in oracle.facts(log))
        seen["tie"] += any("tie" in codes for codes in oracle.findings(log).values())
    if profile.unordered == 1.0:
        assert seen.pop("tie") == 0
    assert min(seen.values()) >= many / 10, seen
