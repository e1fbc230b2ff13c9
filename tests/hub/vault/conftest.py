"""A key store of a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key"))
    yield store
    store.close()
