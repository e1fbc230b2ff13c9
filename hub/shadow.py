"""The views are rebuilt by a process of their own, so that readers and senders keep the hub's interpreter.

It reads the log and its keys and writes the shadow, nothing else. The hub tells it by lines on its standard input how
far to fold; it answers by lines as they go over the home's socket: progress, then an empty answer, or the error that
it met. It outlives neither the rebuild nor the hub: its next line to nobody ends it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import IO, NamedTuple, cast

from events.errors import TryAgainLater
from events.log.sqlite import PARTITION, SqliteReader
from hub.interpreter import set_interpreter
from hub.local import wire
from hub.sqlite import not_rebuilt, translated
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from hub.views import projections
from projections.engine.beside import Progress, pages_to
from projections.engine.store import connect_shadow
from projections.engine.target import Target

_SILENCE_S = 0.5  # after so long without a line whoever waits is told all the same, and may give up
_CHUNK_BYTES = 65_536
# Found where this process finds it, whatever folder it was started in and whatever lies there.
_START = "import sys, json; sys.path = json.loads(sys.argv[1]); from hub.shadow import main; main(*sys.argv[2:])"


class Files(NamedTuple):
    """What a fold reads: the log, the keys of its rows, and what those are wrapped with."""

    log: Path
    keys: Path
    kms: Path


class ShadowProcess:
    """Folds one shadow, as long as it is entered. For one thread."""

    def __init__(self, files: Files, shadow: Path, epoch: str) -> None:
        """Starts it; the shadow has to be there by the time that it is told how far to fold."""
        self._process = subprocess.Popen(  # noqa: S603  nothing of it comes from outside
            [sys.executable, "-I", "-c", _START, json.dumps(sys.path), *map(str, files), str(shadow), epoch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # what is waited for must not lie in a buffer
        )
        self._asking = cast("IO[bytes]", self._process.stdin)
        self._answering = cast("IO[bytes]", self._process.stdout)
        self._begun = b""  # of a line

    def fold_to(self, end: int, progress: Progress) -> None:
        """See Beside. Raises TryAgainLater `rebuild-ended` when the process is gone before it is done."""
        with suppress(BrokenPipeError):  # what it met before it went is in its answers
            self._asking.write(b"%d\n" % end)
        done = 0
        for line in self._answers():
            told = wire.told_in(line) if line else {}
            if "error" in told:
                raise wire.error_of(told["error"])
            if "answer" in told:
                return
            if "progress" in told:
                done, _ = told["progress"]
            progress(done, end)
        raise _ended()

    def _answers(self) -> Iterator[bytes]:
        """Lines as they come; an empty one where none came for a while."""
        with DefaultSelector() as selector:
            selector.register(self._answering, EVENT_READ)
            while True:
                if not selector.select(_SILENCE_S):
                    yield b""
                    continue
                chunk = self._answering.read(_CHUNK_BYTES)
                if not chunk:
                    return
                *lines, self._begun = (self._begun + chunk).split(b"\n")
                yield from lines

    def __enter__(self) -> ShadowProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It is done and closes the shadow, or it is in the middle of something that nobody wants any more."""
        if error is not None:
            self._process.kill()
        self._process.communicate()


def _ended() -> TryAgainLater:
    return TryAgainLater(
        "rebuild-ended",
        "the process that folds the views again was ended before it was done",
        where="rebuild",
        next_step="Look whether the machine ran out of memory, then rebuild again; the live views are as they were.",
    )


# ---- the process


def main(log: str, keys: str, kms: str, shadow: str, epoch: str) -> None:
    """Folds as far as each line of standard input says."""
    set_interpreter()
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray word must not come between the answers

    def answer(line: bytes) -> None:
        answers.write(line)
        answers.flush()

    with suppress(BrokenPipeError):  # nobody listens any more
        fold(Files(Path(log), Path(keys), Path(kms)), Path(shadow), epoch, map(int, sys.stdin), answer)
    os._exit(0)  # the shadow is closed; taking all objects apart one by one takes a third of a second


def fold(files: Files, shadow: Path, epoch: str, ends: Iterable[int], answer: Callable[[bytes], None]) -> None:
    """Folds up to each of the offsets, and answers each; an error ends it.

    The shadow is opened when it is first told how far: it is made while this process starts.
    """
    ends = iter(ends)
    first = next(ends, None)
    if first is None:
        return
    try:
        log = SqliteReader(files.log)
        db = connect_shadow(shadow)
        try:
            ring = Ring(files.keys, LocalKms(files.kms))
            target = Target(db, projections(), epoch, log, ring)
            for end in chain([first], ends):
                for done in pages_to(target, log, PARTITION, end):
                    answer(wire.line({"progress": [done, end]}))
                answer(wire.line({"answer": {}}))
        finally:
            db.close()
    except BrokenPipeError:
        raise
    except Exception as error:
        answer(wire.error_line(translated(error, "views", not_rebuilt)))
