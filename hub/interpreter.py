"""How Python is set for what the hub does."""

from __future__ import annotations

import gc
import sys

_SWITCH_S = 0.0005  # intake, log and views are threads that wait for each other: 5 ms a turn would be the price
# Events make no cycles, and looking for some every 700 objects took a tenth of ingest; now it takes a fortieth.
_COLLECT_AFTER = (20_000, 10, 10)


def set_interpreter() -> None:
    """Turns between threads, and how often cycles are looked for: for the whole process."""
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_COLLECT_AFTER)
