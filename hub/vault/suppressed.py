"""Records that get no keys any more: by keyed tokens, so that the file names nobody who was erased."""

from __future__ import annotations

import apsw

from events.errors import RejectedMessage
from events.identity import mac
from events.log.transaction import transaction


class Suppressed:
    """The tokens of a key store. Whoever changes them holds the store's locks."""

    def __init__(self, db: apsw.Connection, key: bytes) -> None:
        self._db = db
        self._key = key
        self._tokens = {token for (token,) in db.execute("SELECT CAST(token AS BLOB) FROM suppressed")}

    def token_of(self, agency: str, record: str) -> bytes:
        """What stands for a record; the empty one stands for all of its agency's."""
        return mac(self._key, f"{agency}\0{record}".encode())

    def names(self, agency: str, record: str) -> bool:
        """Whether a record itself may not come in, whatever holds for the rest of its agency."""
        return bool(self._tokens) and self.token_of(agency, record) in self._tokens

    def covers(self, agency: str, record: str) -> bool:
        """Whether a record, or all of its agency's, may not come in."""
        return self.names(agency, record) or self.names(agency, "")

    def add(self, token: bytes, at_us: int) -> None:
        with transaction(self._db):
            self._db.execute("INSERT OR IGNORE INTO suppressed VALUES(?, ?)", (token, at_us))
        self._tokens.add(token)

    def remove(self, token: bytes) -> None:
        with transaction(self._db):
            self._db.execute("DELETE FROM suppressed WHERE token = ?", (token,))
        self._tokens.discard(token)


def erased() -> RejectedMessage:
    return RejectedMessage(
        "subject-erased",
        "this record was erased, and nothing about it is taken in",
        where="subject",
        next_step="Nothing is to be done, unless an officer of the hub admits it again.",
    )
