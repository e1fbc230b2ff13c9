"""The whole log derived from its stored bytes: rows, leaves, tiles, the root of every checkpoint and its signature.

Stretches are derived side by side, in processes of their own, and joined here in their order; so the first fault in
the log is the one that is told, whichever was met first.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from events.checkpoints import VerifierKey, origin_of, parse_checkpoint, parse_note
from events.codec import Opener
from events.ledger import EMPTY, TILE_HEIGHT, Edge, extended, root_of
from events.log import file
from events.log.sqlite import PARTITION
from hub.ledger.ranges import Fault, Mark, Part, Stored, derive
from hub.ledger.removals import Removals, Rest, checked, never

STRETCH = 4_096  # positions; a multiple of a tile's width
_ALONE_MAX = 20_000  # below this, starting processes takes longer than what they do
_AHEAD = 3  # stretches on their way for each process

Progress = Callable[[int, int], None]


class Shape(NamedTuple):
    """What is to be derived, as it stood when it was looked at; what is appended meanwhile is left for next time."""

    name: str
    epoch: str
    size: int
    stored: list[Stored]
    is_restored: bool = False  # the log itself tells of the restore that opened this epoch


class State(NamedTuple):
    """How far a log was verified, and what has to be known of it to go on.

    `edge` counts tiles of level 1, not events. `signed` is the size of the last checkpoint that held.
    """

    position: int = 0
    known_us: int = -1
    edge: Edge = EMPTY
    signed: int = 0
    checkpoints: int = 0
    removed: int = 0


class Verified(NamedTuple):
    """What came of it. `fault` is the first in the log; `removals` is known once all else holds."""

    shape: Shape
    state: State
    fault: Fault | None
    removals: Removals = Removals()


def shape_of(path: Path, kept: Sequence[str] = ()) -> Shape:
    """What the file holds now, and checkpoints that somebody kept elsewhere.

    Raises WrongSettings `home-older`, `home-newer`, `broken-file`, RejectedMessage `bad-note`, `bad-checkpoint`.
    """
    with file.damage_told(path), closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db, db:
        meta = file.meta_of(db, path)
        rows = db.execute("SELECT number, size, CAST(coalesce(note, '') AS BLOB) FROM checkpoints ORDER BY number")
        stored = [Stored(number or 0, size, note.decode(errors="replace")) for number, size, note in rows]
        size = db.execute("SELECT max(position) + 1 FROM log").get or 0
    foreign = [Stored(None, parse_checkpoint(parse_note(note).text).size, note) for note in kept]
    return Shape(meta.name, meta.epoch, size, [*stored, *foreign], meta.origin in meta.restored)


class Joining:
    """Joins stretches in their order to the tree, and holds it against tiles and checkpoints."""

    def __init__(self, path: Path, shape: Shape, state: State) -> None:
        self._db = file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)
        self._shape = shape
        self.state = state
        self.fault: Fault | None = None

    def close(self) -> None:
        self._db.close()

    def take(self, part: Part) -> bool:
        """True while everything holds."""
        if self._goes_back(part):
            self.fault = Fault("known-time-not-rising", part.start, part.start)
            return False
        marks = deque(part.marks)
        for number, tile in enumerate(part.tiles, part.start >> TILE_HEIGHT):
            if not self._marks_hold(marks, number) or not self._joined(tile):
                return False
        number = (part.start >> TILE_HEIGHT) + len(part.tiles)
        if part.fault is not None:
            self._narrow(part.fault, marks, number)
            return False
        if not self._marks_hold(marks, number):
            return False
        self.state = self.state._replace(
            position=part.end,
            known_us=part.last_known_us if part.end > part.start else self.state.known_us,
            removed=self.state.removed + part.removed,
        )
        return True

    def _goes_back(self, part: Part) -> bool:
        """Whether its first row, if that one holds, is not known later than the last row before."""
        has_row = part.end > part.start if part.fault is None else part.fault.first > part.start
        return has_row and part.first_known_us <= self.state.known_us

    def _narrow(self, fault: Fault, marks: deque[Mark], number: int) -> None:
        """Where a row and its leaf were both changed, the checkpoints within the tile say more closely where."""
        if fault.code.startswith("tile") and not self._marks_hold(marks, number) and self.fault is not None:
            fault = fault._replace(last=self.fault.last, checkpoint=self.fault.checkpoint)
        self.fault = fault._replace(first=min(max(fault.first, self.state.signed), fault.last))

    def _joined(self, tile: bytes) -> bool:
        edge, above = extended(self.state.edge, [tile])
        self.state = self.state._replace(edge=edge)
        for level, number, derived in above:
            stored = self._db.execute("SELECT hash FROM tiles WHERE level = ? AND number = ?", (level + 1, number)).get
            if stored != derived:
                width = 1 << TILE_HEIGHT * (level + 1)
                code = "tile-differs" if stored is not None else "tile-missing"
                self.fault = Fault(code, max(number * width, self.state.signed), (number + 1) * width - 1)
                return False
        return True

    def _marks_hold(self, marks: deque[Mark], number: int) -> bool:
        """Whether the checkpoints that end within this tile hold."""
        while marks and marks[0].size >> TILE_HEIGHT == number:
            mark = marks.popleft()
            code = mark.fault or self._wrong(mark)
            if code is not None:
                last = max(mark.size - 1, 0)
                is_about_rows = code == "checkpoint-differs"
                self.fault = Fault(code, min(self.state.signed, last) if is_about_rows else last, last, mark.size)
                return False
            self.state = self.state._replace(signed=mark.size, checkpoints=self.state.checkpoints + 1)
        return True

    def _wrong(self, mark: Mark) -> str | None:
        name, _, _ = mark.origin.rpartition("/")
        if name != self._shape.name:
            return "wrong-origin"
        if root_of(Edge(mark.size, (*self.state.edge.peaks, *mark.peaks))) != mark.root:
            return "checkpoint-differs"
        return None


def verify(
    path: Path,
    key: VerifierKey,
    progress: Progress = lambda done, of: None,
    *,
    kept: Sequence[str] = (),
    jobs: int | None = None,
    state: State | None = None,
    keep: Callable[[State], None] = lambda state: None,
    opener: Opener | None = None,
) -> Verified:
    """Derives everything again, from `state` on where one is given; `keep` is told of each stretch that held.

    With an opener also that each removed body is named by a redaction, which holds the rest of its row, and that no
    body is there which a redaction took.
    """
    shape = shape_of(path, kept)
    begun = state or State()
    fault = before_rows(shape)
    if fault is not None:
        return Verified(shape, begun, fault)
    with file.damage_told(path), closing(Joining(path, shape, begun)) as joining:
        for part in _parts(path, key, shape, begun.position, jobs or os.cpu_count() or 1):
            if not joining.take(part):
                return Verified(shape, joining.state, joining.fault)
            keep(joining.state)
            progress(part.end, shape.size)
        return at_the_end(path, shape, joining.state, opener)


def document(found: Verified) -> dict[str, Any]:
    """What came of it as parsed JSON: how far it was verified and signed, and the first fault with its place."""
    shape, state, fault, removals = found

    def place(at: int) -> str:
        return f"{shape.epoch}:{PARTITION}:{at}"

    return {
        "verified": fault is None,
        "log": shape.name,
        "events": state.position,
        "signed": state.signed,
        "checkpoints": state.checkpoints,
        "removed_bodies": state.removed,
        "removed_not_held": removals.not_held,
        "removed_on_trust": removals.on_trust,
        "fault": fault and fault.code,
        "first_bad": place(fault.first) if fault else None,
        "last_bad": place(fault.last) if fault else None,
        "bad_checkpoint": fault and fault.checkpoint,
    }


def stretches(shape: Shape, start: int, width: int) -> Iterator[tuple[int, int, list[Stored]]]:
    """What is left, cut into stretches (of a multiple of a tile's width), each with the checkpoints that end in it."""
    waiting = deque(sorted((each for each in shape.stored if each.size >= start), key=lambda each: each.size))
    if start:  # those at its very beginning were held against the stretch before
        while waiting and waiting[0].size == start:
            waiting.popleft()
    while start < shape.size or waiting:
        end = min(start + width, shape.size)
        here: list[Stored] = []
        while waiting and waiting[0].size <= end:
            here.append(waiting.popleft())
        yield start, end, here
        if end == shape.size:
            return
        start = end


def _parts(path: Path, key: VerifierKey, shape: Shape, start: int, jobs: int) -> Iterator[Part]:
    cut = stretches(shape, start, STRETCH)
    if jobs == 1 or shape.size - start < _ALONE_MAX:
        yield from (derive(path, key, *each) for each in cut)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_ignore_interrupts) as pool:
        waiting: deque[Future[Part]] = deque()
        try:
            for each in cut:
                waiting.append(pool.submit(derive, path, key, *each))
                if len(waiting) >= jobs * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Whoever started the processes ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def before_rows(shape: Shape) -> Fault | None:
    """What is wrong before any row is looked at."""
    sizes: list[Any] = [each.size for each in shape.stored]
    if not all(isinstance(size, int) and size >= 0 for size in sizes):  # SQLite keeps whatever somebody wrote
        return Fault("bad-checkpoint", 0, max(shape.size - 1, 0))
    longest = max(sizes, default=0)
    return Fault("log-cut-short", shape.size, longest - 1, longest) if longest > shape.size else None


def at_the_end(path: Path, shape: Shape, state: State, opener: Opener | None, rest: Rest = never) -> Verified:
    """What came of it once every row and every checkpoint holds."""
    if fault := _order(shape) or _beyond(path):
        return Verified(shape, state, fault)
    return Verified(shape, state, *checked(path, opener, shape.size, rest))


def _order(shape: Shape) -> Fault | None:
    """Within an epoch sizes rise; an epoch that another one followed is never signed again."""
    origins: list[str] = []
    size = 0
    for stored in shape.stored:
        if stored.number is None:
            continue
        origin = stored.note.partition("\n")[0]
        if not origins or origin != origins[-1]:
            if origin in origins:
                return _of_checkpoint("epoch-signed-again", stored.size)
            origins.append(origin)
            size = 0
        if stored.size < size:
            return _of_checkpoint("checkpoint-order", stored.size)
        size = stored.size
    is_ours = not origins or origins[-1] == origin_of(shape.name, shape.epoch) or shape.is_restored
    return None if is_ours else _of_checkpoint("wrong-epoch", size)


def _of_checkpoint(code: str, size: int) -> Fault:
    return Fault(code, size, size, size)


def _beyond(path: Path) -> Fault | None:
    """A tile of rows that are not there: the log was cut, or somebody made it up."""
    with closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db:
        row = db.execute(
            "WITH head(size) AS (SELECT coalesce(max(position) + 1, 0) FROM log) "
            "SELECT min(number << (?1 * level)), max(((number + 1) << (?1 * level)) - 1) FROM tiles, head "
            "WHERE number >= size >> (?1 * level) OR level < 1",
            (TILE_HEIGHT,),
        ).fetchone()
    return None if row is None or row[0] is None else Fault("tile-beyond", row[0], row[1])
