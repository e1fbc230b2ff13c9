"""How far an interrupted verification had come, kept in the home so that `--resume` goes on from there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson

from events.checkpoints import VerifierKey
from events.ledger import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Edge
from hub.ledger.verify import Shape, State

PROGRESS = "verify.progress"
_EVERY_S = 1.0
_FORMAT = 1


class Kept:
    """The file of one verification. Whoever can write it can have rows passed over: it is read only when asked for."""

    def __init__(self, home: Path, shape: Shape, key: VerifierKey, now: Callable[[], float] = time.monotonic) -> None:
        self._path = home / PROGRESS
        self._of = {"format": _FORMAT, "log": shape.name, "epoch": shape.epoch, "key": str(key)}
        self._size = shape.size
        self._now = now
        self._written = now()

    def found(self) -> State | None:
        """Where to go on; None where nothing was kept, or of another log."""
        try:
            told = orjson.loads(self._path.read_bytes())
            state = State(**{**told.pop("state"), "edge": Edge(0, ())})
            edge = told.pop("edge")
            peaks = tuple(map(bytes.fromhex, edge))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        tiles, rest = divmod(state.position, TILE_WIDTH)
        is_edge = len(peaks) == tiles.bit_count() and all(len(peak) == HASH_BYTES for peak in peaks)
        if told != self._of or rest or not is_edge or not 0 <= tiles <= self._size >> TILE_HEIGHT:
            return None
        return state._replace(edge=Edge(tiles, peaks))

    def keep(self, state: State) -> None:
        """Notes a state, once a second at most. A home that cannot be written is verified all the same."""
        if self._now() - self._written < _EVERY_S or state.position % TILE_WIDTH:
            return
        self._written = self._now()
        told = {
            **self._of,
            "state": {name: value for name, value in state._asdict().items() if name != "edge"},
            "edge": [peak.hex() for peak in state.edge.peaks],
        }
        with suppress(OSError):
            draft = self._path.with_name(f"{PROGRESS}.new")
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                file.write(orjson.dumps(told))
            draft.replace(self._path)

    def forget(self) -> None:
        """The verification came to its end."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
