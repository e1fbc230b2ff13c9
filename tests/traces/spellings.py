"""Every way in which a word may stand in bytes: whoever looks for what was erased must not miss one.

A mark is looked for in the bytes as they are and squeezed (without zeros and without blanks between digits, which finds
UTF-16, UTF-32 and `999 000 0018`), with ASCII in lower case, so that few spellings cover many.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

_BETWEEN_DIGITS = re.compile(rb"(?<=[0-9])(?:[ ./-]|%20|\\u0020)+(?=[0-9])")
_SHORTEST = 6  # a shorter mark would be found where nobody put it
_BYTES_OF_A_NUMBER = range(5, 9)  # fewer are found by chance


class Found(NamedTuple):
    mark: str
    spelling: str


class Marks:
    """Words that belong to one person alone, to be looked for."""

    def __init__(self, *marks: str) -> None:
        for mark in marks:
            if len(mark) < _SHORTEST:
                raise ValueError("a mark of fewer than six characters would be found where nobody put it")
        self._marks = marks
        self._folded: dict[bytes, Found] = {}  # looked for in lower case
        self._exact: dict[bytes, Found] = {}
        for mark in marks:
            self._spell(mark)

    def _spell(self, mark: str) -> None:
        for text in _written(mark):
            for spelling, sought in _folded(text):
                self._folded.setdefault(sought.lower(), Found(mark, spelling))
            for spelling, sought in _base64(text):
                self._exact.setdefault(sought, Found(mark, spelling))
        for spelling, sought in _as_number(mark):
            self._exact.setdefault(sought, Found(mark, spelling))

    def found_in(self, content: bytes) -> set[Found]:
        """Which of them stand there, and how."""
        folded = content.lower()
        squeezed = _BETWEEN_DIGITS.sub(b"", folded.replace(b"\0", b""))
        found = {each for sought, each in self._folded.items() if sought in folded}
        found |= {each._replace(spelling="squeezed") for sought, each in self._folded.items() if sought in squeezed}
        return found | {each for sought, each in self._exact.items() if sought in content}

    @property
    def words(self) -> tuple[str, ...]:
        return self._marks


def _written(mark: str) -> set[str]:
    """A mark in its cases and in both forms that Unicode has for letters with accents."""
    cases = {mark, mark.lower(), mark.upper(), mark.title(), mark.casefold(), mark.swapcase()}
    return {unicodedata.normalize(form, text) for text in cases for form in ("NFC", "NFD")}


def _folded(text: str) -> Iterator[tuple[str, bytes]]:
    utf8 = text.encode()
    yield "utf-8", utf8
    yield "latin-1", text.encode("latin-1", "replace")
    for encoding in ("utf-16-le", "utf-16-be"):
        yield encoding, text.encode(encoding)
        yield f"hex of {encoding}", text.encode(encoding).hex().encode()
    yield "hex", utf8.hex().encode()
    yield "hex with blanks", utf8.hex(" ").encode()
    yield "hex with colons", utf8.hex(":").encode()
    yield "json escapes", "".join(f"\\u{ord(each):04x}" for each in text).encode()
    yield "json", "".join(each if each.isascii() else f"\\u{ord(each):04x}" for each in text).encode()
    yield "url", quote(text).encode()
    yield "xml", "".join(each if each.isascii() else f"&#{ord(each)};" for each in text).encode()


def _base64(text: str) -> Iterator[tuple[str, bytes]]:
    """What any base64 of a text that holds it shows of it, wherever it begins in a group of three."""
    for name, raw in (("base64", text.encode()), ("base64 of utf-16", text.encode("utf-16-le"))):
        for before in range(3):
            whole = base64.b64encode(bytes(before) + raw)
            begin, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
            yield name, whole[begin:end]
            yield name, whole[begin:end].translate(bytes.maketrans(b"+/", b"-_"))


def _as_number(mark: str) -> Iterator[tuple[str, bytes]]:
    """A number as a database packs it."""
    if mark.isascii() and mark.isdigit() and len(mark) >= 10:
        for size in _BYTES_OF_A_NUMBER:
            if int(mark) < 1 << (8 * size):
                yield "packed number", int(mark).to_bytes(size, "big")
                yield "packed number", int(mark).to_bytes(size, "little")
