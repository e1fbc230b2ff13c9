"""Verifying the log of a home, whether a hub serves it, refuses to open it, or nothing but its log is there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from events.checkpoints import ED25519, Checkpoint, VerifierKey, origin_of, parse_key
from events.errors import WrongSettings
from hub.ledger.notes import not_held
from hub.ledger.progress import Kept
from hub.ledger.ranges import Fault
from hub.ledger.verify import Progress, Shape, Verified, document, shape_of, verify
from hub.settings import KEYS_FILE, LOG_FILE, MANIFEST_FILE, Settings
from hub.vault.kms import LOG_KEY, LocalKms
from hub.vault.own import notes_in
from hub.vault.ring import Ring

__all__ = ["document", "run"]


def run(
    settings: Settings,
    *,
    key: str | None = None,
    kept: Sequence[str] = (),
    jobs: int | None = None,
    resume: bool = False,
    tell: Progress = lambda done, of: None,
) -> Verified:
    """Reads the log's file; of the home also the log's public key, if none is given, and what opens redactions.

    Raises WrongSettings `no-home`, `no-log-key`, and as `shape_of` does.
    """
    path = settings.home / LOG_FILE
    if not path.exists():
        raise WrongSettings(
            "no-home", "here is no log", where=str(settings.home), next_step="Name another with --home."
        )
    noted = _noted(settings)  # before the log is looked at: it may grow meanwhile, and the note with it
    shape = shape_of(path, kept)
    by = parse_key(key) if key is not None else key_of(settings, shape.name)
    progress = Kept(settings.home, shape, by)
    state = progress.found() if resume else None
    if state is not None and any(each.number is None and each.size < state.position for each in shape.stored):
        state = None  # a checkpoint that was not asked about before has to be held against rows from the first on
    with opener_of(settings) as opener:
        found = verify(path, by, tell, kept=kept, jobs=jobs, state=state, keep=progress.keep, opener=opener)
    progress.forget()
    return found if found.fault else found._replace(fault=_against(path, found.shape, noted))


def _noted(settings: Settings) -> list[Checkpoint]:
    """What the key store remembers of the log's checkpoints, where it is here: who writes in the log has not that."""
    keys = settings.home / KEYS_FILE
    if not os.access(keys, os.R_OK) or not settings.kms_file.exists():
        return []  # whoever has the log alone, or may read no more
    return [Checkpoint(*each) for each in notes_in(keys)]


def _against(path: Path, shape: Shape, noted: Sequence[Checkpoint]) -> Fault | None:
    """Where a log whose every byte fits is not the one that the key store knows."""
    standing = Checkpoint(origin_of(shape.name, shape.epoch), shape.size, b"")
    beyond = [each for each in noted if each.origin == standing.origin and each.size > standing.size]
    if beyond and not (path.parent / MANIFEST_FILE).exists():  # a backup's keys are newer than its log
        return Fault("log-cut-short", shape.size, beyond[0].size - 1, beyond[0].size)
    known = not_held(path, standing, noted)
    return Fault("checkpoint-differs", 0, known.size - 1, known.size) if known is not None else None


@contextmanager
def opener_of(settings: Settings) -> Iterator[Ring | None]:
    """What opens rows, where the home's keys are here."""
    keys = settings.home / KEYS_FILE
    if not keys.exists() or not settings.kms_file.exists():
        yield None
        return
    with closing(Ring(keys, LocalKms(settings.kms_file), lease_s=0.0)) as ring:
        yield ring


def key_of(settings: Settings, name: str) -> VerifierKey:
    """The key that the home signs its log with. Raises WrongSettings `no-log-key`."""
    if not settings.kms_file.exists():
        raise WrongSettings(
            "no-log-key",
            "the key that the log is signed with is not here",
            where=str(settings.kms_file),
            next_step="Name the log's verifier key with --key; every proof and its operator tell it.",
        )
    return VerifierKey(name, ED25519, LocalKms(settings.kms_file).public_key(LOG_KEY))
