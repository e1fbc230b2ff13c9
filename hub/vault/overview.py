"""What a key store says about itself to whoever looks after a home; it opens no secret."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import apsw

from events.log.faults import other_format
from events.log.file import damage_told
from hub.vault.tables import EMPTY, STORED_FORMAT

_PREFIX_BYTES = 8  # tells key ids apart; a collision in a million has odds of one in ten million
_SECRETS = "SELECT substr(key_id, 1, 8) FROM secrets WHERE wrapped <> ? AND class <> 'raw' AND class NOT LIKE 'other/%'"
_LIVE_KEYS = "SELECT agency FROM agency_keys WHERE wrapped <> ? GROUP BY agency HAVING count(*) > 1 ORDER BY agency"


class Overview(NamedTuple):
    """`orphans` are secrets that no event uses: a crash leaves some, and they harm nobody."""

    secrets: int
    orphans: int
    destroyed: int
    suppressed: int
    half_rotated: tuple[str, ...]  # agencies whose rotation was not finished
    backed_up_us: int | None


def look_over(keys: Path, log: Path) -> Overview:
    """Counts what is in a key store, and what of it the log uses; reads the headers of the whole log.

    Raises WrongSettings `home-older`, `home-newer`, `broken-file`.
    """
    with (
        damage_told(keys),
        closing(apsw.Connection(str(keys), flags=apsw.SQLITE_OPEN_READONLY)) as db,
        closing(apsw.Connection(str(log), flags=apsw.SQLITE_OPEN_READONLY)) as events,
    ):
        found = str(db.execute("SELECT value FROM meta WHERE name = 'format'").get)
        if found != str(STORED_FORMAT):
            raise other_format(keys.name, found, STORED_FORMAT)
        stored = {prefix for (prefix,) in db.execute(_SECRETS, (EMPTY,))}
        with damage_told(log):
            used = {header[-24:][:_PREFIX_BYTES] for (header,) in events.execute("SELECT header FROM log")}
        return Overview(
            secrets=int(db.execute("SELECT count(*) FROM secrets WHERE wrapped <> ?", (EMPTY,)).get),
            orphans=len(stored - used),
            destroyed=int(db.execute("SELECT count(*) FROM destroyed").get),
            suppressed=int(db.execute("SELECT count(*) FROM suppressed").get),
            half_rotated=tuple(str(agency) for (agency,) in db.execute(_LIVE_KEYS, (EMPTY,))),
            backed_up_us=db.execute("SELECT max(at_us) FROM backups").get,
        )
