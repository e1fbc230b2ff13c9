"""The register of agencies: who may send, and when."""

from datetime import date
from pathlib import Path

import pytest

from adapters.sdk.register import read_register
from events.errors import Refused, WrongSettings
from tests.adapters.sdk.scripted import REGISTER


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agencies.toml"
    path.write_text(text, "utf-8")
    return path


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(WrongSettings, match=r"bad-register: agencies\.toml: .*docs/agencies\.md") as refusal:
        read_register(written(tmp_path, text))
    return refusal.value.what


def test_agencies_are_read_with_their_systems_and_defaults(tmp_path: Path) -> None:
    register = read_register(written(tmp_path, REGISTER))
    assert [agency.name for agency in register.agencies] == ["north", "south"]
    north, south = register.agencies
    assert (north.zone, str(north.tzinfo), north.default_sensitivity) == (
        "Europe/London",
        "Europe/London",
        "restricted",
    )
    assert (south.default_sensitivity, south.lawful_basis) == ("confidential", "consent")
    assert north.system[0].options == {"colour": "blue"}
    assert register.folder == tmp_path


@pytest.mark.parametrize(
    ("told", "adapters"),
    [("", ()), (', adapter = "hl7v2"', ("hl7v2",)), (', adapter = ["hl7v2", "csv_mapping"]', ("hl7v2", "csv_mapping"))],
)
def test_a_system_names_one_adapter_or_several_or_none(tmp_path: Path, told: str, adapters: tuple[str, ...]) -> None:
    text = REGISTER.replace('{ name = "adt" }', f'{{ name = "adt"{told} }}')
    assert read_register(written(tmp_path, text)).agencies[0].system[1].adapters == adapters


@pytest.mark.parametrize("told", ['""', "[]", "5"])
def test_an_adapter_without_a_name_is_a_fault(tmp_path: Path, told: str) -> None:
    text = REGISTER.replace('{ name = "adt" }', f'{{ name = "adt", adapter = {told} }}')
    assert "agency.0.system.1.adapter" in faults(tmp_path, text)


def test_without_a_file_nobody_is_registered(tmp_path: Path) -> None:
    register = read_register(tmp_path / "agencies.toml")
    assert register.agencies == ()
    with pytest.raises(Refused, match=r"unknown-agency: agency north: .*agencies\.toml"):
        register.admit("north", "housing", date(2024, 2, 29))


def test_an_admitted_sender_is_told_who_it_is(tmp_path: Path) -> None:
    agency, system = read_register(written(tmp_path, REGISTER)).admit("north", "adt", date(2024, 2, 29))
    assert (agency.title, system.name) == ("Borough of North", "adt")


def test_an_unknown_system_is_told_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"unknown-system: north/payroll: .*Its systems are: housing, adt\."):
        read_register(written(tmp_path, REGISTER)).admit("north", "payroll", date(2024, 2, 29))


@pytest.mark.parametrize(
    ("day", "is_in"),
    [
        (date(2023, 12, 31), False),
        (date(2024, 1, 1), True),
        (date(2024, 6, 30), True),
        (date(2024, 7, 1), False),
    ],
)
def test_an_agreement_holds_from_its_first_to_its_last_day(tmp_path: Path, day: date, is_in: bool) -> None:
    register = read_register(written(tmp_path, REGISTER))
    if is_in:
        assert register.admit("south", "housing", day)
    else:
        with pytest.raises(Refused, match=r"agreement-out-of-date: agency south: .*Renew the agreement"):
            register.admit("south", "housing", day)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('name = "north"', 'name = "North"', "agency.0.name"),
        ('name = "north"', 'name = "hub"', "the hub's own name"),
        ('name = "north"', 'name = "south"', "listed twice: south"),
        ('zone = "Europe/Paris"', 'zone = "Europe/Atlantis"', "IANA"),
        ("agreement_to = 2024-06-30", "agreement_to = 2023-06-30", "ends before it begins"),
        ("agreement_to = 2024-06-30", "agreement_to = 2024-06-31", "line"),
        ('default_sensitivity = "restricted"', 'default_sensitivity = "secret"', "default_sensitivity"),
        ('{ name = "adt" }', '{ name = "housing" }', "a system is listed twice"),
        ('system = [{ name = "housing" }]', "system = []", "agency.1.system"),
        ('lawful_basis = "consent"', "", "agency.1.lawful_basis"),
        ('title = "Borough of North"', 'title = "Borough of North"\ncolour = "blue"', "agency.0.colour"),
        ("[[agency]]", "[agency", "line"),
    ],
)
def test_a_register_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert fault in faults(tmp_path, REGISTER.replace(old, new))


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    text = REGISTER.replace('name = "north"', 'name = "North"').replace("Europe/Paris", "Europe/Atlantis")
    assert "agency.0.name" in faults(tmp_path, text)
    assert "agency.1.zone" in faults(tmp_path, text)


def test_a_register_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agencies.toml"
    path.write_bytes(REGISTER.replace("Borough of North", "Borough of N\xf6rth").encode("latin-1"))
    with pytest.raises(WrongSettings, match="bad-register"):
        read_register(path)
