"""Power cuts while a home is backed up, restored or written anew: what is left is whole, or known for what it is."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.sdk.receipts import Arrival
from events.clock import SystemClock
from events.errors import WrongSettings
from hub.assembly import RESTORING, Hub
from hub.backup import back_up
from hub.resealing import reseal
from hub.restore import restore
from hub.services import Services
from hub.settings import LOG_FILE, MANIFEST_FILE, Settings, read_settings
from tests.counts import times
from tests.hub.homes import AUDITOR, cloudevent, send
from tests.older import write_older
from tests.power.medium import MANNERS, Image, Step
from tests.power.vfs import power
from tests.registers import CRM, an_agency, write_register

pytestmark = pytest.mark.timeout(times(600, proof=0))
HERS, HIS = "housing:crm/tenant/7", "housing:crm/tenant/8"
EVENTS = 4
MAPPING = "mappings/tenancies.toml"


class Cut(NamedTuple):
    image: Image
    is_done: bool  # and said to be
    step: Step


def settings_of(root: Path, home: str) -> Settings:
    told = {"TELLONCE_KMS": str(root / "home" / "kms.key"), "TELLONCE_ERASURES": str(root / "second")}
    return read_settings(root / home, told)


def a_home(root: Path) -> Hub:
    """An open home of two records, with a file that its register names."""
    for name in ("home/mappings", "second"):
        (root / name).mkdir(parents=True)
    (root / "home" / MAPPING).write_text("x = 1\n", "utf-8")
    csv = f'{{ name = "csv", adapter = "csv_mapping", options = {{ mapping = "{MAPPING}" }} }}'
    write_register(root / "home", an_agency("housing", CRM, csv))
    hub = Hub(settings_of(root, "home"))
    send(hub, *(said(record, number) for number in range(EVENTS) for record in (HERS, HIS)))
    return hub


def said(record: str, number: int) -> dict[str, Any]:
    local = record.partition("/")[2]
    data = {"topic": "hopes", "text": f"hope {number}"}
    return cloudevent(f"{local}-{number}", "aboutme.statement-shared", local, data, fact=f"hope/{number}")


def texts_of(hub: Hub, record: str) -> list[str]:
    events = [each["event"] for each in Services(hub).read_log(AUDITOR)]
    return [each["data"]["text"] for each in events if each is not None and each["subject"] == record.partition("/")[2]]


def assert_whole(settings: Settings, step: Step, *, is_held: bool) -> None:
    """All that was taken in is there, once; a hold that is newer than the copy too."""
    with Hub(settings) as hub:
        assert hub.wait_until_read(60)
        for record in (HERS, HIS):
            assert texts_of(hub, record) == [f"hope {number}" for number in range(EVENTS)], step
        assert bool(hub.acts.holds()["holds"]) == is_held, step
        kinds = [each["event"]["type"] for each in Services(hub).read_log(AUDITOR) if each["event"] is not None]
        assert kinds.count("hub.restored") == 1, step
        assert Services(hub).verify_log(AUDITOR)["verified"], step
        assert (settings.home / MAPPING).read_text("utf-8") == "x = 1\n", step


def cuts_of(root: Path, rng: random.Random, wanted: int, act: Callable[[], object]) -> Iterator[tuple[Cut, Path]]:
    """An act, and some disks that cuts in it and just after it may leave."""
    found: list[Cut] = []
    steps = 0
    with power(root) as medium:

        def count(step: Step) -> None:
            nonlocal steps
            steps += 1
            if rng.random() < wanted / max(steps, wanted):  # each step has the same odds to be among them
                cut = Cut(medium.image(), False, step)
                if len(found) < wanted:
                    found.append(cut)
                else:
                    found[rng.randrange(wanted)] = cut

        medium.watch = count
        act()
        medium.watch = lambda step: None
        found.append(Cut(medium.image(), True, Step("sync", "after it")))
    for number, cut in enumerate(found):
        place = root.with_name(f"left-{number}")
        cut.image.restore(place, rng, "lost" if cut.is_done else rng.choice(MANNERS))
        yield cut, place
        shutil.rmtree(place)


def test_a_backup_that_was_cut_off_is_none_and_one_that_was_told_of_is_whole(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "root"
    with a_home(root) as hub:
        wanted = times(8, proof=150)
        for cut, place in cuts_of(root, random.Random(seed), wanted, lambda: back_up(hub, root / "copy")):
            settings = settings_of(place, "again")
            if cut.is_done or (place / "copy" / MANIFEST_FILE).exists():
                restore(place / "copy", settings, accepts_lost_erasures=True)
                assert_whole(settings, cut.step, is_held=False)
            else:
                with pytest.raises(WrongSettings, match="no-backup"):
                    restore(place / "copy", settings, accepts_lost_erasures=True)


def test_a_restore_that_was_cut_off_is_no_home_and_one_that_was_told_of_is_whole(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "root"
    with a_home(root) as hub:
        back_up(hub, root / "copy")
        hub.acts.hold(HERS, ground="litigation", reference="C-1")
    found = set()
    wanted = times(8, proof=150)
    act = lambda: restore(root / "copy", settings_of(root, "again"))  # noqa: E731
    for cut, place in cuts_of(root, random.Random(seed), wanted, act):
        settings = settings_of(place, "again")
        is_cut_off = (settings.home / RESTORING).exists()
        is_home = not is_cut_off and (settings.home / LOG_FILE).exists()
        found.add(is_home)
        assert is_home or not cut.is_done, cut.step
        if is_cut_off:
            with pytest.raises(WrongSettings, match="restore-interrupted"):
                Hub(settings)
        if not is_home:
            restore(place / "copy", settings)
        assert_whole(settings, cut.step, is_held=True)
    assert True in found


def test_a_home_that_is_written_anew_is_there_whole_or_begun_again(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "root"
    with a_home(root / "source") as hub:
        received = [(Arrival("housing", "crm", "cloudevents"), b"[]")]
        write_older(hub, root / "old", received)
        events = len(list(Services(hub).read_log(AUDITOR)))
    (root / "old" / MAPPING).parent.mkdir()
    shutil.copyfile(root / "source" / "home" / MAPPING, root / "old" / MAPPING)
    shutil.rmtree(root / "source")
    new = read_settings(root / "new", {})
    wanted = times(8, proof=150)
    for cut, place in cuts_of(root, random.Random(seed), wanted, lambda: reseal(root / "old", new, SystemClock())):
        settings = read_settings(place / "new", {})
        assert settings.home.exists() or not cut.is_done, cut.step
        if not settings.home.exists():
            reseal(place / "old", settings, SystemClock())
        with Hub(settings) as hub:
            assert hub.wait_until_read(60)
            assert texts_of(hub, HERS) == texts_of(hub, HIS) == [f"hope {number}" for number in range(EVENTS)], cut.step
            assert len(list(Services(hub).read_log(AUDITOR))) == events + 1, cut.step
            assert hub.register().agencies, cut.step
            assert (settings.home / MAPPING).read_text("utf-8") == "x = 1\n", cut.step
            assert Services(hub).verify_log(AUDITOR)["verified"], cut.step
