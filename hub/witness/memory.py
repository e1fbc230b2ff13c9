"""What a hub's witnesses have cosigned: `witnessed.sqlite` in its home. It can be lost: the witnesses know."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import apsw

from events.checkpoints import Checkpoint, Note, parse_checkpoint, parse_note
from hub.sqlite import faults_told, open_file

FILE = "witnessed.sqlite"
STORED_FORMAT = 1
_HOUR_S = 3_600


class Cosigned(NamedTuple):
    """A checkpoint with a witness's signature under it, and when that was given (seconds since 1970)."""

    witness: str
    note: Note
    at_s: int

    @property
    def checkpoint(self) -> Checkpoint:
        return parse_checkpoint(self.note.text)


class WitnessedStore:
    """Cosigned checkpoints: the newest of each witness and epoch, and the last one of each hour before."""

    def __init__(self, folder: Path) -> None:
        self._db = open_file(folder / FILE, STORED_FORMAT, _make_tables)
        self._one_at_a_time = threading.Lock()

    def keep(self, cosigned: Cosigned) -> None:
        checkpoint = cosigned.checkpoint
        row = (cosigned.witness, checkpoint.origin, cosigned.at_s // _HOUR_S, checkpoint.size, str(cosigned.note))
        with self._one_at_a_time, faults_told(FILE):
            self._db.execute("INSERT OR REPLACE INTO cosigned VALUES(?, ?, ?, ?, ?, ?)", (*row, cosigned.at_s))

    def newest(self, witness: str, origin: str) -> Cosigned | None:
        """The largest checkpoint of an epoch that a witness has cosigned."""
        with self._one_at_a_time:
            found = self._db.execute(
                "SELECT witness, note, at_s FROM cosigned WHERE witness = ? AND origin = ? "
                "ORDER BY size DESC, at_s DESC LIMIT 1",
                (witness, origin),
            ).fetchone()
        return found and Cosigned(found[0], parse_note(found[1]), found[2])

    def largest(self, origin: str) -> Cosigned | None:
        """The largest checkpoint of an epoch that any witness has cosigned."""
        with self._one_at_a_time:
            names = [name for (name,) in self._db.execute("SELECT DISTINCT witness FROM cosigned")]
        found = filter(None, (self.newest(name, origin) for name in names))
        return max(found, key=lambda each: each.checkpoint.size, default=None)

    def close(self) -> None:
        self._db.close()


def _make_tables(db: apsw.Connection) -> None:
    db.execute(
        "CREATE TABLE cosigned(witness TEXT NOT NULL, origin TEXT NOT NULL, hour INTEGER NOT NULL, "
        "size INTEGER NOT NULL, note TEXT NOT NULL, at_s INTEGER NOT NULL, "
        "PRIMARY KEY(witness, origin, hour)) WITHOUT ROWID"
    )
