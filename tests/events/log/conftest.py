"""The embedded log in a folder of its own, on a clock that stands still."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from events.clock import DrivenClock
from events.log.specimens import ASigner
from events.log.sqlite import SqliteLog


@pytest.fixture
def clock() -> DrivenClock:
    return DrivenClock(datetime(2024, 2, 29, 12, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


@pytest.fixture
def open_log(path: Path, clock: DrivenClock) -> Iterator[Callable[..., SqliteLog]]:
    opened: list[SqliteLog] = []
    epochs = count(1)

    def open_it(**settings: Any) -> SqliteLog:
        settings = {"signer": ASigner(), **settings}
        log = SqliteLog(path, clock=clock, new_epoch=lambda: f"epoch{next(epochs)}", **settings)
        opened.append(log)
        return log

    yield open_it
    for log in opened:
        log.close()
