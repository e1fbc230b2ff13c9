"""Receipt ids: `R-` and ten random characters; and quarantine numbers: `Q-` and at least four digits."""

from __future__ import annotations

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_TO_PYTHON = str.maketrans(
    _CROCKFORD + "OIL", "0123456789abcdefghijklmnopqrstuv" + "011"
)  # int() reads base 32 with its own letters
_BITS = 50
_CHARACTERS = 10
RANDOM_BYTES = 7


def new_receipt_code(random: bytes) -> int:
    """50 bits of seven random bytes."""
    return int.from_bytes(random, "big") & ((1 << _BITS) - 1)


def receipt_name(code: int) -> str:
    """`R-` and ten characters of the Crockford alphabet."""
    return "R-" + "".join([_PAIRS[code >> shift & 1023] for shift in (40, 30, 20, 10, 0)])


def receipt_code(name: str) -> int | None:
    """The bits of a receipt id as somebody typed it, or None."""
    text = name.strip().upper().removeprefix("R-")
    if len(text) != _CHARACTERS or any(character not in _CROCKFORD + "OIL" for character in text):
        return None
    return int(text.translate(_TO_PYTHON), 32)


def quarantine_name(number: int) -> str:
    return f"Q-{number:04d}"


def quarantine_number(name: str) -> int | None:
    """The number of `Q-0031`, `q-31` or `31`, or None."""
    digits = name.strip().upper().removeprefix("Q-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
