"""When the power goes: at a write, a sync, a new name, a deletion; every second time in a batch with new keys."""

from __future__ import annotations

import random
import threading
from typing import NamedTuple

from tests.power.medium import Image, Medium, Step
from tests.power.sending import Acknowledged, Said

_KEYS, _LOG = "keys.sqlite-wal", "log.sqlite-wal"
_SKIPPED_MAX = 60  # steps between two cuts
_SKIPPED_IN_BATCH_MAX = 5  # a batch has few steps
BEFORE_A_WORD_MAX = 4  # cuts of a life before any sender was told anything; a fast machine gets no further in ten


class Cut(NamedTuple):
    """The disk at a moment, and how much had been acknowledged by then."""

    image: Image
    acknowledged: int
    step: Step
    is_in_batch_with_new_keys: bool


class Cutter:
    """Takes so many cuts of a medium that it watches."""

    def __init__(self, said: Said, rng: random.Random, wanted: int) -> None:
        self.cuts: list[Cut] = []
        self.done = threading.Event()
        self._said = said
        self._rng = rng
        self._wanted = wanted
        self._medium: Medium | None = None
        self._is_in_batch = False
        self._draw()

    def begin(self, medium: Medium) -> None:
        self._medium = medium
        medium.watch = self._watch

    def _draw(self) -> None:
        self._wants_batch = len(self.cuts) % 2 == 1
        self._skip = self._rng.randint(0, _SKIPPED_IN_BATCH_MAX if self._wants_batch else _SKIPPED_MAX)

    def _watch(self, step: Step) -> None:
        """New keys are on their way from the first write of their store to the sync of the log that they are for."""
        if step.kind == "write" and step.name == _KEYS:
            self._is_in_batch = True
        self._cut_if_due(step)
        if step.kind == "synced" and step.name == _LOG:
            self._is_in_batch = False

    def _cut_if_due(self, step: Step) -> None:
        if self.done.is_set() or (self._wants_batch and not self._is_in_batch) or self._medium is None:
            return
        if self._skip:
            self._skip -= 1
            return
        told = len(self._said.told)  # before the disk is looked at: what is told later may need what is written later
        if not told and len(self.cuts) >= BEFORE_A_WORD_MAX:
            return
        self.cuts.append(Cut(self._medium.image(), told, step, self._is_in_batch))
        self._draw()
        if len(self.cuts) == self._wanted:
            self.done.set()


def acknowledged(said: Said, cut: Cut) -> list[Acknowledged]:
    """What senders had been told when the power went."""
    return said.told[: cut.acknowledged]
