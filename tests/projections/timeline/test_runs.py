"""What rows tell of the runs that stand is what would be worked out anew, now and as of every moment."""

from __future__ import annotations

import random

import pytest

from projections.engine.facts.runs import ToldRun
from projections.engine.membership.queries import RecordOfPerson
from projections.timeline.entry import Entry
from projections.timeline.queries import Wanted, entries_of, run_of
from tests.counts import times
from tests.laws.notation import parse, render
from tests.laws.playing import SECOND_US, Played, record_text, subject_of
from tests.laws.streams import PROFILES, RECORDS, random_stream

SHOWN = [RecordOfPerson(subject_of(record), record_text(record)) for record in RECORDS]


def anew(played: Played, entry: Entry, as_of_us: int | None) -> tuple[int, int, bool, bool]:
    run = run_of(played.db, entry.of, entry.name, as_of_us)
    assert run is not None, "an entry without a run"
    return run.first_known_us, run.confirmed_us, run.is_first, run.is_tied


def told(entry: Entry) -> tuple[int, int, bool, bool]:
    run = entry.run or ToldRun(entry.known_us, entry.known_us, entry.known_us, is_first=True, is_tied=False)
    assert (entry.known_from_us, entry.last_confirmed_us) == (run.first_known_us, run.confirmed_us)
    return run[1:]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_told_run_is_the_run_worked_out_anew(profile: str, rng: random.Random) -> None:
    for _ in range(times(40, proof=2_000)):
        stream = random_stream(rng, rng.randint(4, 16), PROFILES[profile])
        played = Played()
        rest = [logged for said in stream for logged in played.logged(said)]
        while rest:
            size = rng.choice((1, 2, 3, 50))
            played.fold(rest[:size])
            rest = rest[size:]
            moments = [step * SECOND_US + SECOND_US - 1 for step in range(1, len(stream) + 1)]
            for moment in (None, *moments):
                for entry in entries_of(played.db, SHOWN, Wanted(as_of_us=moment)):
                    assert told(entry) == anew(played, entry, moment), (
                        f"{entry.name} as of {moment} of {render(stream)}"
                    )


def test_what_stands_is_read_without_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.timeline.queries.run_of", lambda *_: pytest.fail("the run was worked out anew"))
    played = Played()
    played.play(parse("A@1 A@2 B@3 e:C@1 e:C@4 e:D@4"))
    now = entries_of(played.db, SHOWN, Wanted())
    assert [entry.run is not None for entry in now] == [True, True]
    last_us = played.log[-1].known_us
    assert entries_of(played.db, SHOWN, Wanted(as_of_us=last_us)) == now
