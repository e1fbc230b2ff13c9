"""Ed25519 keys in files of their own: made at first use, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from events.errors import WrongSettings


def key_of(path: Path, code: str, anew: str) -> Ed25519PrivateKey:
    """The key in a file, made at first use.

    Raises WrongSettings with the code given where the file cannot serve; `anew` says what it would mean to move it
    away and have another key made.
    """
    if not path.exists():
        _make_key(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise _bad_key(code, path, "others than its owner may read it", f"Run `chmod 600 {path.name}`.")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise _bad_key(code, path, "it holds no private key", anew) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad_key(code, path, "it holds a key of another kind than Ed25519", anew)
    return key


def _make_key(path: Path) -> None:
    """Writes a new key beside and links it into place: of two processes that begin at once, one wins."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name in a folder is durable only when the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bad_key(code: str, path: Path, what: str, next_step: str) -> WrongSettings:
    return WrongSettings(code, what, where=path.name, next_step=next_step)
