"""Under which keys receipts lie (docs/stored-bytes.md, "Receipts").

What arrives is sealed under a random key of its own, which lies wrapped under the intake key of its day. What is kept
of it once it was read is sealed part by part: under the keys of the records that a part tells of, or under the intake
key of the day where nobody could tell whose it is. Intake keys are destroyed after 30 days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import blake2s
from typing import NamedTuple, Protocol

from events.clock import Clock
from events.errors import TryAgainLater
from events.identity import derive
from events.ids import SubjectId
from events.sealing import NONCE_BYTES, SECRET_BYTES, TAG_BYTES, Cipher

KEPT_DAYS = 30
DAY_US = 86_400_000_000
PAD_BYTES = 256
WRAPPED_BYTES = NONCE_BYTES + SECRET_BYTES + TAG_BYTES
TOKEN_BYTES = 8
NO_TOKEN = bytes(TOKEN_BYTES)
_FIRST_DAY = date(1970, 1, 1).toordinal()
_KEY_LABEL = b"tellonce/receipt-key/1\0"


class ReceiptKeys(Protocol):
    """What receipts ask of the key store."""

    def intake_key(self, day: str) -> bytes | None:
        """The 32 bytes of a day (ISO, UTC), durable when returned; made at first sight, None once destroyed."""
        ...

    def destroy_intake_keys(self, before: str) -> int:
        """Destroys those of earlier days; how many there were."""
        ...

    def token_key(self) -> bytes:
        """The key of tokens that a sender's message ids are found by."""
        ...

    def ciphers_of(self, agency: str, subjects: Iterable[SubjectId], retention: str) -> Mapping[SubjectId, Cipher]:
        """The keys of many subjects in one class; those that were destroyed, or never made, are absent."""
        ...


class Tokens:
    """What a message is found by whose sender's id somebody knows: made with a key, and of no use without it."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = blake2s(key=key, digest_size=TOKEN_BYTES)  # keyed once: an HMAC takes five times as long

    def of(self, agency: str, sender_id: str | None) -> bytes:
        if sender_id is None:
            return NO_TOKEN
        digest = self._keyed.copy()
        digest.update(f"{agency}\0{sender_id}".encode("utf-8", "surrogatepass"))
        return digest.digest()


class DayKeys(NamedTuple):
    """What follows from the intake key of a day."""

    wrapping: Cipher  # of the keys of what arrived on it
    waiting: Cipher  # of messages that nobody could tell whose they are
    tokens: Tokens  # of their senders' ids


class Days:
    """Intake keys by day of receipt."""

    def __init__(self, keys: ReceiptKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[int, DayKeys] = {}

    def of(self, received_us: int) -> DayKeys | None:
        """The keys of what was received then; None once they were destroyed."""
        day = received_us // DAY_US
        known = self._known.get(day)
        if known is None:
            secret = self._keys.intake_key(iso_of(day))
            if secret is None:
                return None
            wrapping, waiting, tokens = derive(secret, b"receipt-keys/1", b"waiting-parts/1", b"message-ids/1")
            known = self._known[day] = DayKeys(Cipher(wrapping), Cipher(waiting), Tokens(tokens))
        return known

    def of_today(self, now_us: int) -> DayKeys:
        """The keys of what arrives. Raises TryAgainLater `clock-behind` where its day is long over."""
        found = self.of(now_us)
        if found is None:
            raise TryAgainLater(
                "clock-behind",
                "the clock says a day whose receipts have had their 30 days; nothing was stored",
                where="receipts",
                next_step="Set the machine's clock and send it again.",
            )
        return found

    def live(self) -> range:
        """The days, counted from 1970, whose keys are still there if anything came on them."""
        return range(self._oldest, self._today + 1)

    def destroy_old(self) -> int:
        """Destroys what has had its 30 days; the time from which on receipts still have their key."""
        oldest = self._oldest
        self._keys.destroy_intake_keys(iso_of(oldest))
        for day in [day for day in self._known if day < oldest]:
            del self._known[day]
        return oldest * DAY_US

    @property
    def _today(self) -> int:
        return self._clock() // DAY_US

    @property
    def _oldest(self) -> int:
        return self._today - KEPT_DAYS


def iso_of(day: int) -> str:
    """ISO date of a day counted from 1970."""
    return date.fromordinal(_FIRST_DAY + day).isoformat()


def gone_at_us(received_us: int) -> int:
    """When what was not understood of a receipt is gone: after 30 whole days."""
    return (received_us // DAY_US + KEPT_DAYS + 1) * DAY_US


def padded_bytes(size_bytes: int) -> int:
    """The next multiple of 256 above: what may be known of a length."""
    return (size_bytes // PAD_BYTES + 1) * PAD_BYTES


def sealed(cipher: Cipher, text: bytes, about: bytes) -> bytes:
    """Nonce, sealed text and tag in one piece."""
    nonce, rest = cipher.seal(text, about)
    return nonce + rest


def unsealed(cipher: Cipher, whole: bytes, about: bytes) -> bytes:
    """Raises DoesNotOpen."""
    return cipher.open(whole[:NONCE_BYTES], whole[NONCE_BYTES:], about)


def wrap(day: DayKeys, number: int, key: bytes) -> bytes:
    """A receipt's key under that of its day."""
    return sealed(day.wrapping, key, _KEY_LABEL + number.to_bytes(8, "big"))


def unwrap(day: DayKeys, number: int, wrapped: bytes) -> bytes:
    """Raises DoesNotOpen."""
    return unsealed(day.wrapping, wrapped, _KEY_LABEL + number.to_bytes(8, "big"))


def head_key_of(key: bytes) -> bytes:
    """What opens name and options of a receipt: it stands in each part, and tells nothing of the receipt's own key."""
    (head_key,) = derive(key, b"receipt-head/1")
    return head_key


def about_body(number: int) -> bytes:
    return b"tellonce/receipt-body/1\0%d" % number


def about_head(number: int) -> bytes:
    return b"tellonce/receipt-head/1\0%d" % number
