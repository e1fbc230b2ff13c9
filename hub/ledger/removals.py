"""Bodies that a redaction took out: the log notes which event names each, and whoever has the hub's keys can look."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw

from events.codec import Opener
from events.log import file
from events.log.sqlite import PARTITION
from hub.ledger.ranges import Fault

_HUB = "hub"
_TYPE = "hub.body-removed"
_ERASED = "erased"


def unnamed(path: Path, opener: Opener) -> Fault | None:
    """The first removed body that no redaction names.

    Where the redaction itself was erased with its record, nobody can look any more, and the note is taken for it.
    """
    with closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db:
        for position, named_by in list(db.execute("SELECT position, named_by FROM removed ORDER BY position")):
            if not _names(db, opener, position, named_by):
                return Fault("removal-not-named", position, position)
    return None


def _names(db: apsw.Connection, opener: Opener, position: int, named_by: int) -> bool:
    if named_by <= position:
        return False
    opened = opener.open(PARTITION, list(file.rows_from(db, named_by, 1)))
    for logged in opened.logged:
        event = logged.event
        is_redaction = logged.offset == named_by and event.agency == _HUB and event.type == _TYPE
        return is_redaction and f"{PARTITION}:{position}" in event.payload["positions"]
    return any(each.offset == named_by and each.agency == _HUB and each.code == _ERASED for each in opened.closed)
