"""Erasures that are under way, each in a small file of the home: what a crash cut off is finished at the next start.

Nothing in such a file names a person: the record itself is told by its random number and its suppression token.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from events.others import token_of_class
from hub.durable import make_folder, sync_folder

FOLDER = "erasing"
Progress = Callable[[int, int], None]  # told after each step, as (done, of)


def quiet(done: int, of: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Run:
    """One erasure, the shredding of one class (`retention`) or the redaction of one event (`offset`).

    `row` is what the log is to hold of the redacted event's row when its leaf can't any more. Without a subject it is
    all of an agency's records. A class may be that of one fact's third persons.
    """

    agency: str
    subject: str  # hex, as all that follows in bytes
    token: str  # empty where the record may send again
    ground: str
    reference: str | None
    retention: str | None
    key_ids: tuple[str, ...]
    begun_us: int
    events: int  # that the views held of it, up to the offset that follows
    counted_to: int
    rules_ended: int  # consents, refusals and the like whose ending was confirmed by name
    offset: int | None = None
    row: Mapping[str, Any] | None = None

    @property
    def is_whole(self) -> bool:
        return self.retention is None and self.offset is None

    @property
    def removes_others(self) -> bool:
        """Whether it is the third persons of one fact alone."""
        return self.retention is not None and token_of_class(self.retention) is not None

    @property
    def is_of_agency(self) -> bool:
        return not self.subject

    @property
    def subject_bytes(self) -> bytes:
        return bytes.fromhex(self.subject)

    @property
    def keys(self) -> tuple[bytes, ...]:
        return tuple(map(bytes.fromhex, self.key_ids))


class Runs:
    """The files; for one thread at a time."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def begin(self, run: Run) -> None:
        """Durable when it returns."""
        make_folder(self._folder)
        path = self._path(run)
        draft = path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(run), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(self._folder)

    def open(self) -> list[Run]:
        """What is not finished, in a steady order."""
        found = [json.loads(path.read_text("utf-8")) for path in sorted(self._folder.glob("*.json"))]
        return [Run(**{**told, "key_ids": tuple(told["key_ids"])}) for told in found]

    def end(self, run: Run) -> None:
        self._path(run).unlink(missing_ok=True)
        sync_folder(self._folder)

    def _path(self, run: Run) -> Path:
        what = run.retention or ("all" if run.offset is None else run.offset)
        return self._folder / f"{run.subject or run.agency}-{what}.json".replace("/", "-")
