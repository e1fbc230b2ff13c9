"""Counts equal keys of a file of any length in 16 bytes a key."""

from __future__ import annotations

from array import array


class Ordinals:
    """How often a key came before, for millions of keys: open addressing in a flat array.

    Keys are told apart by 64 bits of their hash. A collision (one in 10^6 for 6 million keys) gives one row an
    ordinal too high, which makes a re-sent row new instead of known; nothing is lost.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 1024))
        self._used = 0
        self._again: dict[int, int] = {}

    def next_of(self, key: bytes | str | tuple[str, ...]) -> int:
        """0 for a key's first time, 1 for its second, and so on.

        Keys are of one kind: a text hashes as its bytes do.
        """
        code = hash(key) & 0xFFFF_FFFF_FFFF_FFFF or 1
        at = self._find(self._slots, code)
        if self._slots[at] == code:
            self._again[code] = self._again.get(code, 0) + 1
            return self._again[code]
        self._slots[at] = code
        self._used += 1
        if self._used * 2 > len(self._slots):
            self._grow()
        return 0

    def resume_at(self, key: bytes | str | tuple[str, ...], ordinal: int) -> None:
        """Counts a key as one that was given this ordinal before: the next one is above it."""
        if self.next_of(key) < ordinal:
            self._again[hash(key) & 0xFFFF_FFFF_FFFF_FFFF or 1] = ordinal

    @staticmethod
    def _find(slots: array[int], code: int) -> int:
        mask = len(slots) - 1
        at = code & mask
        while slots[at] and slots[at] != code:
            at = (at + 1) & mask
        return at

    def _grow(self) -> None:
        bigger = array("Q", bytes(16 * len(self._slots)))
        for code in self._slots:
            if code:
                bigger[self._find(bigger, code)] = code
        self._slots = bigger
