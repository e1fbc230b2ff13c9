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
_NUMBER = "#"  # between a name and the number of its key, from the second one on


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

    def renew(self, name: str, now_us: int) -> None:
        """From here on this name wraps with another key; those before still open what they wrapped. Durable."""
        ...

    def rewrapped(self, name: str, wrapped: bytes) -> bytes | None:
        """The same under the newest key of this name; None where it is so already. Raises as `unwrap`."""
        ...

    def retire(self, before_us: int) -> list[str]:
        """Destroys the keys, of all names, that were replaced before a moment; which they were. Durable."""
        ...

    def destroy(self, name: str) -> None:
        """Whatever was wrapped under this name stays closed for ever; durable, and nothing new where it is done."""
        ...

    def destroyed(self) -> list[str]:
        """The names of all that was destroyed."""
        ...


class LocalKms:
    """Keys in a file of its owner's alone, durable before the first use of each. For any thread.

    The second wrapping key of a name stands under `<name>#2`, and so on; one process at a time makes keys.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changing = threading.Lock()
        self._keys: dict[str, dict[str, str]] = {"wrapping": {}, "signing": {}}
        self._replaced: dict[str, int] = {}  # wrapping keys that wrap nothing new, and since when
        self._destroyed: set[str] = set()
        self._read()

    def wrap(self, name: str, secret: bytes) -> bytes:
        with self._changing:
            key = self._key("wrapping", next(iter(self._generations(name)), name))
        return b"".join(Cipher(key).seal(secret, _LABEL + name.encode()))

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        found = self._opened(name, wrapped)
        if found is None:
            with self._changing:
                self._read()  # another process may have made it
            found = self._opened(name, wrapped)
        if name in self._destroyed:
            raise _gone(self.path)
        if found is not None:
            return found[1]
        raise _differs(self.path) if self._generations(name) else _missing(self.path)

    def _opened(self, name: str, wrapped: bytes) -> tuple[str, bytes] | None:
        """What is wrapped, and by which of a name's keys; None where none of them opens it."""
        nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        for each in self._generations(name):
            try:
                key = bytes.fromhex(self._keys["wrapping"][each])
                return each, Cipher(key).open(nonce, sealed, _LABEL + name.encode())
            except (DoesNotOpen, KeyError):  # retired just now
                continue
        return None

    def _generations(self, name: str) -> list[str]:
        """A name's wrapping keys, the newest first."""
        found = [each for each in list(self._keys["wrapping"]) if each.partition(_NUMBER)[0] == name]
        return sorted(found, key=_number_of, reverse=True)

    def renew(self, name: str, now_us: int) -> None:
        with self._changing:
            if found := self._generations(name):
                self._replaced[found[0]] = now_us
                try:
                    self._key("wrapping", f"{name}{_NUMBER}{_number_of(found[0]) + 1}")
                except BaseException:
                    del self._replaced[found[0]]
                    raise

    def rewrapped(self, name: str, wrapped: bytes) -> bytes | None:
        secret = self.unwrap(name, wrapped)
        found = self._opened(name, wrapped)
        return None if found is not None and found[0] not in self._replaced else self.wrap(name, secret)

    def retire(self, before_us: int) -> list[str]:
        with self._changing:
            gone = sorted(name for name, at_us in self._replaced.items() if at_us < before_us)
            for name in gone:
                del self._replaced[name]
                self._keys["wrapping"].pop(name, None)
            if gone:
                self._write()
        return gone

    def sign(self, name: str, message: bytes) -> bytes:
        return self._signing(name).sign(message)

    def public_key(self, name: str) -> bytes:
        return self._signing(name).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def destroy(self, name: str) -> None:
        with self._changing:
            if name not in self._destroyed:
                self._destroyed.add(name)
                for each in self._generations(name):
                    del self._keys["wrapping"][each]
                    self._replaced.pop(each, None)
                self._keys["signing"].pop(name, None)
                self._write()

    def destroyed(self) -> list[str]:
        return sorted(self._destroyed)

    def _signing(self, name: str) -> Ed25519PrivateKey:
        with self._changing:
            return Ed25519PrivateKey.from_private_bytes(self._key("signing", name))

    def _key(self, kind: str, name: str) -> bytes:
        """A key, made at first use; under the lock."""
        if name.partition(_NUMBER)[0] in self._destroyed:
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
            told: dict[str, Any] = json.loads(_read_whole(self.path))
            if told["format"] != _FORMAT:
                raise ValueError
            self._keys = {kind: dict(told[kind]) for kind in ("wrapping", "signing")}
            self._replaced = {name: int(at_us) for name, at_us in told.get("replaced", {}).items()}
            self._destroyed = set(told.get("destroyed", ()))
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, AttributeError) as error:
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
            beside = {"replaced": self._replaced, "destroyed": self.destroyed()}
            told = {"format": _FORMAT, **self._keys, **{name: each for name, each in beside.items() if each}}
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


def _read_whole(path: Path) -> bytes:
    """The file that stands there once it is read: one that was replaced meanwhile may be overwritten already."""
    while True:
        with path.open("rb") as file:
            content = file.read()
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return content


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _number_of(name: str) -> int:
    return int(name.partition(_NUMBER)[2] or 1)


def _differs(path: Path) -> WrongSettings:
    return WrongSettings(
        "kms-differs",
        "its keys are not those that the key store was wrapped with",
        where=path.name,
        next_step="Bring the kms.key of this home, or name its place in TELLONCE_KMS: the newest copy of it, or for a "
        "backup of more than 30 days one of its time.",
    )


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
