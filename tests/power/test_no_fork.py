"""A power cut never makes a fork by itself: what was noted or cosigned before it is a beginning of what is there after.

The witness is at another agency, and loses nothing when the power goes here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from events.checkpoints import Checkpoint
from events.clock import SystemClock
from events.errors import HubError
from events.log import file
from hub.assembly import Hub
from hub.witness.bodies import Asked
from hub.witness.house import House, opened
from tests.counts import times
from tests.hub.homes import open_home
from tests.hub.witness.homes import grow, size_of, trust
from tests.power.medium import MANNERS, Image, Manner, Medium, Step
from tests.power.vfs import power

pytestmark = pytest.mark.timeout(times(600, proof=0))


class Life:
    """A hub that grows and has itself cosigned, until the power goes somewhere on the way."""

    def __init__(self, house: House, rng: random.Random) -> None:
        self.cosigned = Checkpoint("", 0, b"")
        self.cut: Cut | None = None
        self._house = house
        self._rng = rng
        self._skip = rng.randint(40, 900)

    def run(self, medium: Medium, home: Path) -> None:
        with open_home(home) as hub:
            trust(self._house, hub)
            medium.watch = lambda step: self._look(medium, step)
            while self.cut is None:
                grow(hub, self._rng.randint(1, 4))
                hub.continuity.note()
                if self._rng.random() < 0.7:
                    self.cosigned = cosigned(self._house, hub, self.cosigned.size)
            medium.watch = lambda step: None

    def _look(self, medium: Medium, step: Step) -> None:
        self._skip -= 1
        if not self._skip:
            # What the witness signed by now may need what is on the disk by now, and nothing that comes later.
            self.cut = Cut(self.cosigned, medium.image())


class Cut(NamedTuple):
    """What was cosigned when the power went, and what the disk held."""

    cosigned: Checkpoint
    image: Image


def cosigned(house: House, hub: Hub, old: int) -> Checkpoint:
    """The log's checkpoint, with the witness's signature."""
    signed = hub.log.checkpoint()
    proof = hub.log.tree().consistency(old, signed.checkpoint.size) if old else ()
    house.witness.add_checkpoint(bytes(Asked(old, tuple(proof), (signed.note,))))
    return signed.checkpoint


def broken_by_a_cut(folder: Path, rng: random.Random, manner: Manner) -> set[str]:
    """Which promises a cut at a moment of chance breaks."""
    with opened(folder / "witness", SystemClock(), "witness.example") as house:
        life = Life(house, rng)
        (folder / "root").mkdir()
        with power(folder / "root") as medium:
            life.run(medium, folder / "root" / "home")
        assert life.cut is not None
        life.cut.image.restore(folder / "left", rng, manner)
        try:
            with open_home(folder / "left" / "home") as hub:
                return set(_broken(hub, life.cut.cosigned))
        except HubError as error:
            return {error.code}


def _broken(hub: Hub, known: Checkpoint) -> Iterator[str]:
    if hub.continuity.fault is not None:
        yield hub.continuity.fault.code
    if size_of(hub) < known.size:
        yield "shorter than what was cosigned"
    elif known.size and hub.log.tree().root(known.size) != known.root:
        yield "other than what was cosigned"


@pytest.mark.parametrize("manner", MANNERS)
def test_what_was_cosigned_before_a_cut_stands_after_it(tmp_path: Path, rng: random.Random, manner: Manner) -> None:
    for number in range(times(3, proof=40)):
        (tmp_path / str(number)).mkdir()
        assert broken_by_a_cut(tmp_path / str(number), rng, manner) == set()


def test_the_same_cuts_find_a_log_that_is_not_synced(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = file.connect

    def unsynced(path: Path, **flags: int) -> apsw.Connection:
        db = connect(path, **flags)
        db.pragma("synchronous", "normal")
        return db

    monkeypatch.setattr(file, "connect", unsynced)
    found: set[str] = set()
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        found |= broken_by_a_cut(tmp_path / str(number), rng, "lost")
        if found:
            return
    raise AssertionError("a log that forgets what was cosigned went unnoticed")
