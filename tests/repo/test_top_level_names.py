"""No other installed distribution puts a top-level `events`, `adapters`, `projections` or `hub` beside ours."""

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

OURS = "tell-it-once"
NAMES = {"events", "adapters", "projections", "hub"}


def _top_levels(distribution: Distribution) -> set[str]:
    declared = (distribution.read_text("top_level.txt") or "").split()
    return {*declared, *(file.parts[0].removesuffix(".py") for file in distribution.files or ())}


def clashes(path: Iterable[str]) -> set[tuple[str, str]]:
    """Each (distribution, top-level name) that would overwrite one of our packages."""
    return {
        (distribution.name, name)
        for distribution in distributions(path=list(path))
        if distribution.name != OURS
        for name in _top_levels(distribution) & NAMES
    }


def test_nothing_installed_clashes_with_our_packages() -> None:
    assert clashes(sys.path) == set()


def test_a_distribution_with_a_folder_named_events_is_noticed(tmp_path: Path) -> None:
    described = tmp_path / "Events-0.5.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: Events\nVersion: 0.5\n")
    (described / "RECORD").write_text("events/__init__.py,,\nEvents-0.5.dist-info/METADATA,,\n")
    assert clashes([str(tmp_path)]) == {("Events", "events")}
