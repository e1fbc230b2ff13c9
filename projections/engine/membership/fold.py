"""Folds the hub's decisions into membership.

A record has at most one number of its own; merges lead numbers to numbers above that, and rewrite no link. A number
left without records by a link redirects to where its last record went, until it has records again. A number whose
opening is gone, since the record that it was opened for is, is opened by the first decision that still names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import MetaData

from events.envelope import Logged
from events.log.bulk import insert_rows, select_rows
from projections.engine.membership import tables
from projections.engine.membership.connected import connected_to
from projections.engine.membership.queries import lead, number_of, numbers_of, subjects_of, survivor_of, way_of
from projections.engine.projection import FOREVER, Connection, Folder, Gone, insert_sql

_PERSON = "INSERT OR IGNORE INTO membership_persons VALUES"
_RECORD = "INSERT OR IGNORE INTO membership_records VALUES"
_LINK = "INSERT INTO membership_links VALUES"
_LINKED = "SELECT DISTINCT l.subject FROM wanted CROSS JOIN membership_links l ON l.subject = wanted.column1"
_EDGE = insert_sql(tables.edges)
_DECISION = "INSERT INTO membership_decisions VALUES"
_LAST_MOVE = (
    "SELECT next.person, next.how FROM membership_links AS old JOIN membership_links AS next "
    "ON next.subject = old.subject AND next.from_us = old.to_us "
    "WHERE old.person IN (SELECT value FROM json_each(?)) ORDER BY old.to_us DESC LIMIT 1"
)
_DECIDED = (
    "SELECT DISTINCT d.* FROM membership_decisions d JOIN json_each(?) AS mine "
    "ON d.person = mine.value OR d.other = mine.value ORDER BY d.at"
)


class MembershipProjection:
    """The view `membership`."""

    name = "membership"
    version = 3
    metadata: MetaData = tables.metadata

    def folder(self, db: Connection) -> Folder:
        return _Fold(db)


class _Decision(NamedTuple):
    """A decision as its table has it, column by column."""

    at: int
    known_us: int
    kind: str
    subject: bytes | None
    record: str | None
    person: str
    other: str | None
    event_id: bytes
    decided_in: str | None
    decided_to: int | None


_KINDS = {
    "hub.person-opened": "opened",
    "hub.records-linked": "linked",
    "hub.records-unlinked": "unlinked",
    "hub.persons-merged": "merged",
    "hub.persons-unmerged": "unmerged",
}


class _Fold:
    def __init__(self, db: Connection) -> None:
        self._db = db
        self._folds = {
            "linked": self._link,
            "linked-by-hand": self._link,
            "unlinked": self._unlink,
            "merged": self._merge,
            "unmerged": self._unmerge,
        }

    def batch(self, batch: Sequence[Logged]) -> None:
        decisions = [_decision(logged) for logged in batch if logged.event.attributes["type"] in _KINDS]
        insert_rows(self._db, _DECISION, decisions)
        self._follow(decisions)

    def _follow(self, decisions: Iterable[_Decision]) -> None:
        openings: list[_Decision] = []
        for decision in decisions:
            if decision.kind == "opened":
                openings.append(decision)
            else:
                self._open(openings)
                self._folds[decision.kind](decision)
        self._open(openings)

    def _open(self, openings: list[_Decision]) -> None:
        """Openings come in swarms: they are folded together, up to the next decision of another kind."""
        links = {each.subject: each for each in reversed(openings)}  # of two, the first
        for (linked,) in select_rows(self._db, _LINKED, [(subject,) for subject in links], 1):
            del links[linked]
        insert_rows(self._db, _PERSON, [(each.person, each.known_us) for each in openings])
        insert_rows(self._db, _RECORD, [(each.subject, each.record, each.person) for each in openings])
        insert_rows(self._db, _LINK, [_link_row(each) for each in links.values()])
        openings.clear()

    def _move(self, decision: _Decision) -> str | None:
        """Links a record to a number; the number it leaves, None where it was there already."""
        subject, person = decision.subject or b"", decision.person
        insert_rows(self._db, _PERSON, [(person, decision.known_us)])
        left = number_of(self._db, subject)
        if left == person:
            return None
        self._end("membership_links", "subject", subject, decision.known_us)
        insert_rows(self._db, _LINK, [_link_row(decision)])
        # A page that has records again leads to itself again.
        shown_by = survivor_of(self._db, person)
        self._end("membership_edges", "number", shown_by, decision.known_us, " AND kind = 'redirect'")
        return left

    def _link(self, decision: _Decision) -> None:
        left, person = self._move(decision), decision.person
        if left is None:
            return
        for number in {left, lead(self._db, left)}:
            if number != person and lead(self._db, number) == number and not subjects_of(self._db, number):
                self._lead(number, person, "redirect", decision.known_us)

    def _unlink(self, decision: _Decision) -> None:
        self._move(decision)

    def _merge(self, decision: _Decision) -> None:
        survivor, absorbed = decision.person, decision.other or ""
        insert_rows(self._db, _PERSON, [(number, decision.known_us) for number in (survivor, absorbed)])
        if absorbed in way_of(self._db, survivor):
            return  # it would lead in a circle: a decision that was overtaken by another
        self._end("membership_edges", "number", absorbed, decision.known_us)
        self._lead(absorbed, survivor, "merge", decision.known_us)

    def _unmerge(self, decision: _Decision) -> None:
        self._db.execute(
            "UPDATE membership_edges SET to_us = ? WHERE number = ? AND to_number = ? AND to_us = ? AND kind = 'merge'",
            (decision.known_us, decision.other, decision.person, FOREVER),
        )
        for number in (decision.other or "", decision.person):
            self._redirect_if_empty(number, decision.known_us)

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

    # ---- what is gone

    def purge(self, gone: Gone) -> Sequence[int]:
        """What was decided about a record goes with the whole record: then all that it touched is followed anew."""
        if not gone.is_whole:
            return ()
        connected = connected_to(self._db, gone.subject)
        self._db.execute("DELETE FROM membership_decisions WHERE subject = ?", (gone.subject,))
        numbers, subjects = json.dumps(connected.numbers), [(subject,) for subject in connected.subjects]
        for table, column in (("persons", "person"), ("edges", "number")):
            self._db.execute(
                f"DELETE FROM membership_{table} WHERE {column} IN (SELECT value FROM json_each(?))", (numbers,)
            )
        for table in ("records", "links"):
            self._db.executemany(f"DELETE FROM membership_{table} WHERE subject = ?", subjects)
        self._follow([_Decision._make(row) for row in self._db.execute(_DECIDED, (numbers,)).fetchall()])
        return ()

    def refold(self, subject: bytes, rows: Sequence[Logged]) -> None:
        self.batch(rows)


def _decision(logged: Logged) -> _Decision:
    attributes = logged.event.attributes
    payload, kind = attributes["data"], _KINDS[attributes["type"]]
    if kind == "linked" and payload.get("method") == "manual":
        kind = "linked-by-hand"
    partition, _, at = attributes.get("decidedto", "").rpartition(":")
    return _Decision(
        logged.offset,
        logged.known_us,
        kind,
        bytes.fromhex(payload["subject"]) if "subject" in payload else None,
        payload.get("record"),
        payload["person"] if "person" in payload else payload["survivor"],
        payload.get("absorbed"),
        logged.event.id,
        partition or None,
        int(at) if partition else None,
    )


def _link_row(decision: _Decision) -> tuple[bytes | None, int, int, str, str, bytes]:
    return decision.subject, decision.known_us, FOREVER, decision.person, decision.kind, decision.event_id
