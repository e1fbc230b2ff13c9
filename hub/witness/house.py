"""The folder of a witness: its memory, its key, its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from events.checkpoints import COSIGNATURE, VerifierKey
from events.clock import Clock
from events.errors import WrongSettings
from events.log.file import damage_told
from hub.durable import sync_folder
from hub.keyfile import key_of
from hub.opening import access_told
from hub.witness.judge import Witness
from hub.witness.store import FILE, WitnessStore

KEY_FILE = "witness-key.pem"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9._-]+)*")
_ANEW = "Move it away only if this witness begins anew: a new key is made, and every hub has to be told of it."


class FileSigner:
    """Signs with an Ed25519 key that a file holds."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class House(NamedTuple):
    """An open witness."""

    witness: Witness
    store: WitnessStore
    key: VerifierKey


@contextmanager
def opened(folder: Path, clock: Clock, name: str | None = None) -> Iterator[House]:
    """The witness of a folder; the first time it needs a name, which it keeps.

    Raises WrongSettings `no-witness`, `bad-witness-name`, `witness-in-home`, `bad-witness-key`, `witness-store-lost`.
    """
    with access_told(folder), _damage_told(folder):
        _check(folder, name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = WitnessStore(folder)
        try:
            if store.name is None and (folder / KEY_FILE).exists():
                raise _lost(folder, "it is empty")
            known = _named(store, name)
            sync_folder(folder)  # the store's name before the key's: a key without a store is one whose store was lost
            signer = FileSigner(key_of(folder / KEY_FILE, "bad-witness-key", _ANEW))
            key = VerifierKey(known, COSIGNATURE, signer.public_key)
            yield House(Witness(store, known, signer, clock), store, key)
        finally:
            store.close()


def _check(folder: Path, name: str | None) -> None:
    if (folder / "log.sqlite").exists():
        raise WrongSettings(
            "witness-in-home",
            "this is a hub's home, and nobody can be a witness to itself",
            where=str(folder),
            next_step="Run the witness on another agency's machine, in a folder of its own (--home).",
        )
    if (folder / KEY_FILE).exists() and not (folder / FILE).exists():
        raise _lost(folder, "it is gone")
    if name is None and not (folder / FILE).exists():
        raise WrongSettings(
            "no-witness",
            "there is no witness here yet",
            where=str(folder),
            next_step="Begin one with `tellonce witness serve --name NAME`, or name its folder with --home.",
        )


@contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    """A store that cannot be read is as good as lost; an older copy of it would be worse."""
    try:
        with damage_told(folder / FILE):
            yield
    except WrongSettings as error:
        if error.code != "broken-file":
            raise
        raise _lost(folder, "it is damaged") from error


def _lost(folder: Path, how: str) -> WrongSettings:
    return WrongSettings(
        "witness-store-lost",
        f"what this witness has signed stands in {FILE}, and {how}",
        where=str(folder / FILE),
        next_step="Bring back no copy, and sign nothing under this key again: keep the folder, begin another witness "
        "in a new folder under another name, and tell the hub's operator (docs/witness.md).",
    )


def _named(store: WitnessStore, name: str | None) -> str:
    if name is not None and not _NAME.fullmatch(name):
        raise _bad_name("a name is like an address without its scheme: letters, digits, dots and slashes")
    known = store.name or name
    if known is None:
        raise _bad_name("it has no name yet")
    if name is not None and known != name:
        raise _bad_name("this witness has another name already, and its signatures stand under that")
    store.keep_name(known)
    return known


def _bad_name(what: str) -> WrongSettings:
    return WrongSettings(
        "bad-witness-name", what, where="--name", next_step="For example --name witness.northbank.example."
    )
