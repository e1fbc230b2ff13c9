"""The worst that can arrive in place of a sample, the same at every run."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import Any

HUGE_BYTES = 3 << 20
DEEP = 100_000
_CUTS = 48
_SEED = 20240229


class Dribble(io.RawIOBase):
    """A stream that hands out a few bytes at a time, however many are asked for."""

    def __init__(self, content: bytes, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self._left = memoryview(content)
        self._sizes = sizes
        self._turn = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._sizes[self._turn % len(self._sizes)], len(self._left))
        self._turn += 1
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class HostileSource:
    """Yields, for a sample's bytes, what a broken or an evil sender makes of them: a name, and bytes."""

    def __init__(self, sample: bytes) -> None:
        self._sample = sample

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        yield from self._empty()
        yield from self._marked()
        yield from self._cut()
        yield from self._altered()
        yield from self._mixed()
        yield from self._huge()
        yield from _BOMBS

    def _empty(self) -> Iterator[tuple[str, bytes]]:
        yield "nothing", b""
        yield "blanks", b" \t\r\n" * 50
        yield "line ends", b"\n" * 50
        yield "one zero byte", b"\0"
        yield "zero bytes", bytes(5000)

    def _marked(self) -> Iterator[tuple[str, bytes]]:
        """Byte order marks and encodings that nobody asked for."""
        text = self._sample.decode("utf-8", "replace")
        yield "UTF-8 mark", b"\xef\xbb\xbf" + self._sample.removeprefix(b"\xef\xbb\xbf")
        yield "two UTF-8 marks", b"\xef\xbb\xbf\xef\xbb\xbf" + self._sample
        yield "a mark alone", b"\xef\xbb\xbf"
        yield "half a mark", b"\xef\xbb" + self._sample
        yield "UTF-16 with a mark", text.encode("utf-16")
        yield "UTF-16 without a mark", text.encode("utf-16-be")
        yield "UTF-32", text.encode("utf-32")
        yield "letters of Latin-1", self._sample.replace(b"e", b"\xe9")
        yield "half a letter of UTF-8", self._sample.replace(b"e", b"\xc3", 3)
        yield "lone surrogates", self._sample.replace(b"a", b"\xed\xa0\x80", 3)

    def _cut(self) -> Iterator[tuple[str, bytes]]:
        size = len(self._sample)
        for at in range(1, size, max(1, size // _CUTS)):
            yield f"cut off after {at} bytes", self._sample[:at]
        for at in range(1, size, max(1, size // 8)):
            yield f"beginning at byte {at}", self._sample[at:]

    def _altered(self) -> Iterator[tuple[str, bytes]]:
        rng = random.Random(_SEED)
        sample = self._sample
        for at in range(0, len(sample), max(1, len(sample) // _CUTS)):
            for sign in (b"\0", b"\xff", b'"', b"\r", bytes([rng.randrange(256)])):
                yield f"byte {at} is {sign!r}", sample[:at] + sign + sample[at + 1 :]
        for old, new in ((b"\n", b"\r\n"), (b"\n", b"\r"), (b"\r", b"\n"), (b"\n", b""), (b" ", b""), (b'"', b"")):
            yield f"{old!r} is {new!r}", sample.replace(old, new)
        yield "every digit a nine", bytes(57 if 48 <= byte <= 57 else byte for byte in sample)
        yield "capitals", sample.upper()
        yield "backwards", sample[::-1]
        yield "zero bytes between", sample.replace(b" ", b"\0")

    def _mixed(self) -> Iterator[tuple[str, bytes]]:
        rng = random.Random(_SEED + 1)
        half = len(self._sample) // 2
        yield "twice", self._sample * 2
        yield "into itself", self._sample[:half] + self._sample + self._sample[half:]
        pairs = zip(self._sample[:4096], self._sample[half : half + 4096], strict=False)
        yield "interleaved", bytes(byte for pair in pairs for byte in pair)
        yield "random bytes", rng.randbytes(20_000)
        yield "random bytes behind", self._sample + rng.randbytes(500)
        yield "random bytes before", rng.randbytes(500) + self._sample
        lines = self._sample.splitlines(keepends=True)
        rng.shuffle(lines)
        yield "lines shuffled", b"".join(lines)

    def _huge(self) -> Iterator[tuple[str, bytes]]:
        half = len(self._sample) // 2
        yield "a huge word within", self._sample[:half] + b"x" * HUGE_BYTES + self._sample[half:]
        yield "a huge number", b"9" * HUGE_BYTES
        yield "a huge line of quotes", b'"' * (HUGE_BYTES + 1)


_BOMBS = (
    ("doubled JSON keys", b'{"id":"1","id":"2"}'),
    ("NaN", b'{"id":NaN,"data":{"value":-Infinity}}'),
    ("numbers beyond all bounds", b'[{"id":1e999999,"n":' + b"9" * 400 + b"}]"),
    ("deep lists", b"[" * DEEP),
    ("deep objects", b'{"a":' * DEEP),
    ("deep and closed", b"[" * DEEP + b"]" * DEEP),
    ("null", b"null"),
    ("a text", b'"text"'),
    ("a list of everything", b'[null,1,"x",[],{},{"id":null},true,{"id":[]}]'),
    ("many keys", b"{" + b",".join(b'"k%d":1' % number for number in range(20_000)) + b"}"),
    ("escapes", b'{"id":"\\u0000\\ud800","type":"\\"}'),
    ("a document type", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ("formulas", b'=1+1,@SUM(1),+1,-1\n=HYPERLINK("x"),,,\n'),
    ("commas", b"," * 10_000),
    ("quotes that open and close", b'a","b\n' * 2_000),
    ("a segment", b"MSH|"),
    ("segments without fields", b"MSH\rPID\rPV1\r"),
    ("a message header of delimiters", b"MSH||||||||||||||||||\rPID|||||||||||||\r"),
)
