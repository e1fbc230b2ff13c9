"""The bench runs, figure by figure, and what it prints is a table."""

from __future__ import annotations

import orjson
import pytest

from bench.__main__ import main
from bench.figures import FIGURES
from bench.measuring import Line, Ratio, ratio_of
from bench.table import markdown
from bench.workload import EVENT_BYTES, batches, events
from events.catalogue import TYPES, check_payload


@pytest.mark.bench
@pytest.mark.timeout(300)
@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_can_be_measured(figure: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--markdown", "--only", figure])

    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert table[0].startswith("| figure |")
    assert len(table) > 2


@pytest.mark.bench
def test_a_profile_tells_of_every_thread(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--profile"])

    printed = capsys.readouterr().out
    assert all(f"\n{name}: " in printed for name in ("sender", "log-writer", "projections", "rebuild", "reader"))


def test_the_workload_is_the_same_for_the_same_seed() -> None:
    assert list(events(300)) == list(events(300))
    assert list(events(300)) != list(events(300, seed=8))


def test_events_of_the_workload_fit_the_catalogue_and_their_size() -> None:
    for each in events(500):
        event = orjson.loads(each.raw)
        assert event["type"] in TYPES
        check_payload(event["type"], event["data"])
        assert abs(len(each.raw) - EVENT_BYTES) < 20


def test_batches_are_of_one_agency_and_hold_every_event() -> None:
    sent = list(events(500))
    parts = list(batches(sent, 40))

    told = [(part.agency, orjson.loads(part.raw)) for part in parts]
    assert all(event["source"].split(":")[3] == agency for agency, some in told for event in some)
    assert sorted(event["id"] for _, some in told for event in some) == sorted(
        orjson.loads(each.raw)["id"] for each in sent
    )
    assert max(part.count for part in parts) == 40


def test_ratios_are_taken_run_by_run() -> None:
    assert ratio_of([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]) == Ratio(2.0, 1.0, 3.0, 3)


@pytest.mark.parametrize(("is_most", "met"), [(False, "met"), (True, "ABOVE")])
def test_a_goal_is_met_from_its_side(is_most: bool, met: str) -> None:
    line = Line("a read", "2/s", "a floor", "1/s", Ratio(2.0, 1.9, 2.1, 5), goal=1.5, aim=1.0, is_most=is_most)

    assert markdown([line]).splitlines()[-1].endswith(f" {met} |")
