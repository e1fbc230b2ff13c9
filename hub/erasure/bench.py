"""What the acts on records are done with: the parts of an open home."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from events.clock import Clock
from events.errors import TryAgainLater
from events.ids import SubjectId
from events.log.sqlite import SqliteLog
from hub.erasure.doors import Doors
from hub.erasurelist import Place
from hub.linkage.decisions import DecisionWriter
from hub.vault.keys import KeyStore
from hub.vault.kms import Kms
from projections.engine.runner import Runner
from projections.engine.store import ViewStore

START_WAIT_S = 3_600.0  # at a start: the views may be folded from the log's beginning meanwhile
RAW = "raw"  # what the key store calls the class of the raw parts of a record


@dataclass(frozen=True, slots=True)
class Bench:
    """`lists`: where the list of erasures is written, the second place first. `has_second`: whether there is one.

    `deciding` is held from the line in the list to the event in the log, so that what erases a record and what holds it
    never stand between each other's two: whoever restores by the list alone does what was done.
    """

    home: Path
    lists: Sequence[Place]
    has_second: bool
    clock: Clock
    log: SqliteLog
    keys: KeyStore
    kms: Kms
    store: ViewStore
    runner: Runner
    writer: DecisionWriter
    doors: Doors
    drop_parts: Callable[[SubjectId], int]
    redact_parts: Callable[[SubjectId], int]  # those that there are now
    waiting_until: Callable[[str], int | None]  # of what an agency sent and nobody could read: when the last is gone
    is_caught_up: Callable[[float], bool]
    deciding: threading.RLock = field(default_factory=threading.RLock)

    def catch_up(self, timeout_s: float = 60.0) -> None:
        """The views hold all that the log holds.

        Raises TryAgainLater `views-behind`.
        """
        if not self.is_caught_up(timeout_s):
            raise TryAgainLater(
                "views-behind",
                "the views have not taken in yet what the log holds",
                where="views",
                next_step="Look again in a moment; `tellonce status` shows how far the views are.",
            )
