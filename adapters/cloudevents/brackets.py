"""Where a JSON value ends, told by its brackets alone."""

from __future__ import annotations

import re
import sys
from functools import lru_cache

from events.canonical import DEPTH_MAX

_NO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)
_NO_END = re.compile(rb'[^"\[\]{},]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{},]*+)*+', re.DOTALL)
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_NO_SIGN = bytes(set(range(256)) - set(b'"[]{}'))
_OPENING = {ord("}"): ord("{"), ord("]"): ord("[")}
_SHAPE_MAX_BYTES = 512
# Far deeper than any event may be: no use in counting on.
HOPELESS_DEPTH = 4096
GOES_ON, ENDED, MISMATCHED, TOO_DEEP = range(4)


def past(pattern: re.Pattern[bytes], chunk: bytes, at: int, until: int = sys.maxsize) -> int:
    """Where a match that begins here ends; here, if there is none."""
    found = pattern.match(chunk, at, until)
    return found.end() if found else at


def is_one_value(raw: bytes) -> bool:
    """True where brackets match at the last byte and not before; False also where strings or depth make it hard."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    shape = raw.translate(None, _NO_SIGN)
    return _is_one(shape) if len(shape) <= _SHAPE_MAX_BYTES else _is_one.__wrapped__(shape)


@lru_cache(maxsize=4096)  # events of one type have one shape: looking it up takes a tenth of working it out
def _is_one(shape: bytes) -> bool:
    # Of a string that holds a bracket a quote is left over: those before the bracket are odd in number.
    shape = shape.replace(b'""', b"")
    if shape[:1] + shape[-1:] not in (b"{}", b"[]") or b'"' in shape:
        return False
    inside = shape[1:-1]
    for _ in range(DEPTH_MAX):  # a turn peels a level off; what is deeper is refused anyway, and not worth more turns
        if (fewer := inside.replace(b"{}", b"").replace(b"[]", b"")) == inside:
            break
        inside = fewer
    return not inside


class Brackets:
    """Counts brackets through a value that comes in pieces."""

    __slots__ = ("_in_string", "_open")

    def __init__(self) -> None:
        self._open = bytearray()
        self._in_string = False

    def feed(self, chunk: bytes, at: int, until: int) -> tuple[int, int]:
        """Where reading stopped, and whether the value goes on, ended there, or has brackets that do not match."""
        until = min(until, len(chunk))
        while True:
            if self._in_string:
                at = past(_IN_STRING, chunk, at, until)
                if chunk[at : at + 1] != b'"':
                    return at, GOES_ON
                self._in_string = False
                at += 1
            at = past(_NO_BRACKET if self._open else _NO_END, chunk, at, until)
            if at >= until:
                return at, GOES_ON
            taken, state = self._step(chunk[at])
            at += taken
            if state != GOES_ON:
                return at, state

    def _step(self, character: int) -> tuple[int, int]:
        """After a bracket, quote or comma: whether it belongs to the value, and what becomes of that."""
        if character == ord('"'):
            self._in_string = True
        elif character in b"{[":
            self._open.append(character)
            return 1, TOO_DEEP if len(self._open) > HOPELESS_DEPTH else GOES_ON
        elif not self._open:
            return 0, ENDED  # a comma or the array's own end
        elif self._open[-1] != _OPENING[character]:
            return int(character == ord("}")), MISMATCHED
        else:
            self._open.pop()
            return 1, GOES_ON if self._open else ENDED
        return 1, GOES_ON


def is_whole(raw: bytes) -> bool:
    """True where a value begins at the first byte and ends at the last, also with strings that hold brackets."""
    if raw[-1:] not in (b"}", b"]"):
        return False
    return is_one_value(raw) or Brackets().feed(raw, 0, len(raw)) == (len(raw), ENDED)
