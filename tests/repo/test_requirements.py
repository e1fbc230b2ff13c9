"""The pinned requirements are complete, hashed, agree with each other and with what the project asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FILES = ("runtime", "dev", "build")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = {
    "runtime": PROJECT["project"]["dependencies"],
    "dev": [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]],
    "build": [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]],
}


def _entries(name: str) -> list[str]:
    return (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ").splitlines()


def _pins(name: str) -> dict[str, str]:
    pinned = [Requirement(entry.split("--hash")[0]) for entry in _entries(name)]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in pinned}


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_one_pinned_version_with_hashes(name: str) -> None:
    pinned = re.compile(r"[a-z0-9._-]+==\S+( ; [^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in _entries(name) if not pinned.fullmatch(entry)] == []


@pytest.mark.parametrize("name", FILES)
def test_every_direct_dependency_is_pinned_within_its_bounds(name: str) -> None:
    pins = _pins(name)
    asked = [Requirement(one) for one in ASKED[name]]
    assert [str(one) for one in asked if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"))] == []


def test_the_three_files_agree() -> None:
    runtime, dev, build = (_pins(name) for name in FILES)
    assert runtime.items() <= dev.items()
    shared = build.keys() & dev.keys()
    assert {name: build[name] for name in shared} == {name: dev[name] for name in shared}
