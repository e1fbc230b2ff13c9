"""Views are folded again at any time, but what was erased from them must not come back with an old file."""

from __future__ import annotations

import random
from pathlib import Path

from hub.views import projections
from projections.engine.store import ViewStore
from tests.power.vfs import power


def test_no_power_cut_brings_an_old_generation_back(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    old = ViewStore(home, projections()).path.name
    with power(home, passes_over=("-shm", "-wal")) as medium:
        store = ViewStore(home, projections())
        new = store.new_generation()
        store.create(new)
        store.swap(new)
        medium.image().restore(tmp_path / "left", random.Random(0), "lost")
    left = {path.name for path in (tmp_path / "left").iterdir()}
    assert old not in left
    assert (tmp_path / "left" / "views.current").read_text("utf-8") == new.name
