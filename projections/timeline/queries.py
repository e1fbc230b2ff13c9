"""Reading timelines: the entries of some records, now or as of a known time, in the order of a chronology."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from projections.engine.facts.history import Row
from projections.engine.facts.runs import read_run, summary
from projections.engine.facts.tables import STANDS, STOOD
from projections.engine.membership.queries import RecordOfPerson
from projections.engine.projection import FOREVER, select_by, sql
from projections.engine.standing import Run, standing
from projections.timeline.entry import Entry, Place
from projections.timeline.fold import STORE
from projections.timeline.tables import facts

# In the order of an Entry's fields.
_COLUMNS = (
    'sort, fact, at, partition, known_us, type, title, "order", order_from, time, recorded, factref, event_id, '
    "findings, payload, run"
)


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


_BY_PLACE = attrgetter("place")


def entries_of(db: sqlite3.Connection, records: Sequence[RecordOfPerson], wanted: Wanted) -> list[Entry]:
    """The entries of some records as one chronology; at most `limit`."""
    ways = [_of_record(db, record, wanted) for record in records]
    if len(ways) == 1:  # most persons have one record: a third of the time would go into merging nothing
        return list(ways[0])
    return list(islice(heapq.merge(*ways, key=_BY_PLACE, reverse=wanted.newest_first), wanted.limit))


def _of_record(db: sqlite3.Connection, record: RecordOfPerson, wanted: Wanted) -> Iterator[Entry]:
    return (
        Entry._make((record, *row)) if row[-1] is None else _with_run(db, record, row, wanted.as_of_us)
        for row in db.execute(*_select(record, wanted))
    )


def _select(record: RecordOfPerson, wanted: Wanted) -> tuple[str, list[Any]]:
    where = ["subject = ?"]
    parameters: list[Any] = [record.subject]
    if wanted.as_of_us is None:
        where.append(STANDS)
    else:
        where.append(STOOD)
        parameters += [wanted.as_of_us] * STOOD.count("?")
    if wanted.after is not None:
        beyond, values = _beyond(wanted.after, record.record, is_down=wanted.newest_first)
        where.append(beyond)
        parameters += values
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
    parameters.append(-1 if wanted.limit is None else wanted.limit)  # below 0: all
    return (
        f"SELECT {_COLUMNS} FROM timeline_entries WHERE {' AND '.join(where)} "
        f"ORDER BY sort{down}, fact{down}, at{down} LIMIT ?",
        parameters,
    )


def _beyond(after: Place, record: str, *, is_down: bool) -> tuple[str, list[str]]:
    """Of a record, what comes in the chronology after a place, be it another record's."""
    sign = "<" if is_down else ">"
    if record == after.record:
        return f"(sort, fact) {sign} (?, ?)", [after.sort, after.fact]
    is_behind = record < after.record if is_down else record > after.record
    return f"sort {sign}{'=' if is_behind else ''} ?", [after.sort]


def _with_run(db: sqlite3.Connection, record: RecordOfPerson, row: Sequence[Any], as_of_us: int | None) -> Entry:
    """An entry with the run that it stands for."""
    run = read_run(row[-1])
    entry = Entry._make((record, *row[:-1], run))
    if run is None or (as_of_us is not None and as_of_us < run.since_us):
        found = run_of(db, record, entry.name, as_of_us)
        return entry._replace(run=summary(found, entry.known_us) if found is not None else None)
    return entry


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


class Said(NamedTuple):
    """One thing said of a fact: a version, or what ended one. Its fields are columns."""

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


_HISTORY = sql(select_by(facts.entries, Said._fields, "subject", "factref").order_by(facts.entries.c.at))


def name_of_fact(db: sqlite3.Connection, subject: bytes, token: bytes) -> str | None:
    """The sender's name of a fact, for a place in a chronology."""
    row = db.execute("SELECT fact FROM timeline_entries WHERE subject = ? AND factref = ? LIMIT 1", (subject, token))
    found: tuple[str] | None = row.fetchone()
    return found[0] if found is not None else None


def history_of(db: sqlite3.Connection, subject: bytes, token: bytes) -> list[Said]:
    """Everything said of a fact, in the order in which the hub came to know it."""
    return [Said._make(values) for values in db.execute(_HISTORY, {"subject": subject, "factref": token})]
