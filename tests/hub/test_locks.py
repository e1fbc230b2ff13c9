"""Another program that opens a file of the home and closes it again takes nothing from the hub that is running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hub.assembly import Hub
from hub.backup import back_up
from hub.settings import read_settings
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, events_of, fill, find, hope
from tests.hub.homes import nhs_number, open_home, registration, send

# The last to close a database of SQLite's empties its write-ahead log into it and removes that, if nobody holds a lock.
LOOK = """
import sqlite3, sys
for path in sys.argv[1:]:
    db = sqlite3.connect(path)
    db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    db.close()
"""


def looked_at(home: Path) -> None:
    files = sorted(map(str, home.glob("*.sqlite")))
    assert len(files) >= 4
    subprocess.run([sys.executable, "-c", LOOK, *files], check=True, timeout=60)


def journals(home: Path) -> set[str]:
    return {path.name for path in home.glob("*.sqlite-wal")}


def test_what_is_sent_after_an_erasure_and_a_look_from_outside_outlives_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as hub:
        fill(hub)
        hub.eraser.erase(ANN, ground="request")
        back_up(hub, tmp_path / "copy")
        hub.runner.rebuild()
        hub.keys.rotate("housing")
        before = journals(home)
        assert {"keys.sqlite-wal", "log.sqlite-wal", "receipts.sqlite-wal"} <= before
        looked_at(home)
        assert journals(home) == before, "each is in use"
        send(hub, registration("9", "tenant/9", number=nhs_number(9)), hope("10", "tenant/9"))
        assert hub.wait_until_read(20)
        copied = tmp_path / "killed"
        copied.mkdir()
        for path in home.iterdir():  # all that a kill would leave
            if path.is_file():
                subprocess.run(["cp", path, copied / path.name], check=True)
    with Hub(read_settings(copied, {"TELLONCE_KMS": str(home / "kms.key")})) as hub:
        assert len(find(hub, "housing:crm/tenant/9")) == 1
        assert len(events_of(hub)) > 0
        assert [len(find(hub, record)) for record in (ANN, BOB, PATIENT)] == [0, 1, 1]
