"""Power cuts while a record is erased: it is untouched or gone for good, never in between; others never notice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from hub.assembly import Hub
from hub.erasure.runs import FOLDER
from hub.services import Services
from hub.settings import Settings, read_settings
from tests.counts import times
from tests.hub.homes import AUDITOR, cloudevent, send
from tests.power.medium import MANNERS, Image, Step
from tests.power.vfs import power
from tests.registers import CRM, PAS, an_agency, write_register
from tests.traces.looking import traces
from tests.traces.spellings import Marks

pytestmark = pytest.mark.timeout(times(600, proof=0))
MARKS = Marks("Topazmarker")
HERS, OTHERS = "housing:crm/tenant/7", "housing:crm/tenant/8"
EVENTS = 3  # of each
SKIPPED_MAX = 6  # steps between two cuts: an erasure has some hundred


class Cut(NamedTuple):
    image: Image
    is_erased: bool  # and said to be
    step: Step


def settings_of(root: Path) -> Settings:
    return read_settings(root / "home", {"TELLONCE_ERASURES": str(root / "second")})


def an_erasure(root: Path, rng: random.Random) -> list[Cut]:
    """Two records, of which one is erased; the disk as a cut would leave it at moments of chance."""
    for name in ("home", "second"):
        (root / name).mkdir(parents=True)
    write_register(root / "home", an_agency("housing", CRM, PAS))
    cuts: list[Cut] = []
    is_erased, skip = False, 0
    with power(root) as medium, Hub(settings_of(root)) as hub:
        for number in range(EVENTS):
            send(hub, *(said(record, number) for record in (HERS, OTHERS)))

        def watch(step: Step) -> None:
            nonlocal skip
            skip -= 1
            if skip < 0:
                skip = rng.randint(0, SKIPPED_MAX)
                cuts.append(Cut(medium.image(), is_erased, step))

        medium.watch = watch
        hub.eraser.erase(HERS, ground="request")
        is_erased = True
        send(hub, said(OTHERS, EVENTS))
        medium.watch = lambda step: None
    return cuts


def said(record: str, number: int) -> dict[str, object]:
    local = record.partition("/")[2]
    data = {"topic": "hopes", "text": f"{'Topazmarker' if record == HERS else 'hope'} {number}"}
    return cloudevent(f"{local}-{number}", "aboutme.statement-shared", local, data, fact=f"hope/{number}")


def cuts(folder: Path, rng: random.Random, wanted: int) -> Iterator[tuple[Cut, Path]]:
    """Cuts, each with a home that it may leave."""
    taken = 0
    for life in range(wanted):
        root = folder / f"life-{life}"
        for cut in an_erasure(root, rng):
            if taken == wanted:
                return
            taken += 1
            place = folder / f"left-{taken}"
            cut.image.restore(place, rng, rng.choice(MANNERS))
            yield cut, place
            shutil.rmtree(place)
        shutil.rmtree(root)


def texts_of(hub: Hub, record: str) -> list[str]:
    """What the log says of a record, as far as it opens."""
    events = [each["event"] for each in Services(hub).read_log(AUDITOR)]
    local = record.partition("/")[2]
    return [event["data"]["text"] for event in events if event is not None and event["subject"] == local]


def test_an_erasure_is_whole_or_not_begun_after_every_power_cut(tmp_path: Path, seed: int) -> None:
    wanted = times(12, proof=300)
    found = {True: 0, False: 0}
    for cut, place in cuts(tmp_path, random.Random(seed), wanted):
        with Hub(settings_of(place)) as hub:
            assert hub.wait_until_read(60)
            is_gone = hub.keys.is_suppressed("housing", HERS)
            found[is_gone] += 1
            assert is_gone or not cut.is_erased, cut.step
            hers = [] if is_gone else [f"Topazmarker {number}" for number in range(EVENTS)]
            assert texts_of(hub, HERS) == hers, cut.step
            assert texts_of(hub, OTHERS)[:EVENTS] == [f"hope {number}" for number in range(EVENTS)], cut.step
            assert list((hub.home / FOLDER).glob("*.json")) == [], cut.step
            assert Services(hub).verify_log(AUDITOR)["verified"], cut.step
            assert not is_gone or traces(MARKS, place) == [], cut.step
    assert min(found.values()) > 0
