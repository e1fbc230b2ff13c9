"""What nobody could read, and wrapping keys that were replaced, go after 30 days where no hub is ever stopped, too."""

from __future__ import annotations

import threading

import structlog

from events.clock import Clock
from events.errors import TryAgainLater
from events.log.sqlite import SILENCE_MAX_US, SqliteLog
from hub.receipts.store import ReceiptStore
from hub.vault.keys import KeyStore

_EVERY_S = 3_600.0
_log = structlog.get_logger()


class Ageing:
    """Has the stores forget what is old: at once, and once an hour until it is closed.

    Not while the clock is as far ahead of the log as the log would refuse: what is destroyed for a wrong clock is gone.
    """

    def __init__(
        self, receipts: ReceiptStore, keys: KeyStore, log: SqliteLog, clock: Clock, *, accepts_clock: bool
    ) -> None:
        self._receipts = receipts
        self._keys = keys
        self._log = log
        self._clock = clock
        self._accepts_clock = accepts_clock
        self._closing = threading.Event()
        self._forget()
        self._thread = threading.Thread(target=self._run, name="ageing", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(_EVERY_S):
            self._forget()

    def _forget(self) -> None:
        newest_us = self._log.last_known_us
        try:
            if newest_us and self._clock() - newest_us > SILENCE_MAX_US and not self._accepts_clock:
                _log.warning("old_receipts_kept", code="clock-far-ahead")
                return
            self._receipts.forget_old()
            self._keys.retire_wrapping_keys()
        except TryAgainLater as error:  # in an hour
            _log.warning("old_receipts_kept", code=error.code)

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
