"""Names that outlive a power cut."""

import random
from pathlib import Path

import pytest

from hub.durable import make_folder, sync_folder
from tests.power.medium import Medium
from tests.power.vfs import power


def left(medium: Medium, target: Path) -> set[str]:
    """What a cut leaves that loses all it may."""
    medium.image().restore(target, random.Random(0), "lost")
    return {str(path.relative_to(target)) for path in target.rglob("*")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


def test_a_folder_and_those_above_it_outlive_a_power_cut(root: Path, tmp_path: Path) -> None:
    with power(root) as medium:
        make_folder(root / "a" / "b")
        assert left(medium, tmp_path / "left") == {"a", "a/b"}


def test_a_folder_that_somebody_else_has_just_made_is_made_durable_too(root: Path, tmp_path: Path) -> None:
    with power(root) as medium:
        (root / "a").mkdir()
        assert left(medium, tmp_path / "before") == set()
        make_folder(root / "a")
        assert left(medium, tmp_path / "after") == {"a"}


def test_a_file_is_there_after_its_folder_was_synced(root: Path, tmp_path: Path) -> None:
    with power(root) as medium:
        (root / "a").touch()
        assert left(medium, tmp_path / "before") == set()
        sync_folder(root)
        assert left(medium, tmp_path / "after") == {"a"}


def test_a_folder_is_its_owners_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]
