"""Erasures that are under way, each in a small file of the home: what a crash cut off is finished at the next start.

Nothing in such a file names a person: the record itself is told by its random number and its suppression token. Each
is signed as a line of the list of erasures is: what stands there is done by itself, so nobody else may write it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from events.canonical import canonical
from events.errors import WrongSettings
from events.others import token_of_class
from hub.durable import make_folder, sync_folder
from hub.vault.listkey import ListKey

FOLDER = "erasing"
_LABEL = b"tellonce/erasing/1\0"
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
    """The files; for one thread at a time that begins and ends them."""

    def __init__(self, home: Path, key: ListKey) -> None:
        self._folder = home / FOLDER
        self._key = key

    def begin(self, run: Run) -> None:
        """Durable when it returns."""
        told = {**asdict(run), "key_ids": list(run.key_ids)}
        make_folder(self._folder)
        path = self._path(run)
        draft = path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(canonical({"run": told, "mac": self._key.mac(_digest(told)).hex()}))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(self._folder)

    def open(self) -> list[Run]:
        """What is not finished, in a steady order.

        Raises WrongSettings `erasure-run-foreign` for a file that this hub did not write so.
        """
        found = [self._read(path) for path in sorted(self._folder.glob("*.json"))]
        return [run for run in found if run is not None]

    def _read(self, path: Path) -> Run | None:
        """None where it ended meanwhile."""
        try:
            file = orjson.loads(path.read_bytes())
            told = file["run"]
            if self._key.fits(_digest(told), bytes.fromhex(file["mac"])):
                run = Run(**{**told, "key_ids": tuple(told["key_ids"])})
                if self._path(run) == path:  # under another name it would stay when the run ends
                    return run
        except FileNotFoundError:
            return None
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            pass
        raise WrongSettings(
            "erasure-run-foreign",
            "this file says that an erasure was begun, and this hub did not write it so: nothing is erased by it",
            where=f"{FOLDER}/{path.name}",
            next_step="It was damaged, or somebody wrote there: find out which, take it away, and erase anew what is "
            "to go.",
        )

    def end(self, run: Run) -> None:
        self._path(run).unlink(missing_ok=True)
        sync_folder(self._folder)

    def _path(self, run: Run) -> Path:
        what = run.retention or ("all" if run.offset is None else run.offset)
        return self._folder / f"{run.subject or run.agency}-{what}.json".replace("/", "-")


def offsets_under_way(home: Path) -> set[int]:
    """The events whose redaction some file says is under way, whoever wrote it; nothing is done by this."""
    found = set()
    for path in (home / FOLDER).glob("*.json"):
        try:
            found.add(orjson.loads(path.read_bytes())["run"]["offset"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
            continue  # it ended meanwhile, or the next start tells of it
    return {each for each in found if isinstance(each, int)}


def _digest(told: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(_LABEL + canonical(dict(told))).digest()
