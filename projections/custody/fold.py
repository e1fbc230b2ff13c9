"""The custody view: folds what officers of a controller did with whole records."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import MetaData

from events.envelope import Logged
from events.others import token_of_class
from projections.custody import tables
from projections.engine.projection import Connection, Folder, Gone, insert_sql
from projections.engine.purging import offset_of

_RESTRICTED = insert_sql(tables.restricted, replace=True)
_HOLD = insert_sql(tables.holds, replace=True)
_ERASED = insert_sql(tables.erased, replace=True)
_SHREDDED = insert_sql(tables.shredded, replace=True)
_REMOVED = insert_sql(tables.removed, replace=True)
_OF_SUBJECT = ("custody_restricted", "custody_holds", "custody_shredded", "custody_removed")


class CustodyProjection:
    """The view `custody`."""

    name = "custody"
    version = 1
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return _Fold(db)


class _Fold:
    def __init__(self, db: Connection) -> None:
        self._db = db
        self._kinds = {
            "hub.subject-restricted": self._restrict,
            "hub.subject-unrestricted": self._unrestrict,
            "hub.hold-placed": self._hold,
            "hub.hold-lifted": self._lift,
            "hub.subject-erased": self._erase,
            "hub.erasure-completed": self._complete,
            "hub.subject-readmitted": self._readmit,
            "hub.class-shredded": self._shred,
            "hub.body-removed": self._remove,
        }

    def batch(self, batch: Sequence[Logged]) -> None:
        for logged in batch:
            fold = self._kinds.get(logged.event.attributes["type"])
            if fold is not None:
                fold(logged, bytes.fromhex(logged.event.payload["subject"]))

    def _restrict(self, logged: Logged, subject: bytes) -> None:
        payload = logged.event.payload
        self._db.execute(_RESTRICTED, (subject, logged.known_us, payload["ground"], payload.get("reference")))

    def _unrestrict(self, logged: Logged, subject: bytes) -> None:
        self._db.execute("DELETE FROM custody_restricted WHERE subject = ?", (subject,))

    def _hold(self, logged: Logged, subject: bytes) -> None:
        payload = logged.event.payload
        hold = (subject, payload.get("reference", ""), logged.known_us, payload["ground"], payload.get("person"))
        self._db.execute(_HOLD, hold)

    def _lift(self, logged: Logged, subject: bytes) -> None:
        reference = logged.event.payload.get("reference", "")
        self._db.execute("DELETE FROM custody_holds WHERE subject = ? AND reference = ?", (subject, reference))

    def _erase(self, logged: Logged, subject: bytes) -> None:
        payload = logged.event.payload
        row = (subject, logged.offset, logged.known_us, payload["ground"], payload.get("reference"), None, None)
        self._db.execute(_ERASED, row)

    def _complete(self, logged: Logged, subject: bytes) -> None:
        self._db.execute("UPDATE custody_erased SET completed_us = ? WHERE subject = ?", (logged.known_us, subject))

    def _readmit(self, logged: Logged, subject: bytes) -> None:
        self._db.execute("UPDATE custody_erased SET readmitted_us = ? WHERE subject = ?", (logged.known_us, subject))

    def _shred(self, logged: Logged, subject: bytes) -> None:
        retention = logged.event.payload["retention_class"]
        if token_of_class(retention) is not None:
            return  # third persons of one fact: its entry says so itself
        self._db.execute(_SHREDDED, (subject, retention, logged.offset, logged.known_us))

    def _remove(self, logged: Logged, subject: bytes) -> None:
        payload = logged.event.payload
        at = [offset_of(position) for position in payload["positions"]]
        rows = [(subject, each, logged.offset, logged.known_us, payload["ground"]) for each in at]
        self._db.executemany(_REMOVED, rows)

    # ---- what is gone

    def purge(self, gone: Gone) -> Sequence[int]:
        if gone.is_whole:
            for table in _OF_SUBJECT:
                self._db.execute(f"DELETE FROM {table} WHERE subject = ?", (gone.subject,))
        return ()

    def refold(self, subject: bytes, rows: Sequence[Logged]) -> None:
        self.batch(rows)
