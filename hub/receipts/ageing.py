"""What nobody could read of what was received is gone after 30 days, also where the hub is never stopped."""

from __future__ import annotations

import threading

import structlog

from events.errors import TryAgainLater
from hub.receipts.store import ReceiptStore

_EVERY_S = 3_600.0
_log = structlog.get_logger()


class Ageing:
    """Has a store forget what is old: at once, and once an hour until it is closed."""

    def __init__(self, receipts: ReceiptStore) -> None:
        self._receipts = receipts
        self._closing = threading.Event()
        self._forget()
        self._thread = threading.Thread(target=self._run, name="ageing", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(_EVERY_S):
            self._forget()

    def _forget(self) -> None:
        try:
            self._receipts.forget_old()
        except TryAgainLater as error:  # in an hour
            _log.warning("old_receipts_kept", code=error.code)

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
