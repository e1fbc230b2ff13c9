"""A witness in a folder, with a clock that a test drives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from events.clock import DrivenClock
from hub.witness.house import House, opened

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WITNESS = "witness.northbank.example"


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(NOON)


@pytest.fixture
def house(tmp_path: Path, clock: DrivenClock) -> Iterator[House]:
    with opened(tmp_path / "witness", clock, WITNESS) as found:
        yield found
