"""A home that does not fit: of a newer program, of other views, or in use."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from events.errors import WrongSettings
from hub.views import projections
from projections.engine.testing import digest
from tests.conftest import ROOT
from tests.stories.watched import Watched, assert_is_clear, open_hub


@pytest.mark.parametrize("name", ["log.sqlite", "keys.sqlite", "receipts.sqlite"])
def test_a_home_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    with open_hub(home) as hub:
        Watched(hub)
    as_it_was = _set_format(home / name, "99")
    before = {path.name: path.read_bytes() for path in home.glob("*.sqlite")}
    with pytest.raises(WrongSettings) as refused:
        open_hub(home)
    assert_is_clear(refused.value, "home-newer")
    assert refused.value.where == name
    assert {path.name: path.read_bytes() for path in home.glob("*.sqlite")} == before
    _set_format(home / name, as_it_was)
    with open_hub(home) as hub:
        watched = Watched(hub)
        with watched.unharmed():
            pass


def _set_format(path: Path, stored_format: str) -> str:
    """Writes another format into a file; the one that stood there."""
    db = apsw.Connection(str(path))
    found: str = db.execute("SELECT value FROM meta WHERE name = 'format'").get
    with db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'format'", (stored_format,))
    db.close()
    return found


def test_views_of_another_program_are_folded_again_whatever_their_tables(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_hub(home) as hub:
        views = Watched(hub).views()
        path = hub.store.path
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE timeline_entries ADD COLUMN mood TEXT")
    db.execute("DROP TABLE people_births")
    db.execute("UPDATE checkpoints SET version = 99")
    db.commit()
    db.close()
    with open_hub(home) as hub:
        assert hub.wait_until_read(60)
        with hub.store.snapshot() as live:
            assert {each.name: digest(each, live) for each in projections()} == views


@pytest.mark.parametrize("where", ["this process", "another"])
def test_a_second_hub_on_the_same_home_is_refused(watched: Watched, where: str) -> None:
    home = watched.hub.home
    with watched.unharmed():
        if where == "this process":
            with pytest.raises(WrongSettings) as refused:
                open_hub(home)
            assert_is_clear(refused.value, "home-in-use")
        else:
            code = (
                "import sys; from pathlib import Path; from hub.assembly import Hub; from hub.settings import *\n"
                "Hub(read_settings(Path(sys.argv[1]), {}))"
            )
            command = [sys.executable, "-c", code, str(home)]
            told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
            assert "home-in-use" in told.stderr
