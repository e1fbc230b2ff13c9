"""Builds the demo's home: a borough's history sent through the real adapters, with the clock driven through it.

What the demo shows as of last year is no trick: the hub took each message in on the day on which it was sent.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sdk.outcome import Counts
from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock
from events.errors import TryAgainLater, WrongSettings
from hub.assembly import LOCK, REGISTER, Hub
from hub.demo.borough import Delivery, Hero, borough, hero
from hub.settings import Settings

SEED = 20_260_401
MARK = "demo-home"  # a file that says: all of this was invented and may be thrown away
_HERE = Path(__file__).resolve().parent
_MAPPINGS = "mappings"
_SETTLE_S = 60.0
_AHEAD = 64

# Called with the day that history has come to, how far that is of the whole (0 to 1), and the sums so far.
Tell = Callable[[date, float, Counts, int], None]


@dataclass(frozen=True)
class Borough:
    """Which borough: the same three always make the same messages."""

    seed: int
    end: date
    people: int


@dataclass(frozen=True)
class History:
    """What was sent, summed up, and whom the demo is about."""

    hero: Hero
    files: int
    counts: Counts

    def document(self) -> dict[str, Any]:
        return {"files": self.files, **asdict(self.counts), "hero": {"nhs_number": self.hero.nhs_number}}


def make_home(settings: Settings, town: Borough, tell: Tell) -> History:
    """A clean home with the borough's whole history in it.

    Raises WrongSettings `not-a-demo-home` rather than delete anything real, and `home-in-use`.
    """
    os.umask(0o077)  # as with every home: what is made from here on is its owner's alone
    clean(settings.home)
    deliveries = _written_ahead(borough(seed=town.seed, end=town.end, people=town.people))
    first = next(deliveries)
    counts, files = Counts(), 0
    clock = DrivenClock(first.at)
    with Hub(settings, clock) as hub:
        for delivery in _dated(hub, clock, first, deliveries):
            report = hub.intake.receive(_arrival(delivery), delivery.raw)
            _add(counts, report.counts)
            files += 1
            tell(delivery.at.date(), _share(delivery.at, first.at, town.end), counts, files)
        _settle(hub)
    return History(hero(town.seed, town.end, town.people), files, counts)


def _written_ahead(deliveries: Iterator[Delivery]) -> Iterator[Delivery]:
    """The same, written while the disk is waited for: that takes a quarter off the demo's time."""
    with ThreadPoolExecutor(1, thread_name_prefix="borough") as pool:
        waiting = deque(pool.submit(next, deliveries, None) for _ in range(_AHEAD))
        while (delivery := waiting.popleft().result()) is not None:
            yield delivery
            waiting.append(pool.submit(next, deliveries, None))


def _dated(hub: Hub, clock: DrivenClock, first: Delivery, rest: Iterator[Delivery]) -> Iterator[Delivery]:
    """The deliveries with the clock set to each; a day is over only when views and linkage have followed.

    So a decision is known on the day of the message that led to it, as it is in life.
    """
    day = first.at.date()
    yield first
    for delivery in rest:
        if delivery.at.date() != day:
            _settle(hub)
            day = delivery.at.date()
        clock.set(delivery.at)
        yield delivery


def _settle(hub: Hub) -> None:
    if not hub.wait_until_read(_SETTLE_S):
        raise TryAgainLater(
            "views-behind",
            "the views do not follow the log",
            where="demo",
            next_step="`tellonce status` of this home says what stands still.",
        )


def _arrival(delivery: Delivery) -> Arrival:
    return Arrival(delivery.agency, delivery.system, delivery.adapter, delivery.file_name, dict(delivery.options))


def _add(sums: Counts, more: Counts) -> None:
    for name, value in asdict(more).items():
        setattr(sums, name, getattr(sums, name) + value)


def _share(at: datetime, start: datetime, end: date) -> float:
    whole = (datetime(end.year, end.month, end.day, tzinfo=ZoneInfo("UTC")) - start).total_seconds()
    return min(1.0, (at - start).total_seconds() / max(whole, 1.0))


# ---- the home


def clean(home: Path) -> None:
    """Empties a demo's home, or makes one, with the borough's register and mappings in it."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARK).is_file():
            raise WrongSettings(
                "not-a-demo-home",
                "this folder was not made by the demo, so the demo deletes nothing in it",
                where=str(home),
                next_step="Name another folder with --home.",
            )
        with _alone(home):
            _empty(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / MARK).write_text(
        "Made by `tellonce demo`: nobody in it exists. The next demo empties this folder.\n", "utf-8"
    )
    shutil.copyfile(_HERE / REGISTER, home / REGISTER)
    (home / _MAPPINGS).mkdir()
    for mapping in (_HERE / _MAPPINGS).glob("*.toml"):
        shutil.copyfile(mapping, home / _MAPPINGS / mapping.name)


def _empty(home: Path) -> None:
    """The mark goes last: a clean-up that was interrupted can be begun again."""
    for path in sorted(home.iterdir(), key=lambda path: path.name == MARK):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Nobody else holds the home meanwhile. Raises WrongSettings `home-in-use`."""
    with (home / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WrongSettings(
                "home-in-use",
                "a hub still works in this home",
                where=str(home),
                next_step="Stop it (Ctrl-C where it serves), then start the demo again.",
            ) from error
        yield
