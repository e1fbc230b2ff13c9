"""One generation of the views being folded: its connection, how far each projection is, and the halted lanes.

The same code folds the live generation and a shadow that is being rebuilt.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import apsw
import structlog

from events.catalogue import TYPES
from events.codec import Closed, Opened, Opener, StoredRow
from events.envelope import Logged, schema_urn
from events.errors import HubError
from events.upcasters import upcast
from projections.engine.projection import Connection, Folder, Gone, Projection, insert_sql, table_sql
from projections.engine.purging import Reader, first_failing, gone_in, is_gone, parted
from projections.engine.store import checkpoints, lanes, refused, waiting

log = structlog.get_logger()
_CHECKPOINT = insert_sql(checkpoints, replace=True)
_LANE = insert_sql(lanes)
_WAITING = insert_sql(waiting)
_REFUSED = insert_sql(refused, replace=True)
_OF_LANE = "FROM {} WHERE projection = ? AND subject = ?"
_PASSED_OVER = ("erased", "removed")
_CURRENT = {name: schema_urn(name, kind.version) for name, kind in TYPES.items()}
_OF_VALUES = (apsw.ConstraintError, apsw.MismatchError, apsw.MisuseError, apsw.RangeError, apsw.TooBigError)


class HaltedLane(NamedTuple):
    """A record whose fold halted: the others move on, and its person's timeline says so."""

    projection: str
    subject: bytes
    at: int
    since_us: int
    code: str


class _Page(NamedTuple):
    """What is applied in one transaction beside the events: how far it goes, and what is refused."""

    partition: str
    end: int
    closed: list[Closed]


class RefusedRow(NamedTuple):
    """A row of the log that counts in no view: whose it says it is, and why."""

    partition: str
    at: int
    agency: str
    subject: bytes
    key_id: bytes
    code: str


class Target:
    """Folds rows of the log into one file of views. For one thread."""

    def __init__(
        self, db: Connection, projections: Sequence[Projection], epoch: str, log: Reader, opener: Opener
    ) -> None:
        """`log` is read again where what is gone of a record leaves something of it."""
        self.db = db
        self._log = log
        self._opener = opener
        self._projections = {projection.name: projection for projection in projections}
        self._epoch = epoch
        self._folders: dict[str, Folder] = {}
        self._next: dict[str, dict[str, int]] = {name: {} for name in self._projections}
        self._halted: set[tuple[str, bytes]] = set()
        self._load()

    def _load(self) -> None:
        """Checkpoints and lanes; a projection of another version or epoch starts anew."""
        stale = set()
        found = set()
        is_other_log = False
        for name, partition, offset, version, epoch in self.db.execute("SELECT * FROM checkpoints"):
            if name not in self._projections:
                continue
            found.add(name)
            if version != self._projections[name].version or epoch != self._epoch:
                stale.add(name)
                is_other_log |= epoch != self._epoch
            else:
                self._next[name][partition] = offset
        for name in sorted(stale):
            self.clear(name)
        if is_other_log:
            self.db.execute("DELETE FROM refused")
        self._make_folders()

    def clear(self, name: str) -> None:
        """Makes a projection's tables anew, whatever another version made of them; it begins at the log's start."""
        metadata = self._projections[name].metadata
        self.db.execute("BEGIN IMMEDIATE")
        for table in metadata.tables:
            self.db.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in table_sql(metadata):
            self.db.execute(statement)
        for table in ("checkpoints", "lanes", "lanes_waiting"):
            self.db.execute(f"DELETE FROM {table} WHERE projection = ?", (name,))
        self.db.execute("COMMIT")
        self._next[name] = {}
        self._make_folders()

    def _make_folders(self) -> None:
        """Begins from what the tables hold now: a folder may have kept what is not in them."""
        self._folders = {name: projection.folder(self.db) for name, projection in self._projections.items()}
        self._halted = {(name, subject) for name, subject in self.db.execute("SELECT projection, subject FROM lanes")}

    def next_of(self, partition: str) -> int:
        """The first offset that some projection has not folded yet."""
        return min((offsets.get(partition, 0) for offsets in self._next.values()), default=0)

    @property
    def checkpoints(self) -> dict[str, dict[str, int]]:
        return {name: dict(offsets) for name, offsets in self._next.items()}

    # ---- folding

    def apply(self, partition: str, rows: Sequence[StoredRow]) -> list[Logged]:
        """Folds rows into every projection, with the checkpoints, in one transaction.

        What was erased is passed over, a row that may not count is noted as refused, and a fold that fails halts only
        its record's lane. Raises what the opener says where keys can't be read, and the driver where the disk says no;
        nothing of the rows is then applied.
        """
        if not rows:
            return []
        batch, closed = self._opened_or_refused(partition, rows)
        whole = _Page(partition, rows[-1].offset + 1, closed)
        try:
            self._apply(batch, whole)
        except Exception as error:
            if is_of_the_disk(error):
                raise
            # Somewhere in here is an event that a fold cannot take: find it, and halt only its record.
            for logged in batch:
                self._apply_or_halt(logged)
            self._apply([], whole)
        return batch

    def _opened(self, partition: str, rows: Iterable[StoredRow]) -> list[Logged]:
        return self._opened_or_refused(partition, list(rows)).logged

    def _opened_or_refused(self, partition: str, rows: Sequence[StoredRow]) -> Opened:
        """The events of rows as the current versions of their types tell them, and what is refused.

        What was erased or removed on purpose is neither.
        """
        logged, closed = self._opener.open(partition, rows)
        return Opened([_current(each) for each in logged], [each for each in closed if each.code not in _PASSED_OVER])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.db.in_transaction:  # a full disk may have ended it
            self.db.execute("ROLLBACK")
        self._make_folders()

    def _apply(self, batch: Sequence[Logged], page: _Page) -> None:
        parts = list(parted(batch)) if batch else []
        with self._transaction():
            for name in self._projections:
                self._fold(name, parts)
            self._note_refused(page, [gone for _, gone in parts if gone is not None])
            moved = self._advance(page.partition, page.end)
        # Only now: what a full disk did not commit is to be folded again.
        for name in moved:
            self._next[name][page.partition] = page.end

    def _fold(self, name: str, parts: Iterable[tuple[Sequence[Logged], Gone | None]]) -> None:
        for part, gone in parts:
            start = self._next[name].get(part[0].partition, 0)
            if part[-1].offset < start:
                continue  # another view is being rebuilt
            taken = part
            if part[0].offset < start:
                taken = [logged for logged in part if logged.offset >= start]
            if self._halted and any((name, logged.event.subject) in self._halted for logged in taken):
                taken = list(self._unhalted(name, taken))
            if taken:
                self._folders[name].batch(taken)
            if gone is not None:
                self._purge(name, part[0].partition, gone)

    def _note_refused(self, page: _Page, gone: Iterable[Gone]) -> None:
        """Notes rows that may not count; those of what is gone by the end of the page go too."""
        for each in page.closed:
            self.db.execute(_REFUSED, (page.partition, each.offset, *each[2:]))
        for what in gone:
            if what.is_whole:
                self.db.execute("DELETE FROM refused WHERE subject = ? AND at < ?", (what.subject, what.at))
            for key_id in what.key_ids:
                self.db.execute("DELETE FROM refused WHERE key_id = ? AND at < ?", (key_id, what.at))

    def _unhalted(self, name: str, batch: Iterable[Logged]) -> Iterable[Logged]:
        for logged in batch:
            if (name, logged.event.subject) in self._halted:
                self.db.execute(_WAITING, (name, logged.event.subject, logged.offset))
            else:
                yield logged

    def _apply_or_halt(self, logged: Logged) -> None:
        while True:
            try:
                self._apply([logged], _Page(logged.partition, logged.offset + 1, []))
            except Exception as error:
                # What is gone has to go: a view that cannot forget stops loudly.
                if is_of_the_disk(error) or gone_in(logged) is not None:
                    raise
                self._halt(self._culprit(logged), logged, _code_of(error))
            else:
                return

    def _culprit(self, logged: Logged) -> str:
        """The projection whose fold cannot take this event."""
        for name in self._projections:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                self._fold(name, [([logged], None)])
            except Exception as error:
                if is_of_the_disk(error):
                    raise
                return name
            finally:
                self._roll_back()
        raise RuntimeError("a fold failed together with others, but none fails alone")

    def _halt(self, name: str, logged: Logged, code: str) -> None:
        self.db.execute(_LANE, (name, logged.event.subject, logged.offset, logged.known_us, code))
        self._halted.add((name, logged.event.subject))
        log.error("lane_halted", projection=name, position=logged.offset, code=code)

    def _advance(self, partition: str, offset: int) -> list[str]:
        """Writes the checkpoints; the projections that they move."""
        moved = [name for name, offsets in self._next.items() if offsets.get(partition, 0) < offset]
        for name in moved:
            version = self._projections[name].version
            self.db.execute(_CHECKPOINT, (name, partition, offset, version, self._epoch))
        return moved

    # ---- what is gone

    def _purge(self, name: str, partition: str, gone: Gone) -> None:
        """Takes out of a view what is gone of a record, as if it had never been folded."""
        lane = (name, gone.subject)
        waited = [at for (at,) in self.db.execute(f"SELECT at {_OF_LANE.format('lanes_waiting')}", lane)]
        for table in ("lanes", "lanes_waiting"):
            self.db.execute(f"DELETE {_OF_LANE.format(table)}", lane)
        self._halted.discard(lane)
        again = self._folders[name].purge(gone._replace(was_halted=bool(waited)))
        if not gone.is_whole:
            stored = (row for at in sorted({*again, *waited}) for row in self._log.read(partition, at, 1))
            remains = [logged for logged in self._opened(partition, stored) if not is_gone(gone, logged)]
            self._refold(name, gone.subject, remains)

    def _refold(self, name: str, subject: bytes, remains: Sequence[Logged]) -> None:
        """Folds what remains of a record; from what a fold cannot take on, its lane is halted."""
        if not remains or (error := self._refold_error(name, subject, remains)) is None:
            return
        code = _code_of(error)
        at = first_failing(len(remains), lambda many: self._refold_error(name, subject, remains[:many]) is not None)
        self._folders[name].refold(subject, remains[:at])
        self._halt(name, remains[at], code)
        self.db.executemany(_WAITING, [(name, subject, logged.offset) for logged in remains[at:]])

    def _refold_error(self, name: str, subject: bytes, remains: Sequence[Logged]) -> Exception | None:
        """What the fold says to so much of a record; it is folded only where it says nothing."""
        self.db.execute("SAVEPOINT refold")
        try:
            self._folders[name].refold(subject, remains)
        except Exception as error:
            if is_of_the_disk(error):
                raise
            self.db.execute("ROLLBACK TO refold")
            self._folders[name] = self._projections[name].folder(self.db)
            return error
        finally:
            if self.db.in_transaction:
                self.db.execute("RELEASE refold")
        return None

    # ---- halted lanes

    def lanes(self) -> list[HaltedLane]:
        return halted_lanes(self.db)

    def retry_lanes(self, partition: str, row_at: Callable[[int], StoredRow]) -> int:
        """Folds what waits in halted lanes again, after a mend; how many lanes move again."""
        moving = 0
        for lane in self.lanes():
            waiting_at = self.db.execute(
                "SELECT at FROM lanes_waiting WHERE projection = ? AND subject = ? ORDER BY at", lane[:2]
            ).fetchall()
            try:
                with self._transaction():
                    waited = self._opened(partition, (row_at(at) for (at,) in waiting_at))
                    if waited:
                        self._folders[lane.projection].batch(waited)
                    for table in ("lanes", "lanes_waiting"):
                        self.db.execute(f"DELETE FROM {table} WHERE projection = ? AND subject = ?", lane[:2])
            except Exception as error:
                log.error("lane_still_halted", projection=lane.projection, position=lane.at, code=type(error).__name__)
                continue
            self._halted.discard((lane.projection, lane.subject))
            moving += 1
        return moving


def is_of_the_disk(error: Exception) -> bool:
    """True for what the file or its disk is to blame for, not a fold: full, locked, malformed."""
    if isinstance(error, apsw.Error):
        return not isinstance(error, _OF_VALUES)
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def _code_of(error: Exception) -> str:
    return error.code if isinstance(error, HubError) else f"fold-{type(error).__name__}".lower()


def _current(logged: Logged) -> Logged:
    """The event as the current version of its type tells it."""
    event = logged.event
    told = event.attributes
    if told["dataschema"] == _CURRENT.get(told["type"]):
        return logged
    version, payload = upcast(event.type, event.version, event.payload)
    attributes = {**told, "dataschema": schema_urn(event.type, version), "data": payload}
    return logged._replace(event=event._replace(attributes=attributes))


def refused_rows(db: Connection, limit: int) -> list[RefusedRow]:
    """The newest rows that were refused."""
    found = db.execute("SELECT * FROM refused ORDER BY at DESC LIMIT ?", (limit,))
    return [RefusedRow(*row) for row in found]


def refused_by_code(db: Connection) -> dict[str, int]:
    """How many rows of the log may not count, by why."""
    return dict(db.execute("SELECT code, count(*) FROM refused GROUP BY code ORDER BY code").fetchall())


def halted_lanes(db: Connection) -> list[HaltedLane]:
    found = db.execute("SELECT projection, subject, at, since_us, code FROM lanes ORDER BY projection, subject")
    return [HaltedLane(*row) for row in found]
