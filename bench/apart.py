"""Each figure in a process of its own: no hub has in its memory what another figure left there."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import structlog

from bench.figures import FIGURES
from bench.measuring import Bench, Line


class Measure(Protocol):
    def __call__(self, name: str, bench: Bench) -> list[Line]:
        """The lines of a figure."""
        ...


@contextmanager
def measuring() -> Iterator[Measure]:
    anew = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, anew, be_quiet, max_tasks_per_child=1) as pool:
        yield lambda name, bench: pool.submit(_measured, name, bench).result()


def be_quiet() -> None:
    """Nothing of what a hub logs is shown."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _measured(name: str, bench: Bench) -> list[Line]:
    return list(FIGURES[name](bench))
