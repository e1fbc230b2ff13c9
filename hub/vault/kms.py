"""Where the keys above all keys are: a port, and the local file of an embedded hub.

The file is the one thing that opens the key store. It lies in the home unless TELLONCE_KMS names another place, and is
never part of a backup.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from events.errors import HubError, WrongSettings
from events.sealing import NONCE_BYTES, SECRET_BYTES, Cipher, DoesNotOpen
from hub.durable import make_folder, sync_folder

LOG_KEY = "log"  # the name of the key that signs checkpoints
_FORMAT = 1
_LABEL = b"tellonce/kms/1\0"


class KeyDestroyed(HubError):
    """The key was destroyed on purpose, and none of its name is made anew."""


class Kms(Protocol):
    """Wraps and signs with keys that never leave it, each by its name and made at first use."""

    def wrap(self, name: str, secret: bytes) -> bytes:
        """Raises KeyDestroyed."""
        ...

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """Raises KeyDestroyed, WrongSettings `kms-missing` where it has no key of this name, `kms-differs` where it is
        another."""
        ...

    def sign(self, name: str, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes: of the same message always the same (RFC 8032)."""
        ...

    def public_key(self, name: str) -> bytes:
        """The raw Ed25519 public key, 32 bytes."""
        ...

    def destroy(self, name: str) -> None:
        """Whatever was wrapped under this name stays closed for ever; durable, and nothing new where it is done."""
        ...

    def destroyed(self) -> list[str]:
        """The names of all that was destroyed."""
        ...


class LocalKms:
    """Keys in a file of its owner's alone, durable before the first use of each. For any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changing = threading.Lock()
        self._keys: dict[str, dict[str, str]] = {"wrapping": {}, "signing": {}}
        self._destroyed: set[str] = set()
        self._read()

    def wrap(self, name: str, secret: bytes) -> bytes:
        return b"".join(Cipher(self._key("wrapping", name)).seal(secret, _LABEL + name.encode()))

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        if name not in self._keys["wrapping"]:
            self._read()  # another process may have made it
        key = self._keys["wrapping"].get(name)
        if name in self._destroyed:
            raise _gone(self.path)
        if key is None:
            raise _missing(self.path)
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        try:
            return Cipher(bytes.fromhex(key)).open(nonce, sealed, _LABEL + name.encode())
        except DoesNotOpen as error:
            raise WrongSettings(
                "kms-differs",
                "its keys are not those that the key store was wrapped with",
                where=self.path.name,
                next_step="Bring the kms.key that belongs to this home, or name its place in TELLONCE_KMS.",
            ) from error

    def sign(self, name: str, message: bytes) -> bytes:
        return self._signing(name).sign(message)

    def public_key(self, name: str) -> bytes:
        return self._signing(name).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def destroy(self, name: str) -> None:
        with self._changing:
            if name not in self._destroyed:
                self._destroyed.add(name)
                for keys in self._keys.values():
                    keys.pop(name, None)
                self._write()

    def destroyed(self) -> list[str]:
        return sorted(self._destroyed)

    def _signing(self, name: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._key("signing", name))

    def _key(self, kind: str, name: str) -> bytes:
        with self._changing:
            if name in self._destroyed:
                raise _gone(self.path)
            if name not in self._keys[kind]:
                self._keys[kind][name] = secrets.token_hex(SECRET_BYTES)
                try:
                    self._write()
                except BaseException:
                    del self._keys[kind][name]
                    raise
            return bytes.fromhex(self._keys[kind][name])

    # ---- the file

    def _read(self) -> None:
        try:
            told: dict[str, Any] = json.loads(self.path.read_bytes())
            if told["format"] != _FORMAT:
                raise ValueError
            self._keys = {kind: dict(told[kind]) for kind in ("wrapping", "signing")}
            self._destroyed = set(told.get("destroyed", ()))
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as error:
            raise WrongSettings(
                "broken-file",
                "this is no file of wrapping keys, or a damaged one",
                where=self.path.name,
                next_step="Bring back the copy that you keep apart from the backups.",
            ) from error

    def _write(self) -> None:
        """A new file takes the old one's place; what the old one held is overwritten, as far as the disk lets it."""
        make_folder(self.path.parent)
        draft = self.path.with_name(f"{self.path.name}.draft")
        old = os.open(self.path, os.O_WRONLY) if self.path.exists() else None
        try:
            told = {"format": _FORMAT, **self._keys, **({"destroyed": self.destroyed()} if self._destroyed else {})}
            _write_durably(draft, json.dumps(told, indent=1).encode())
            draft.replace(self.path)
            sync_folder(self.path.parent)
            if old is not None:
                os.pwrite(old, bytes(os.fstat(old).st_size), 0)
                os.fsync(old)
        finally:
            if old is not None:
                os.close(old)


class KmsSigner:
    """Signs with one key of a Kms: the log's checkpoints, certificates."""

    def __init__(self, kms: Kms, name: str) -> None:
        self._kms = kms
        self._name = name
        self._public_key: bytes | None = None

    @property
    def public_key(self) -> bytes:
        """32 bytes (RFC 8032)."""
        if self._public_key is None:
            self._public_key = self._kms.public_key(self._name)
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._kms.sign(self._name, message)


def check_kms(path: Path) -> None:
    """Raises WrongSettings `kms-missing` where there is no such file: a home that exists does not open without."""
    if not path.exists():
        raise _missing(path)


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _gone(path: Path) -> KeyDestroyed:
    return KeyDestroyed(
        "key-destroyed",
        "the agency's own key was destroyed when it was erased, and it gets no other",
        where=path.name,
        next_step="Register whoever follows it under another name.",
    )


def _missing(path: Path) -> WrongSettings:
    return WrongSettings(
        "kms-missing",
        "the wrapping keys of this home are not here, and nothing in it opens without them",
        where=str(path),
        next_step="Bring its kms.key, which is kept apart from the backups, or name its place in TELLONCE_KMS.",
    )
