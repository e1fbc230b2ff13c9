"""`tellonce adapters new NAME`: a package that passes its own test before the first change."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adapters.sdk.scaffold import scaffold
from events.errors import HubError

ROOT = Path(__file__).resolve().parents[3]


def test_a_new_adapter_passes_its_conformance_test(tmp_path: Path) -> None:
    target = tmp_path / "hostels"
    written = scaffold("oakfield_hostels", target)
    assert {str(each.relative_to(target)) for each in written} == {
        "README.md",
        "pyproject.toml",
        "tellonce_oakfield_hostels/__init__.py",
        "tellonce_oakfield_hostels/adapter.py",
        "tellonce_oakfield_hostels/translate.py",
        "tellonce_oakfield_hostels/samples/visits.txt",
        "tests/test_adapter.py",
    }
    # The repository comes behind the new package on the path, as an installed distribution would.
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=target,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "15 passed" in ran.stdout


def test_the_test_of_a_new_adapter_has_four_lines(tmp_path: Path) -> None:
    scaffold("oakfield_hostels", tmp_path)
    lines = (tmp_path / "tests/test_adapter.py").read_text().splitlines()
    assert len([line for line in lines if line and "import" not in line]) <= 4


def test_a_new_adapter_is_in_good_style(tmp_path: Path) -> None:
    scaffold("oakfield_hostels", tmp_path)
    for command in (["check", "--config", str(ROOT / "pyproject.toml")], ["format", "--check", "--line-length", "120"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "tellonce_oakfield_hostels"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout


def test_the_entry_point_names_the_class(tmp_path: Path) -> None:
    scaffold("oakfield_hostels", tmp_path)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["tellonce.adapters"] == {
        "oakfield_hostels": "tellonce_oakfield_hostels.adapter:OakfieldHostelsAdapter"
    }
    assert "class OakfieldHostelsAdapter:" in (tmp_path / "tellonce_oakfield_hostels/adapter.py").read_text()


@pytest.mark.parametrize("name", ["", "Hostels", "1st", "a-b", "a b", "x" * 41, "../up"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(HubError) as refused:
        scaffold(name, tmp_path / "new")
    assert refused.value.code == "bad-adapter-name"
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(HubError) as refused:
        scaffold("oakfield_hostels", tmp_path)
    assert refused.value.code == "folder-not-empty"
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]
