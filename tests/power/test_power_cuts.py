"""Power cuts: whatever the disk keeps of what was not synced, all that was acknowledged opens, once.

A hub works on a simulated disk while agencies send; at moments of chance the disk is looked at as a cut would leave it,
and a fresh hub is opened on that. Four faults are planted, each of which these same cuts have to find.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.assembly import Hub
from hub.settings import read_settings
from tests.counts import times
from tests.power.cutting import BEFORE_A_WORD_MAX, Cut, Cutter, acknowledged
from tests.power.faults import FAULTS, Fault
from tests.power.looking import broken_promises
from tests.power.medium import MANNERS
from tests.power.sending import Said, senders
from tests.power.vfs import power
from tests.registers import CRM, PAS, an_agency, write_register

pytestmark = pytest.mark.timeout(times(600, proof=0))
CUTS_A_LIFE = 10
NEW_KEYS_AT_LEAST = 0.3
CUTS_FOR_A_FAULT = 200  # most are found by the tenth


Views = dict[Path, bytes]


def views_in(root: Path) -> Views:
    """Files of the views, while nobody has them open."""
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("views*") if path.is_file()}


def lay(views: Views, root: Path) -> None:
    """Views as old as these are all that a cut may leave: nobody ever promised them to be newer, or to be there."""
    for name, content in views.items():
        if (root / name).parent.is_dir():
            (root / name).write_bytes(content)


def a_life(root: Path, said: Said, rng: random.Random) -> list[Cut]:
    """A hub is opened and sent to until the power has gone so often; the home goes on as it was on its way."""
    cutter = Cutter(said, rng, CUTS_A_LIFE)
    with power(root) as medium:
        cutter.begin(medium)
        with opened(root / "home") as hub, senders(hub, said, rng):
            assert cutter.done.wait(60), "the senders have stopped"
        medium.watch = lambda step: None
    return cutter.cuts


def opened(home: Path) -> Hub:
    """The hub itself makes a home that is not there."""
    hub = Hub(read_settings(home, {}))
    write_register(home, *(an_agency(name, CRM, PAS) for name in ("housing", "hospital")))
    return hub


def cuts(folder: Path, rng: random.Random, wanted: int) -> Iterator[tuple[Cut, set[str]]]:
    """Cuts with the promises that each broke. Every second life goes on with what the last cut before it left."""
    said, root = Said(), folder / "root"
    for life in range(wanted // CUTS_A_LIFE):
        root.mkdir(exist_ok=True)
        views, of_life = views_in(root), a_life(root, said, rng)
        shutil.rmtree(root)
        for number, cut in enumerate(of_life, 1):
            place = folder / f"left-{life}-{number}"
            cut.image.restore(place, rng, rng.choice(MANNERS))
            if rng.random() < 0.5:
                lay(views, place)
            yield cut, broken_promises(place / "home", acknowledged(said, cut))
            if number == CUTS_A_LIFE and life % 2 == 0:
                place.rename(root)
                said = Said(acknowledged(said, cut), said.next)
            else:
                shutil.rmtree(place)
        if life % 2:
            said = Said()


def test_what_was_acknowledged_outlives_every_power_cut(tmp_path: Path, seed: int) -> None:
    wanted = times(100, proof=1_000)
    broken: list[tuple[Cut, set[str]]] = []
    with_new_keys = told = 0
    for cut, faults in cuts(tmp_path, random.Random(seed), wanted):
        broken += [(cut, faults)] if faults else []
        with_new_keys += cut.is_in_batch_with_new_keys
        told += cut.acknowledged > 0
    assert [(cut.step, faults) for cut, faults in broken] == []
    assert with_new_keys >= NEW_KEYS_AT_LEAST * wanted
    assert told >= wanted * (1 - BEFORE_A_WORD_MAX / CUTS_A_LIFE)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Without this the test above might as well look at nothing."""
    fault.plant(monkeypatch)
    for _, broken in cuts(tmp_path, random.Random(seed), CUTS_FOR_A_FAULT):
        if broken & fault.breaks:
            return
    pytest.fail(f"{CUTS_FOR_A_FAULT} cuts did not find it")
