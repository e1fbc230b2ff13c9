"""Keys of people and days in memory, and messages of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

from adapters.sdk.adapter import Message
from adapters.sdk.outcome import MessageOutcome
from adapters.sdk.receipts import Part
from events.identity import SubjectKeys, subject_keys
from events.ids import SubjectId
from events.sealing import Cipher


class HeldKeys:
    """A key store in memory: whoever is `forgotten` has no keys any more."""

    def __init__(self) -> None:
        self._days: dict[str, bytes | None] = {}
        self._held: dict[SubjectId, SubjectKeys] = {}

    def begin(self) -> None:
        """No day has gone by yet."""
        self._days.clear()

    def of(self, who: str) -> SubjectKeys:
        """Keys of a record, the same each time."""
        secret = sha256(who.encode()).digest()
        keys = subject_keys(SubjectId(secret[:16]), secret)
        self._held[keys.subject] = keys
        return keys

    def forget(self, who: str) -> bytes:
        """Destroys a record's keys; its subject."""
        return self._held.pop(self.of(who).subject).subject

    def ciphers_of(self, agency: str, subjects: Iterable[SubjectId], retention: str) -> Mapping[SubjectId, Cipher]:
        assert retention == "raw"
        return {subject: self._held[subject].cipher for subject in subjects if subject in self._held}

    def intake_key(self, day: str) -> bytes | None:
        return self._days.setdefault(day, sha256(day.encode()).digest())

    def destroy_intake_keys(self, before: str) -> int:
        old = [day for day, key in self._days.items() if day < before and key is not None]
        self._days |= dict.fromkeys(old)
        return len(old)

    def token_key(self) -> bytes:
        return b"t" * 32


def parts_of(keys: HeldKeys, outcomes: Iterable[MessageOutcome], who: str = "somebody") -> list[Part]:
    """Plain messages for outcomes: what was accepted is about one record, the rest about nobody known."""
    parts = []
    for outcome in outcomes:
        message = Message(outcome.place, f"raw {outcome.place}".encode(), outcome.sender_id)
        owners = (keys.of(who),) if outcome.state.startswith("accepted") else ()
        parts.append(Part(message, owners))
    return parts
