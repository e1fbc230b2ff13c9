"""Measuring in turns: floor, ours, floor, ours, ... so that a noisy machine disturbs both, and only ratios count."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.assembly import Hub


@dataclass(frozen=True, slots=True)
class Bench:
    """What a figure is asked for: where, how many events, how often, and whether the long ones too."""

    folder: Path
    events: int
    runs: int
    is_full: bool = False
    is_quick: bool = False

    def few(self, count: int, quick: int) -> int:
        """A count that the quick bench makes smaller."""
        return min(count, quick) if self.is_quick else count


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median and spread of ratios, one a run."""

    median: float
    low: float
    high: float
    runs: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table. A goal holds for the ratio: at least so much, or at most where `is_most`.

    An aim without a goal: the ratio is to be said, and whatever it is fails nothing.
    """

    figure: str
    ours: str
    against: str
    floor: str
    ratio: Ratio | None = None
    goal: float | None = None
    aim: float | None = None
    is_most: bool = False
    told: str = ""  # what was measured beside it

    @property
    def is_met(self) -> bool | None:
        """None where no goal is set."""
        if self.ratio is None or self.goal is None:
            return None
        return self.ratio.median <= self.goal if self.is_most else self.ratio.median >= self.goal

    @property
    def goal_text(self) -> str:
        aim = f"(aim {self.aim:g})" if self.aim is not None else ""
        if self.goal is None:
            return f"say it {aim}" if aim else ""
        return f"{'≤' if self.is_most else '≥'} {self.goal:g} × {aim}".strip()


Figure = Callable[[Bench], Iterator[Line]]


def in_turns(runs: int, floor: Callable[[], float], ours: Callable[[], float]) -> tuple[list[float], list[float]]:
    """What both measured, run by run."""
    measured = [(floor(), ours()) for _ in range(runs)]
    return [one for one, _ in measured], [other for _, other in measured]


def ratio_of(ours: Sequence[float], floor: Sequence[float]) -> Ratio:
    """Ours in floors, run by run."""
    each = [one / other for one, other in zip(ours, floor, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each), len(each))


def rate(measured: Sequence[float]) -> str:
    """The median of so many a second."""
    return f"{statistics.median(measured):,.0f}/s"


def microseconds(measured_s: Sequence[float]) -> str:
    return f"{statistics.median(measured_s) * 1e6:,.0f} µs"


def percentile(measured: Sequence[float], share: float) -> float:
    """The value that so large a share of them stays below."""
    ordered = sorted(measured)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def head_of(hub: Hub) -> int:
    """How many events the log holds, the hub's own ones included."""
    return sum(hub.log.head().values())
