"""A home in a folder of its own, with an intake of scripted messages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.sdk.scripted import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "home")
    yield bench
    bench.close()
