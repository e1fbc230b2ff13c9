"""A stretch of the log's file, derived anew from its stored bytes: rows to leaves, leaves to tiles.

What a worker process does. A stretch begins where a tile does, so that its tiles are whole.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from events.checkpoints import VerifierKey, parse_checkpoint, parse_note, signed_by
from events.errors import RejectedMessage
from events.ledger import EMPTY, TILE_HEIGHT, TILE_WIDTH, extended, folded
from events.log import file

_ROWS = (
    "SELECT position, known_us, header, nonce, body, leaf FROM log WHERE position >= ? AND position < ? "
    "ORDER BY position"
)
_TILES = "SELECT number, hash FROM tiles WHERE level = 1 AND number >= ? AND number < ?"
_REMOVED = "SELECT position FROM removed WHERE position >= ? AND position < ?"
_HEAD = struct.Struct(">BQQH")
_LENGTH = struct.Struct(">I")
_HEADER_FORMAT = 1
_IDS_BYTES = 72


class Fault(NamedTuple):
    """What does not hold, and where: the first and the last position that may have been changed.

    `checkpoint` is the size of the checkpoint that shows it, where one does.
    """

    code: str
    first: int
    last: int
    checkpoint: int | None = None


class Stored(NamedTuple):
    """A checkpoint as it stands in the file, or as somebody else kept it (`number` is then None)."""

    number: int | None
    size: int
    note: str


class Mark(NamedTuple):
    """What a checkpoint says, and the complete subtrees of the unfinished tile at its end; or why it says nothing."""

    size: int
    origin: str
    root: bytes
    peaks: tuple[bytes, ...]
    fault: str | None = None


class Part(NamedTuple):
    """A stretch as it was derived: up to its first fault, if it has one."""

    start: int
    end: int
    tiles: list[bytes]
    marks: list[Mark]
    first_known_us: int
    last_known_us: int
    removed: int
    fault: Fault | None


class Broken(Exception):
    """A row that does not hold: its position and why."""

    def __init__(self, at: int, code: str) -> None:
        super().__init__(at, code)
        self.at, self.code = at, code


def derive(path: Path, key: VerifierKey, start: int, end: int, stored: Sequence[Stored]) -> Part:
    """Rows from `start` to `end`, and the checkpoints whose sizes lie between."""
    with closing(file.connect(path, flags=apsw.SQLITE_OPEN_READONLY)) as db:
        try:
            db.execute("BEGIN")  # one state of the file, or a redaction that comes meanwhile looks like a theft
            return _Stretch(db, start, end).derived(key, stored)
        except file.DAMAGE:  # before its first row
            return Part(start, end, [], [], 0, 0, 0, Fault("broken-file", start, max(start, end - 1)))


class _Stretch:
    """One stretch on its way."""

    def __init__(self, db: apsw.Connection, start: int, end: int) -> None:
        self._db = db
        self._start, self._end = start, end
        first, last = start >> TILE_HEIGHT, end >> TILE_HEIGHT
        self._stored_tiles: dict[Any, Any] = dict(db.execute(_TILES, (first, last)))
        self._may_be_empty = {at for (at,) in db.execute(_REMOVED, (start, end))}
        self._removed = 0
        self._at = start
        self._known: list[int] = []

    def derived(self, key: VerifierKey, stored: Sequence[Stored]) -> Part:
        tiles: list[bytes] = []
        rest: list[bytes] = []
        leaves: dict[int, list[bytes]] = {}  # of the tiles within which a checkpoint ends
        wanted = {each.size >> TILE_HEIGHT for each in stored}
        fault = None
        try:
            for rest in self._blocks():
                number = (self._start >> TILE_HEIGHT) + len(tiles)
                if number in wanted:
                    leaves[number] = rest
                if len(rest) == TILE_WIDTH:
                    tiles.append(self._tile(number, rest))
        except Broken as broken:
            fault = Fault(broken.code, broken.at, broken.at)
            if broken.code.startswith("tile"):
                fault = fault._replace(first=broken.at - TILE_WIDTH + 1)
        except UnicodeDecodeError:  # a text where bytes should be
            fault = Fault("broken-row", self._at, self._at)
        except (apsw.CorruptError, apsw.SQLError):
            fault = Fault("broken-file", self._at, self._end - 1)
        marks = [_mark(each, key, leaves.get(each.size >> TILE_HEIGHT, [])) for each in stored]
        known = self._known or [0]
        return Part(self._start, self._end, tiles, marks, known[0], known[-1], self._removed, fault)

    def _tile(self, number: int, leaves: Sequence[bytes]) -> bytes:
        tile = folded(leaves)
        if self._stored_tiles.get(number) != tile:
            code = "tile-differs" if number in self._stored_tiles else "tile-missing"
            raise Broken((number + 1) * TILE_WIDTH - 1, code)
        return tile

    def _blocks(self) -> Iterator[list[bytes]]:
        """Leaves of a tile each, the last of them perhaps unfinished."""
        block: list[bytes] = []
        known_us = -1
        for row in self._db.execute(_ROWS, (self._start, self._end)):
            if row[0] != self._at:
                raise Broken(self._at, "log-gap")
            block.append(self._leaf(*row))
            if row[1] <= known_us:
                raise Broken(self._at, "known-time-not-rising")
            known_us = row[1]
            if not self._known:
                self._known = [known_us, known_us]
            self._known[1] = known_us
            self._at += 1
            if not self._at & (TILE_WIDTH - 1):
                yield block
                block = []
        if self._at < self._end:
            raise Broken(self._at, "log-gap")
        if block:
            yield block

    def _leaf(self, at: int, known_us: Any, header: Any, nonce: Any, body: Any, leaf: Any) -> bytes:
        """The leaf that follows from the row's parts; that of a removed body is taken as it stands."""
        try:
            head = _HEAD.pack(0, at, known_us, len(header))
            whole = b"".join((head, header, nonce, _LENGTH.pack(len(body)), body))
        except (struct.error, TypeError) as error:  # SQLite keeps whatever type somebody wrote
            raise Broken(at, "broken-row") from error
        derived = hashlib.sha256(whole).digest()
        is_removed = derived != leaf and not body and isinstance(leaf, bytes) and len(leaf) == len(derived)
        if derived != leaf and not is_removed:
            raise Broken(at, "leaf-differs")
        if is_removed and at not in self._may_be_empty:
            raise Broken(at, "body-missing")
        if len(header) < 2 or header[0] != _HEADER_FORMAT or len(header) != 2 + header[1] + _IDS_BYTES:
            raise Broken(at, "broken-row")
        self._removed += is_removed
        return leaf if is_removed else derived


def _mark(stored: Stored, key: VerifierKey, leaves: Sequence[bytes]) -> Mark:
    try:
        note = parse_note(stored.note)
        checkpoint = parse_checkpoint(note.text)
        if checkpoint.size != stored.size:
            return Mark(stored.size, "", b"", (), "bad-checkpoint")
        signed_by(note, [key])
    except RejectedMessage as error:
        return Mark(stored.size, "", b"", (), error.code)
    edge, _ = extended(EMPTY, leaves[: stored.size & (TILE_WIDTH - 1)])
    return Mark(checkpoint.size, checkpoint.origin, checkpoint.root, edge.peaks)
