"""One served hub for each module of tests: what they send, they send of records of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hub.http.serving import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("home")) as one:
        yield one
