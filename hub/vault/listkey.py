"""The key with which a hub signs the lines of its list of erasures: who has no `kms.key` writes none that counts."""

from __future__ import annotations

import hashlib
import hmac
import threading

from hub.vault.kms import LOG_KEY, Kms

_LABEL = b"tellonce/erasures/1\0"


class ListKey:
    """HMAC-SHA-256 under a key that stands in no file.

    It is made of the log key's signature of a label, which nobody is ever shown: every copy of `kms.key` leads to it,
    the oldest too, and so does a restore on another machine. Nothing is asked of the Kms before the first line.
    """

    def __init__(self, kms: Kms) -> None:
        self._kms = kms
        self._making = threading.Lock()
        self._key = b""

    def mac(self, digest: bytes) -> bytes:
        """Of the running hash of a line: all that it and the lines before it say."""
        with self._making:
            if not self._key:
                self._key = hashlib.sha256(_LABEL + self._kms.sign(LOG_KEY, _LABEL)).digest()
        return hmac.digest(self._key, _LABEL + digest, "sha256")

    def fits(self, digest: bytes, mac: bytes) -> bool:
        return hmac.compare_digest(self.mac(digest), mac)
