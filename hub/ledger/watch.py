"""A serving hub verifies its own log, over and over and slowly, and tells when it last came to the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import structlog

from events.checkpoints import VerifierKey
from events.clock import us_text
from events.codec import Opener
from events.errors import HubError
from events.log import file
from hub.ledger.ranges import derive
from hub.ledger.verify import Joining, State, Verified, at_the_end, before_rows, document, shape_of, stretches

log = structlog.get_logger()
STRETCH = 256  # positions at a time: two or three milliseconds, in which others wait for the interpreter
_REST = 19  # times as long as it worked: a twentieth of a core
_REST_MIN_S = 0.02
_BETWEEN_S = 30.0  # after one pass, before the next


class Watch:
    """Verifies a log in a thread of its own. What it found stands until the next pass has come to its end."""

    def __init__(
        self,
        path: Path,
        key: VerifierKey,
        clock: Callable[[], int],
        opener: Opener | None = None,
        *,
        between_s: float = _BETWEEN_S,
    ) -> None:
        self._path = path
        self._key = key
        self._clock = clock
        self._opener = opener
        self._between_s = between_s
        self._found: Verified | None = None
        self._ended_us = 0
        self._ended = 0.0
        self._done = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="log-verifier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def told(self) -> dict[str, Any]:
        """How it went: `verified` None until the first pass has come to its end; how far the pass is that runs."""
        found = self._found
        if found is None:
            nothing = dict.fromkeys(("verified", "at", "age_s", "fault", "first_bad"))
            return {**nothing, "events": 0, "now_at": self._done}
        told = document(found)
        return {
            "verified": told["verified"],
            "at": us_text(self._ended_us),
            "age_s": round(time.monotonic() - self._ended, 1),
            "events": told["events"],
            "fault": told["fault"],
            "first_bad": told["first_bad"],
            "now_at": self._done,
        }

    # ---- the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self._pass()
                if found is not None:
                    self._take(found)
            except HubError as error:
                log.warning("log_verification_waits", code=error.code)
            self._stopping.wait(self._between_s)

    def _take(self, found: Verified) -> None:
        was_well = self._found is None or self._found.fault is None
        if found.fault is not None and was_well:
            log.error("log_not_verified", code=found.fault.code, at=found.fault.first)
        self._found = found
        self._ended_us, self._ended = self._clock(), time.monotonic()

    def _pass(self) -> Verified | None:
        """The whole log once; None where the hub stops meanwhile."""
        shape = shape_of(self._path)
        fault = before_rows(shape)
        if fault is not None:
            return Verified(shape, State(), fault)
        with file.damage_told(self._path), closing(Joining(self._path, shape, State())) as joining:
            for start, end, stored in stretches(shape, 0, STRETCH):
                begun = time.perf_counter()
                if not joining.take(derive(self._path, self._key, start, end, stored)):
                    return Verified(shape, joining.state, joining.fault)
                self._done = end
                if self._rest(time.perf_counter() - begun):
                    return None
            return at_the_end(self._path, shape, joining.state, self._opener, self._rest)

    def _rest(self, spent_s: float) -> bool:
        """Leaves the machine to others; whether the hub stops."""
        return self._stopping.wait(max(_REST * spent_s, _REST_MIN_S))
