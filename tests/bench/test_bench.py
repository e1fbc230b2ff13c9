"""The bench runs, figure by figure, and what it prints is a table."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from bench import homes
from bench.__main__ import main
from bench.figures import FIGURES
from bench.measuring import Line, Ratio, ratio_of
from bench.table import markdown
from bench.unsealed import NO_LEAF, lies_in_clear, unsealed, without_tree
from bench.workload import EVENT_BYTES, batches, events
from events.catalogue import TYPES, check_payload
from events.codec import StoredRow
from events.log.sqlite import PARTITION
from events.sealing import Cipher, DoesNotOpen


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


def test_a_ratio_that_is_only_to_be_said_fails_nothing() -> None:
    line = Line("ingest", "2/s", "the same, plain", "4/s", Ratio(0.5, 0.4, 0.6, 5), aim=0.75)

    assert markdown([line]).splitlines()[-1].endswith("| say it (aim 0.75) |  |")


def test_with_a_cipher_that_does_nothing_the_same_is_taken_in_and_lies_in_clear(tmp_path: Path) -> None:
    sealed = _taken_in(tmp_path)
    with unsealed(), without_tree():
        plain = _taken_in(tmp_path)

    assert not any(lies_in_clear(row.body) for row in sealed)
    assert all(row.body.startswith(b"{") and lies_in_clear(row.body) and row.leaf == NO_LEAF for row in plain)
    assert sorted(len(row.body) for row in plain) == sorted(len(row.body) for row in sealed)


def test_outside_of_it_sealing_is_as_it_was() -> None:
    cipher = Cipher(bytes(32))
    with unsealed():
        nonce, body = cipher.seal(b"text", b"about")
        assert cipher.open(nonce, body, b"about") == b"text"

    with pytest.raises(DoesNotOpen):
        cipher.open(nonce, body, b"about")
    assert b"text" not in cipher.seal(b"text", b"about")[1]


def _taken_in(folder: Path) -> list[StoredRow]:
    with homes.open_home(folder) as hub:
        homes.fill(hub, events(60))
        return list(hub.log.read(PARTITION, 0, 1_000))
