"""Reading timelines: the entries of some records, now or as of a known time, in the order of a chronology."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson

from events.catalogue import TYPES, title_of
from events.ids import FactToken, SubjectId, fact_reference
from projections.engine.facts.history import Row
from projections.engine.membership.queries import RecordOfPerson
from projections.engine.projection import FOREVER
from projections.engine.standing import Run, standing
from projections.timeline.entry import Entry
from projections.timeline.fold import STORE

_COLUMNS = (
    'sort, fact, at, partition, known_us, current_from, is_alone, type, "order", order_from, time, recorded, '
    "factref, event_id, findings, payload, earlier, current_to"
)


class Place(NamedTuple):
    """Where an entry stands in a chronology; a page goes on after the last place of the page before."""

    sort: str
    record: str
    fact: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of a known time (None: now), of a range of days (yyyymmdd, both included), of types."""

    as_of_us: int | None = None
    day_from: int | None = None
    day_to: int | None = None
    types: tuple[str, ...] = ()
    after: Place | None = None
    newest_first: bool = False
    limit: int | None = None


class _Found(NamedTuple):
    sort: str
    fact: str
    at: int
    partition: str
    known_us: int
    current_from: int
    is_alone: int
    type: str
    order: str | None
    order_from: str
    time: str | None
    recorded: str | None
    factref: bytes
    event_id: bytes
    findings: str | None
    payload: bytes
    earlier: str | None
    current_to: int


def entries_of(db: sqlite3.Connection, records: Sequence[RecordOfPerson], wanted: Wanted) -> list[tuple[Place, Entry]]:
    """Entries with their places; at most `limit`."""
    ways = [_of_record(db, record, wanted) for record in records]
    merged = ways[0] if len(ways) == 1 else heapq.merge(*ways, key=_by_place, reverse=wanted.newest_first)
    return [(place, _entry(db, record, found, wanted)) for place, record, found in islice(merged, wanted.limit)]


def _by_place(way: tuple[Place, RecordOfPerson, _Found]) -> Place:
    return way[0]


def _of_record(
    db: sqlite3.Connection, record: RecordOfPerson, wanted: Wanted
) -> Iterator[tuple[Place, RecordOfPerson, _Found]]:
    text, parameters = _select(record.subject, wanted)
    for values in db.execute(text, parameters):
        found = _Found._make(values)
        place = Place(found.sort, record.record, found.fact)
        if wanted.after is not None and not _is_beyond(place, wanted.after, wanted.newest_first):
            continue
        if wanted.as_of_us is None or _stood_at(found, wanted.as_of_us):
            yield place, record, found


def _is_beyond(place: Place, after: Place, newest_first: bool) -> bool:
    return place < after if newest_first else place > after


def _stood_at(found: _Found, known_us: int) -> bool:
    if found.current_from <= known_us < found.current_to:
        return True
    return found.earlier is not None and any(start <= known_us < end for start, end in orjson.loads(found.earlier))


def _select(subject: bytes, wanted: Wanted) -> tuple[str, list[Any]]:
    where = ["subject = ?"]
    parameters: list[Any] = [subject]
    if wanted.as_of_us is None:
        where.append(f"current_to = {FOREVER}")
    else:
        where.append("known_us <= ? AND current_from IS NOT NULL AND (current_to > ? OR earlier IS NOT NULL)")
        parameters += [wanted.as_of_us, wanted.as_of_us]
        where.append("is_hidden = 0")
    if wanted.after is not None:
        where.append("sort <= ?" if wanted.newest_first else "sort >= ?")
        parameters.append(wanted.after.sort)
    if wanted.day_from is not None:
        where.append("day_to >= ?")
        parameters.append(wanted.day_from)
    if wanted.day_to is not None:
        where.append("day_from <= ?")
        parameters.append(wanted.day_to)
    if wanted.types:
        where.append(f"type IN ({', '.join('?' * len(wanted.types))})")
        parameters += wanted.types
    down = " DESC" if wanted.newest_first else ""
    limit = f" LIMIT {wanted.limit + 1}" if wanted.limit is not None and _limit_is_exact(wanted) else ""
    where_text = " AND ".join(where)
    return (
        f"SELECT {_COLUMNS} FROM timeline_entries WHERE {where_text} ORDER BY sort{down}, fact{down}, at{down}{limit}",
        parameters,
    )


def _limit_is_exact(wanted: Wanted) -> bool:
    """Rows need no second look after the SQL, so the SQL may stop early."""
    return wanted.as_of_us is None and wanted.after is None


def _entry(db: sqlite3.Connection, record: RecordOfPerson, found: _Found, wanted: Wanted) -> Entry:
    payload = orjson.loads(found.payload)
    findings = tuple(orjson.loads(found.findings)) if found.findings else ()
    known_from = last_confirmed = found.known_us
    is_later = False
    if not found.is_alone:
        run = run_of(db, record, found.fact, wanted.as_of_us)
        if run is not None:
            known_from, last_confirmed, is_later = run.first_known_us, run.confirmed_us, not run.is_first
            findings += ("same-order order",) if run.is_tied else ()
    return Entry(
        fact_reference(SubjectId(record.subject), FactToken(found.factref)),
        found.fact,
        record.record,
        found.type,
        title_of(found.type, payload, later=is_later),
        payload,
        found.time,
        found.recorded,
        known_from,
        last_confirmed,
        found.order,
        found.order_from,
        TYPES[found.type].key_event,
        findings,
        (found.partition, found.at),
        found.event_id.hex(),
    )


def run_of(db: sqlite3.Connection, record: RecordOfPerson, fact: str, as_of_us: int | None) -> Run | None:
    """The run of versions of a fact that stood at a known time."""
    rows = _known(STORE.rows_of_fact(db, record.subject, fact), as_of_us)
    if not rows:
        return None
    sweeps = STORE.sweeps_for(db, source_of_record(record.record), rows)
    if as_of_us is not None:
        sweeps = [sweep for sweep in sweeps if sweep.known_us <= as_of_us]
    return standing([row.item() for row in rows], sweeps).run


def _known(rows: Iterable[Row], as_of_us: int | None) -> list[Row]:
    return [row for row in rows if as_of_us is None or row.known_us <= as_of_us]


def source_of_record(record: str) -> str:
    """The source's URN of a record's text form."""
    return f"urn:tellonce:source:{record.partition('/')[0]}"


# ---- one fact's history

_HISTORY = (
    'SELECT at, partition, known_us, kind, current_from, current_to, earlier, is_hidden, type, "order", order_from, '
    "time, recorded, event_id, findings, payload, fact, factgroup, returnscope FROM timeline_entries "
    "WHERE subject = ? AND factref = ? ORDER BY at"
)


class Said(NamedTuple):
    """One thing said of a fact: a version, or what ended one."""

    at: int
    partition: str
    known_us: int
    kind: str
    current_from: int | None
    current_to: int | None
    earlier: str | None
    is_hidden: int
    type: str
    order: str | None
    order_from: str
    time: str | None
    recorded: str | None
    event_id: bytes
    findings: str | None
    payload: bytes
    fact: str
    factgroup: str | None
    returnscope: str | None

    @property
    def stood(self) -> list[tuple[int, int | None]]:
        """The intervals of known time in which it stood; an end of None is still to come."""
        if self.current_from is None or self.current_to is None:
            return []
        past: list[tuple[int, int | None]] = [
            (start, end) for start, end in (orjson.loads(self.earlier) if self.earlier else [])
        ]
        end = None if self.current_to == FOREVER else self.current_to
        return [*past, (self.current_from, end)] if end != self.current_from else past


def name_of_fact(db: sqlite3.Connection, subject: bytes, token: bytes) -> str | None:
    """The sender's name of a fact, for a place in a chronology."""
    row = db.execute("SELECT fact FROM timeline_entries WHERE subject = ? AND factref = ? LIMIT 1", (subject, token))
    found: tuple[str] | None = row.fetchone()
    return found[0] if found is not None else None


def history_of(db: sqlite3.Connection, subject: bytes, token: bytes) -> list[Said]:
    """Everything said of a fact, in the order in which the hub came to know it."""
    return [Said._make(values) for values in db.execute(_HISTORY, (subject, token))]
