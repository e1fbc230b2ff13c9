"""The agencies' keys: wrapped by the Kms, and what every secret of an agency is wrapped with."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import apsw

from events.errors import BrokenKey
from events.sealing import SECRET_BYTES, Cipher, DoesNotOpen, SecretName, unwrap
from hub.vault.kms import KeyDestroyed, Kms
from hub.vault.tables import EMPTY, FIRST_GENERATION, text_of

_PREFIX = "agency/"
_ALL = (
    "SELECT CAST(agency AS BLOB), CAST(generation AS INTEGER), CAST(wrapped AS BLOB) FROM agency_keys "
    "ORDER BY generation"
)


class AgencyKeys:
    """Agencies' keys by generation; `keys rotate` adds one and empties those before. For any thread."""

    def __init__(self, reader: apsw.Connection, kms: Kms, random: Callable[[int], bytes] = os.urandom) -> None:
        self._reader = reader
        self._kms = kms
        self._random = random
        self._loading = threading.Lock()
        self._ciphers: dict[tuple[str, int], Cipher | None] = {}  # None: emptied, nothing is wrapped with it any more
        self._newest: dict[str, int] = {}

    def cipher(self, agency: str, generation: int) -> Cipher | None:
        """The key of a generation; None where it was destroyed. Raises BrokenKey where it never was."""
        if (agency, generation) not in self._ciphers:
            self.load()
        try:
            return self._ciphers[agency, generation]
        except KeyError:
            raise broken_key("a secret is wrapped with an agency's key that is not stored") from None

    def newest(self, agency: str) -> tuple[int, Cipher] | None:
        """The generation that new secrets are wrapped with; None for an agency that has no key yet."""
        generation = self._newest.get(agency, 0)
        cipher = self._ciphers.get((agency, generation))
        return None if cipher is None else (generation, cipher)

    def load(self) -> None:
        """Reads what is stored and not known yet. Raises as Kms.unwrap does."""
        with self._loading:
            rows: list[Any] = self._reader.execute(_ALL).fetchall()
            for stored, generation, wrapped in rows:
                agency = text_of(stored)
                self._newest[agency] = generation
                if wrapped == EMPTY:
                    self._ciphers[agency, generation] = None
                elif (agency, generation) not in self._ciphers:
                    self._ciphers[agency, generation] = self._opened(agency, wrapped)

    def _opened(self, agency: str, wrapped: bytes) -> Cipher | None:
        try:
            return Cipher(self._kms.unwrap(kms_name(agency), wrapped))
        except KeyDestroyed:
            return None  # a key store from before the agency was erased

    def make(self, db: apsw.Connection, agency: str) -> tuple[int, Cipher]:
        """A key of the next generation, stored in the open transaction; to be `adopt`ed once that is durable."""
        key = self._random(SECRET_BYTES)
        generation = self._newest.get(agency, FIRST_GENERATION - 1) + 1
        wrapped = self._kms.wrap(kms_name(agency), key)
        db.execute(
            "INSERT INTO agency_keys(agency, generation, wrapped) VALUES(?, ?, ?)", (agency, generation, wrapped)
        )
        return generation, Cipher(key)

    def renew(self, agency: str, now_us: int) -> None:
        """The agency's next key gets a wrapping key of its own."""
        self._kms.renew(kms_name(agency), now_us)

    def adopt(self, agency: str, generation: int, cipher: Cipher) -> None:
        self._ciphers[agency, generation] = cipher
        self._newest[agency] = generation


def kms_name(agency: str) -> str:
    return f"{_PREFIX}{agency}"


def destroyed_agencies(kms: Kms) -> list[str]:
    """Agencies whose own key was destroyed."""
    return [name.removeprefix(_PREFIX) for name in kms.destroyed() if name.startswith(_PREFIX)]


def opened_secret(cipher: Cipher, agency: str, subject: bytes, retention: str, key_id: bytes, wrapped: bytes) -> bytes:
    """A secret of the key store. Raises BrokenKey."""
    try:
        return unwrap(cipher, SecretName(agency, subject, retention, key_id), wrapped)
    except (DoesNotOpen, ValueError) as error:  # no name is as long as one that somebody wrote may be
        raise broken_key("a stored secret does not open, or is not the one that its key id names") from error


def broken_key(what: str) -> BrokenKey:
    return BrokenKey(
        "broken-key",
        what,
        where="keys.sqlite",
        next_step="The key store was damaged: restore it from a backup.",
    )
