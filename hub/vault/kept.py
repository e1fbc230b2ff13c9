"""What a key store keeps for others beside its secrets, under its lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import apsw

from events.clock import Clock
from events.sealing import Cipher
from hub.sqlite import faults_told
from hub.vault import destroying, own, rotating
from hub.vault.kms import Kms
from hub.vault.tables import KEYS_KEPT_DAYS

_REPLACED_KEPT_US = (KEYS_KEPT_DAYS + 1) * 86_400_000_000  # whole days, as backups expire


class KeptBeside:
    """The part of a key store that knows of no record: keys of intake, backups, checkpoints."""

    _db: apsw.Connection
    _path: Path
    _kms: Kms
    _committing: threading.Lock
    _hub_cipher: Cipher
    _random: Callable[[int], bytes]
    _clock: Clock

    def intake_key(self, day: str) -> bytes | None:
        """The key of a day's intake (ISO date), durable when returned; None once it was destroyed."""
        with self._committing, faults_told("keys.sqlite"):
            return own.intake_key(self._db, self._hub_cipher, day, self._random)

    def destroy_intake_keys(self, before: str) -> int:
        """Destroys the keys of the days before one (ISO date); how many."""
        with self._committing, faults_told("keys.sqlite"):
            gone = own.destroy_intake_keys(self._db, before)
            if gone:
                destroying.empty_wal(self._db)
        return gone

    def retire_wrapping_keys(self) -> int:
        """Destroys the wrapping keys that a rotation replaced and no backup needs any more; how many.

        What a restored key store still has under them comes under their successors first.
        """
        with self._committing, faults_told("keys.sqlite"):
            if stale := rotating.rewrap(self._db, self._kms):
                destroying.leave_no_trace(self._db, self._path, stale)
            return len(self._kms.retire(self._clock() - _REPLACED_KEPT_US))

    def note_backup(self) -> None:
        """Notes that the key store was copied."""
        with self._committing, faults_told("keys.sqlite"):
            own.note_backup(self._db, self._clock())

    def note_checkpoint(self, origin: str, size: int, root: bytes) -> None:
        """Keeps the largest checkpoint of an origin, durable when it returns."""
        with self._committing, faults_told("keys.sqlite"):
            own.note_checkpoint(self._db, origin, size, root)

    def noted_checkpoint(self, origin: str) -> tuple[int, bytes] | None:
        """Size and root that were noted last."""
        with self._committing, faults_told("keys.sqlite"):
            return own.noted_checkpoint(self._db, origin)

    def noted_checkpoints(self) -> list[tuple[str, int, bytes]]:
        """Origin, size and root that were noted last, of every epoch there was."""
        with self._committing, faults_told("keys.sqlite"):
            return own.noted_checkpoints(self._db)
