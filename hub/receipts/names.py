"""Receipt ids: `R-` and ten random characters; and quarantine numbers: `Q-` and at least four digits."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2s
from typing import NamedTuple

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_TO_PYTHON = str.maketrans(
    _CROCKFORD + "OIL", "0123456789abcdefghijklmnopqrstuv" + "011"
)  # int() reads base 32 with its own letters
_HALF_BITS = 25
_CHARACTERS = 10
_ROUNDS = 4
KEY_BYTES = 32
_TURNS = [bytes([turn]) for turn in range(_ROUNDS)]


class NameKey(NamedTuple):
    """The key of the receipts from a number on."""

    first: int
    key: bytes


class ReceiptNames:
    """Numbers to receipt ids and back: a secret permutation of 50 bits (a Feistel network).

    So ids look random, and a mistyped one names nothing; but they need no index, whose random pages would be what a
    receipt costs from half a million on. A home that was restored gives its numbers out again: under a new key, so
    that an id of before is not suddenly another message's.
    """

    def __init__(self, keys: Sequence[NameKey], half_bits: int = _HALF_BITS) -> None:
        self._keys = sorted(keys)
        self._keyed = {each.key: blake2s(key=each.key, digest_size=4) for each in keys}
        self._half_bits = half_bits
        self._mask = (1 << half_bits) - 1

    def name_of(self, number: int) -> str:
        """`R-` and ten characters of the Crockford alphabet."""
        code = self._permuted(self._key_of(number).key, number)
        return "R-" + "".join([_PAIRS[code >> shift & 1023] for shift in (40, 30, 20, 10, 0)])

    def numbers_of(self, name: str) -> list[int]:
        """What a receipt id as somebody typed it may mean: a number a key at most, of which at most one is stored."""
        text = name.strip().upper().removeprefix("R-")
        if len(text) != _CHARACTERS or any(character not in _CROCKFORD + "OIL" for character in text):
            return []
        code = int(text.translate(_TO_PYTHON), 32)
        numbers = [(each, self._unpermuted(each.key, code)) for each in reversed(self._keys)]
        return [number for each, number in numbers if self._key_of(number) is each]

    def is_clear(self, number: int) -> bool:
        """Whether no older receipt has the id that this number would have."""
        return len(self._keys) == 1 or all(
            self._key_of(self._unpermuted(each.key, self._permuted(self._keys[-1].key, number))) is not each
            for each in self._keys[:-1]
        )

    def _key_of(self, number: int) -> NameKey:
        found = self._keys[0]
        for each in self._keys:
            if each.first <= number:
                found = each
        return found

    def _permuted(self, key: bytes, number: int) -> int:
        left, right = number >> self._half_bits, number & self._mask
        for turn in range(_ROUNDS):
            left, right = right, left ^ self._mixed(key, turn, right)
        return left << self._half_bits | right

    def _unpermuted(self, key: bytes, code: int) -> int:
        left, right = code >> self._half_bits, code & self._mask
        for turn in range(_ROUNDS - 1, -1, -1):
            left, right = right ^ self._mixed(key, turn, left), left
        return left << self._half_bits | right

    def _mixed(self, key: bytes, turn: int, half: int) -> int:
        digest = self._keyed[key].copy()  # keyed once: that is half of the work
        digest.update(half.to_bytes(4, "big") + _TURNS[turn])
        return int.from_bytes(digest.digest(), "big") & self._mask


def quarantine_name(number: int) -> str:
    return f"Q-{number:04d}"


def quarantine_number(name: str) -> int | None:
    """The number of `Q-0031`, `q-31` or `31`, or None."""
    digits = name.strip().upper().removeprefix("Q-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
