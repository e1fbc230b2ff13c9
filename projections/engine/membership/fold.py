"""Folds the hub's decisions into membership.

A record has at most one number of its own; merges lead numbers to numbers above that, and rewrite no link. A number
left without records by a link redirects to where its last record went, until it has records again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import MetaData

from events.envelope import Logged
from events.log.bulk import insert_rows, select_rows
from projections.engine.membership import tables
from projections.engine.membership.queries import lead, number_of, numbers_of, subjects_of, survivor_of, way_of
from projections.engine.projection import FOREVER, Connection, Folder, insert_sql

_PERSON = "INSERT OR IGNORE INTO membership_persons VALUES"
_RECORD = "INSERT OR IGNORE INTO membership_records VALUES"
_LINK = "INSERT INTO membership_links VALUES"
_LINKED = "SELECT DISTINCT l.subject FROM wanted CROSS JOIN membership_links l ON l.subject = wanted.column1"
_EDGE = insert_sql(tables.edges)
_LAST_MOVE = (
    "SELECT next.person, next.how FROM membership_links AS old JOIN membership_links AS next "
    "ON next.subject = old.subject AND next.from_us = old.to_us "
    "WHERE old.person IN (SELECT value FROM json_each(?)) ORDER BY old.to_us DESC LIMIT 1"
)
_PROGRESS = (
    "INSERT INTO membership_progress VALUES(?, ?) "
    "ON CONFLICT(partition) DO UPDATE SET cause_at = max(cause_at, excluded.cause_at)"
)


class MembershipProjection:
    """The view `membership`."""

    name = "membership"
    version = 1
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return _Fold(db).batch


class _Fold:
    def __init__(self, db: Connection) -> None:
        self._db = db
        self._kinds = {
            "hub.records-linked": self._link,
            "hub.records-unlinked": self._unlink,
            "hub.persons-merged": self._merge,
            "hub.persons-unmerged": self._unmerge,
        }

    def batch(self, batch: Sequence[Logged]) -> None:
        causes: dict[str, int] = {}
        openings: list[Logged] = []
        for logged in batch:
            attributes = logged.event.attributes
            if attributes["type"] == "hub.person-opened":
                openings.append(logged)
            elif (fold := self._kinds.get(attributes["type"])) is not None:
                self._open(openings)
                fold(logged)
            else:
                continue
            partition, _, at = attributes.get("causationid", "").rpartition(":")
            if partition:
                causes[partition] = max(int(at), causes.get(partition, 0))
        self._open(openings)
        self._db.executemany(_PROGRESS, causes.items())

    def _open(self, openings: list[Logged]) -> None:
        """Openings come in swarms: they are folded together, up to the next decision of another kind."""
        persons: list[tuple[Any, ...]] = []
        records: list[tuple[Any, ...]] = []
        links: dict[bytes, tuple[Any, ...]] = {}
        for logged in openings:
            payload = logged.event.payload
            subject, person = bytes.fromhex(payload["subject"]), payload["person"]
            persons.append((person, logged.known_us, subject))
            records.append((subject, payload["record"], person))
            links.setdefault(subject, (subject, logged.known_us, FOREVER, person, "opened", logged.event.id))
        for (linked,) in select_rows(self._db, _LINKED, [(subject,) for subject in links], 1):
            del links[linked]
        insert_rows(self._db, _PERSON, persons)
        insert_rows(self._db, _RECORD, records)
        insert_rows(self._db, _LINK, list(links.values()))
        openings.clear()

    def _move(self, logged: Logged, how: str) -> tuple[str | None, str]:
        """Links a record to a number; the number it leaves, and the one it comes to."""
        payload = logged.event.payload
        subject, person = bytes.fromhex(payload["subject"]), payload["person"]
        left = number_of(self._db, subject)
        if left == person:
            return None, person
        self._end("membership_links", "subject", subject, logged.known_us)
        insert_rows(self._db, _LINK, [(subject, logged.known_us, FOREVER, person, how, logged.event.id)])
        # A page that has records again leads to itself again.
        self._end(
            "membership_edges", "number", survivor_of(self._db, person), logged.known_us, " AND kind = 'redirect'"
        )
        return left, person

    def _link(self, logged: Logged) -> None:
        left, person = self._move(
            logged, "linked-by-hand" if logged.event.payload.get("method") == "manual" else "linked"
        )
        if left is None:
            return
        for number in {left, lead(self._db, left)}:
            if number != person and lead(self._db, number) == number and not subjects_of(self._db, number):
                self._lead(number, person, "redirect", logged.known_us)

    def _unlink(self, logged: Logged) -> None:
        self._move(logged, "unlinked")

    def _merge(self, logged: Logged) -> None:
        survivor, absorbed = logged.event.payload["survivor"], logged.event.payload["absorbed"]
        if absorbed in way_of(self._db, survivor):
            return  # it would lead in a circle: a decision that was overtaken by another
        self._end("membership_edges", "number", absorbed, logged.known_us)
        self._lead(absorbed, survivor, "merge", logged.known_us)

    def _unmerge(self, logged: Logged) -> None:
        payload = logged.event.payload
        self._db.execute(
            "UPDATE membership_edges SET to_us = ? WHERE number = ? AND to_number = ? AND to_us = ? AND kind = 'merge'",
            (logged.known_us, payload["absorbed"], payload["survivor"], FOREVER),
        )
        for number in (payload["absorbed"], payload["survivor"]):
            self._redirect_if_empty(number, logged.known_us)

    def _redirect_if_empty(self, number: str, known_us: int) -> None:
        """A number whose records were linked away while it was merged leads to where the last one went."""
        if lead(self._db, number) != number or subjects_of(self._db, number):
            return
        among = json.dumps(numbers_of(self._db, number))
        moved = self._db.execute(_LAST_MOVE, (among,)).fetchone()
        if moved is not None and moved[1].startswith("linked") and lead(self._db, moved[0]) != number:
            self._lead(number, moved[0], "redirect", known_us)

    def _lead(self, number: str, to_number: str, kind: str, known_us: int) -> None:
        self._db.execute(_EDGE, (number, known_us, FOREVER, to_number, kind))

    def _end(self, table: str, column: str, value: object, known_us: int, more: str = "") -> None:
        self._db.execute(
            f"UPDATE {table} SET to_us = ? WHERE {column} = ? AND to_us = ?{more}", (known_us, value, FOREVER)
        )
