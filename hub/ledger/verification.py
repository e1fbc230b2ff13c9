"""Verifying the log of a home, whether a hub serves it, refuses to open it, or nothing but its log is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from events.checkpoints import ED25519, VerifierKey, parse_key
from events.errors import WrongSettings
from hub.ledger.progress import Kept
from hub.ledger.verify import Progress, Verified, document, shape_of, verify
from hub.settings import KEYS_FILE, LOG_FILE, Settings
from hub.vault.kms import LOG_KEY, LocalKms
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
    shape = shape_of(path, kept)
    by = parse_key(key) if key is not None else key_of(settings, shape.name)
    progress = Kept(settings.home, shape, by)
    state = progress.found() if resume else None
    if state is not None and any(each.number is None and each.size < state.position for each in shape.stored):
        state = None  # a checkpoint that was not asked about before has to be held against rows from the first on
    with opener_of(settings) as opener:
        found = verify(path, by, tell, kept=kept, jobs=jobs, state=state, keep=progress.keep, opener=opener)
    progress.forget()
    return found


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
