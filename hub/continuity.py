"""Whether the log is all that it was known to be: a home that was copied back from yesterday looks whole.

Its size and root are noted in the key store each time that they are signed, and witnesses remember them. A log that is
behind either is read, but nothing is written to it until a person declares that it was restored: its positions would be
given out a second time, and under the same origin.
"""

from __future__ import annotations

import threading
from typing import Protocol

import structlog

from events.checkpoints import Checkpoint
from events.errors import HubError, TryAgainLater
from events.log.sqlite import PARTITION, SqliteLog
from hub.epochs import name_of, number_of

log = structlog.get_logger()
EVERY_S = 1.0
WITNESSES_WAIT_S = 3.0
KEY_STORE = "key-store"


class Notes(Protocol):
    """Who remembers a log's checkpoints apart from the log."""

    def note_checkpoint(self, origin: str, size: int, root: bytes) -> None: ...

    def noted_checkpoints(self) -> list[tuple[str, int, bytes]]: ...


class Continuity:
    """Compares a log with what is known of it elsewhere, and signs and notes how far it has come."""

    def __init__(self, signed_log: SqliteLog, notes: Notes) -> None:
        self._log = signed_log
        self._notes = notes
        self._fault: TryAgainLater | None = None
        self._noted = 0
        self._are_witnesses_asked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="checkpoints", daemon=True)
        for noted in notes.noted_checkpoints():
            self.learn(Checkpoint(*noted), KEY_STORE)

    @property
    def fault(self) -> TryAgainLater | None:
        """Why nothing may be written: `log-behind` or `log-differs`; None where all is as it was known to be."""
        return self._fault

    def check(self) -> None:
        """Raises TryAgainLater `log-behind` or `log-differs` where it is known that nothing may be written."""
        if self._fault is not None:
            raise self._fault

    def check_with_witnesses(self) -> None:
        """The same; the first time it waits until the witnesses were asked, for three seconds at most."""
        if not self._are_witnesses_asked.wait(WITNESSES_WAIT_S):
            self._are_witnesses_asked.set()
        self.check()

    def witnesses_are_asked(self) -> None:
        """Whoever could be reached has told how far the log had come."""
        self._are_witnesses_asked.set()

    def learn(self, known: Checkpoint, by: str) -> None:
        """Somebody holds a checkpoint that a log of this home has signed: `key-store`, or a witness by its name."""
        if self._fault is None:
            self._fault = self._judged(known, by)
            if self._fault is not None:
                log.error("log_stands_still", code=self._fault.code)

    def refuse(self, fault: TryAgainLater) -> None:
        """Nothing may be written, for another reason."""
        self._fault = self._fault or fault
        log.error("log_stands_still", code=fault.code)

    def learn_epoch(self, origin: str, by: str) -> None:
        """Somebody holds what this log's key has signed of another epoch."""
        self.learn(Checkpoint(origin, 0, b""), by)

    def _judged(self, known: Checkpoint, by: str) -> TryAgainLater | None:
        ours = self._log.origin
        size = self._log.head()[PARTITION]
        if name_of(known.origin) != name_of(ours):
            return _differs("this is another log than the one", by)
        if number_of(known.origin) > number_of(ours):
            return _behind("the log has gone on in a newer epoch", by)
        if known.origin != ours:
            return None
        if known.size > size:
            return _behind(f"the log has {size} events and had {known.size}", by)
        if known.size and self._log.tree().root(known.size) != known.root:
            return _differs(f"the first {known.size} events are not those", by)
        return None

    # ---- the thread

    def start(self) -> None:
        self._thread.start()

    def _tick(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._try_to_note()

    def _try_to_note(self) -> None:
        try:
            self.note()
        except HubError as error:
            log.warning("checkpoint_not_noted", code=error.code)

    def note(self) -> None:
        """Signs the log's size where it grew, and notes it in the key store. Raises TryAgainLater, as the disk does."""
        if self._fault is not None or self._log.head()[PARTITION] == self._noted:
            return
        checkpoint = self._log.checkpoint(is_kept=False).checkpoint
        # The log's rows and this checkpoint are durable before the note is: a power cut leaves no note that is ahead.
        self._notes.note_checkpoint(*checkpoint)
        self._noted = checkpoint.size

    def stop(self) -> None:
        """Notes how far the log has come, and ends the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
            self._try_to_note()


def _behind(what: str, by: str) -> TryAgainLater:
    return TryAgainLater(
        "log-behind",
        f"an older state was copied back: {what}, as {by} knows",
        where="log",
        next_step="Bring the newest files back; if they are lost, stop the hub, then `tellonce restore --declare`.",
    )


def _differs(what: str, by: str) -> TryAgainLater:
    return TryAgainLater(
        "log-differs",
        f"{what} that {by} knows",
        where="log",
        next_step="Keep the files as they are, and restore the newest backup whose log verifies.",
    )
