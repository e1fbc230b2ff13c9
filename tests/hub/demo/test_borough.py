"""The same arguments give the same bytes, by time, from seven agencies, of a size that a demo can show."""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from events.catalogue import check_payload
from events.errors import WrongSettings
from hub.demo.borough import Delivery, borough

ROOT = Path(__file__).resolve().parents[3]
SEED, END = 7, date(2025, 6, 30)
SMALL = 40
AGENCIES = {
    "riverside-hospital",
    "mill-lane-surgery",
    "larkmere-community-trust",
    "larkmere-social-care",
    "larkmere-homes",
    "larkmere-childrens-services",
    "open-door",
}
IN_A_PROCESS_OF_ITS_OWN = """
import hashlib
from datetime import date
from hub.demo.borough import borough
found = hashlib.sha256()
for each in borough(seed=7, end=date(2025, 6, 30), people=40):
    found.update(f"{each.at} {each.agency} {each.system} {each.file_name} {len(each.raw)} ".encode() + each.raw)
print(found.hexdigest())
"""


def digest(deliveries: Iterable[Delivery]) -> str:
    found = hashlib.sha256()
    for each in deliveries:
        found.update(f"{each.at} {each.agency} {each.system} {each.file_name} {len(each.raw)} ".encode() + each.raw)
    return found.hexdigest()


def digest_with(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.long
def test_the_same_seed_and_end_give_the_same_bytes_in_any_process() -> None:
    here = digest(borough(seed=SEED, end=END, people=SMALL))
    assert digest(borough(seed=SEED, end=END, people=SMALL)) == here
    assert digest_with("1") == here
    assert digest_with("4242") == here


def test_another_seed_gives_another_borough() -> None:
    first = next(borough(seed=SEED, end=END, people=SMALL))
    other = next(borough(seed=SEED + 1, end=END, people=SMALL))
    assert first.raw != other.raw


def test_deliveries_come_by_time_within_the_three_years(sent: Any) -> None:
    times = [each.at for each in sent.deliveries]
    assert times == sorted(times)
    assert {at.utcoffset() for at in times} == {UTC.utcoffset(None)}
    assert times[0] >= datetime(2022, 6, 29, 23, tzinfo=UTC)
    assert times[-1] < datetime(2025, 6, 30, 23, tzinfo=UTC)


def test_each_of_the_seven_agencies_sends_in_its_registered_format(sent: Any) -> None:
    agencies = sent.register.agencies
    registered = {(agency.name, each.name, each.adapter) for agency in agencies for each in agency.system}
    assert {agency.name for agency in agencies} == AGENCIES
    assert {(each.agency, each.system, each.adapter) for each in sent.deliveries} == registered


def test_the_agreements_hold_on_every_day_of_the_history(sent: Any) -> None:
    for each in (sent.deliveries[0], sent.deliveries[-1]):
        for agency in sent.register.agencies:
            sent.register.admit(agency.name, agency.system[0].name, each.at.date())


def test_the_files_of_one_system_have_different_names(sent: Any) -> None:
    names = Counter((each.agency, each.system, each.file_name) for each in sent.deliveries)
    assert max(names.values()) == 1


def test_the_adapters_make_a_demo_of_the_right_size_of_it(sent: Any) -> None:
    by_agency = Counter(each.agency for each, _ in sent.facts)
    assert 8_000 <= sum(by_agency.values()) <= 12_000
    assert by_agency.keys() == AGENCIES
    assert min(by_agency.values()) >= 250


@pytest.mark.long
@pytest.mark.parametrize(("seed", "end"), [(1, date(2024, 2, 29)), (3, date(2027, 1, 1))])
def test_any_seed_and_day_give_a_sound_borough(seed: int, end: date, read_again: Callable[[Any], Any]) -> None:
    other = read_again(borough(seed=seed, end=end, people=SMALL))
    assert {each.agency for each in other.deliveries} == AGENCIES
    for _, fact in other.facts:
        if fact.action == "assert":
            check_payload(fact.type, fact.payload)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(WrongSettings, match="demo-too-small"):
        borough(seed=SEED, end=END, people=SMALL - 1)


def test_a_missing_hl7apy_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(WrongSettings, match=r"demo-needs-hl7apy.*make demo"):
        borough(seed=SEED, end=END, people=SMALL)
