"""Key stores from before sealing (format 1), taken over: the same subjects, the same secrets, wrapped."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from events.errors import WrongSettings
from events.log.bulk import insert_rows
from events.log.transaction import transaction
from events.sealing import Cipher, SecretName, key_id_of, wrap
from hub.sqlite import open_file
from hub.vault.agencies import AgencyKeys
from hub.vault.binding import Binding
from hub.vault.kms import Kms
from hub.vault.tables import STORED_FORMAT, make_tables

OLD_FORMAT = "1"
_HUB = "hub"
_PAGE = 5_000
_SUBJECTS = (
    "SELECT lookup, subject FROM subjects WHERE subject NOT IN (SELECT subject FROM secrets WHERE agency = 'hub')"
)
_SECRETS = (
    "SELECT CAST(agency AS TEXT), CAST(subject AS BLOB), CAST(class AS TEXT), CAST(key_id AS BLOB), "
    "CAST(secret AS BLOB) FROM secrets WHERE agency <> 'hub'"
)
_LOOK_UP = "SELECT CAST(secret AS BLOB) FROM hub_keys WHERE name = 'look-up'"
_INSERT = "INSERT INTO secrets(agency, subject, class, key_id, generation, wrapped) VALUES"


def take_over(old: Path, new: Path, kms: Kms) -> None:
    """Makes a key store of an old one. What the hub said is sealed anew under keys of its own, so those stay behind.

    Raises WrongSettings `broken-file` where a secret is not the one that its key id names, or the hub's own is gone.
    """
    with (
        closing(apsw.Connection(str(old), flags=apsw.SQLITE_OPEN_READONLY)) as source,
        closing(open_file(new, STORED_FORMAT, make_tables)) as db,
    ):
        agencies = AgencyKeys(db, kms)
        made: dict[str, tuple[int, Cipher]] = {}
        look_up_key: Any = source.execute(_LOOK_UP).get
        if not look_up_key:
            raise _broken("the key that records are found by is gone")
        with transaction(db):
            db.execute("INSERT INTO hub_keys VALUES('look-up', ?)", (kms.wrap(_HUB, look_up_key),))
            binding = Binding(look_up_key)
            for page in _pages(source.execute(_SUBJECTS)):
                insert_rows(db, "INSERT INTO subjects VALUES", [binding.row(*pair) for pair in page])
            for page in _pages(source.execute(_SECRETS)):
                for agency in {agency for agency, *_ in page} - made.keys():
                    made[agency] = agencies.make(db, agency)
                insert_rows(db, _INSERT, [_wrapped(row, *made[row[0]]) for row in page])


def _wrapped(row: tuple[Any, ...], generation: int, cipher: Cipher) -> tuple[Any, ...]:
    *name, secret = row
    if key_id_of(secret) != name[3]:
        raise _broken("a stored secret is not the one that its key id names")
    return (*name, generation, wrap(cipher, SecretName(*name), secret))


def _pages(rows: Any) -> Any:
    while page := [row for _, row in zip(range(_PAGE), rows, strict=False)]:
        yield page


def _broken(what: str) -> WrongSettings:
    return WrongSettings(
        "broken-file", what, where="keys.sqlite", next_step="Restore the old home from a backup, then write that anew."
    )
