"""A watched home in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.watched import Watched, open_hub


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with open_hub(tmp_path / "home") as hub:
        yield Watched(hub)
