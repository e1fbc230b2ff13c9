"""Identifiers in the form that each agency uses, all of them from ranges that belong to nobody."""

from __future__ import annotations

from random import Random

# 999 000 0000 to 999 999 9999 are kept for tests.
NHS_TEST_RANGE = "999"
NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def with_check_digit(nine: str) -> str | None:
    """The NHS number of nine digits, or None where the check digit would be 10 and no number exists."""
    check = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return None if check == 10 else f"{nine}{check % 11}"


def nhs_numbers(rng: Random, count: int) -> list[str]:
    """That many different numbers of the test range with right check digits."""
    found: dict[str, None] = {}
    while len(found) < count:
        number = with_check_digit(f"{NHS_TEST_RANGE}{rng.randrange(1_000, 1_000_000):06d}")
        if number is not None:
            found[number] = None
    return list(found)


def mistyped(number: str, rng: Random) -> str:
    """The number with two neighbouring digits swapped, still in the test range: its check digit is wrong now."""
    at = rng.choice([at for at in range(3, 8) if number[at] != number[at + 1]])
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def unique_pupil_number(serial: int, entry_year: int) -> str:
    """A UPN of the invented authority 000: check letter, authority, school, year of entry, serial."""
    digits = f"000{4000 + serial % 7:04d}{entry_year % 100:02d}{serial:03d}"
    total = sum(int(digit) * weight for weight, digit in enumerate(digits, 2))
    return _UPN_LETTERS[total % 23] + digits
