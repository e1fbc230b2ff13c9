"""Cuts events out of a stream of JSON without trusting it: one event, a batch, or an event a line.

A batch is cut at its guessed separators (`},{"<the first event's first key>"`); a guess counts only if brackets match
before it and never did earlier, which makes it exact: no object begins with another whole object. Where the guess
fails, brackets are counted one by one. Parsing a batch to cut it would take twice as long, and forget doubled keys.

Whatever comes, the work grows with its bytes: what was searched is not searched again, and a batch that breaks its
events on purpose loses the benefit of the doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import orjson

from adapters.cloudevents.ahead import Ahead
from adapters.cloudevents.brackets import GOES_ON, MISMATCHED, TOO_DEEP, Brackets, is_one_value, past
from adapters.sdk.adapter import Finding, Message
from adapters.sdk.window import Window
from events.canonical import DEPTH_MAX, SIZE_MAX_BYTES

# A faulty part is kept only so far: enough to look at; the receipt holds the whole.
HEAD_BYTES = 1 << 14
TRUNCATED, TOO_LARGE, NESTED, TRAILING = "truncated", "too-large", "too-deep", "trailing-bytes"

_WHY = {
    TRUNCATED: "the file ends before this event does; send the rest, or all of it again",
    TOO_LARGE: f"one event may have {SIZE_MAX_BYTES} bytes at most; send documents by reference",
    NESTED: f"JSON may be nested {DEPTH_MAX} deep at most",
    TRAILING: "this is neither an event nor a batch; check the file with any JSON validator",
}
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_BETWEEN = re.compile(rb"[ \t\r\n,]*+")
_OPENINGS = re.compile(rb"[ \t\r\n\[{]*+")
_FIRST_KEY = re.compile(rb'\{[ \t\r\n]*+("(?:[^"\\]|\\.){0,256}+")', re.DOTALL)
# An id before which only plain texts stand is surely the event's own.
_ID = re.compile(rb'\s*+\{(?:\s*+"[a-z0-9]++"\s*+:\s*+"[^"\\]*+"\s*+,)*?\s*+"id"\s*+:\s*+"([ !#-\[\]-~]++)"')
_AFTER_STRAY = (ord(","), ord("}"))  # after these, a bracket was not the end of the batch
_GUESS_BYTES = 8_192
# A broken event is counted to its limit before it is cut at the next separator, which lies short of that: so much may
# be counted in vain, and so much more for every byte that was taken.
_IN_VAIN_BYTES = 2 * SIZE_MAX_BYTES
_IN_VAIN_PER_BYTE = 4
_DOUBTED_BYTES = 128


class _Separator:
    """What probably stands between a batch's events, and how each of them probably begins."""

    __slots__ = ("between", "distrusted", "event")

    def __init__(self, window: Window, key: bytes) -> None:
        between, event = _patterns(key)
        self.between = Ahead(window, between, b"}")
        self.event = Ahead(window, event, b"{")
        self.distrusted = -1  # where in the stream a separator stood inside an event


class Cutter:
    """Cuts a stream into messages, in their order."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._number = 0
        self._judged_to = 0  # the end of a line that was found to be part of a document
        self._in_vain = 0  # bytes that were counted, and then not taken

    def messages(self) -> Iterator[Message]:
        """Every event, batch element or line; nothing at all where the stream is blank."""
        while (first := self._next_byte(_BLANKS)) is not None:
            if first == ord("["):
                yield from self._array()
            elif first == ord("{"):
                yield from self._lines_or_document()
            else:
                line = self._window.line(HEAD_BYTES)
                yield self._faulty(line[0] if line else b"", TRAILING)

    def _next_byte(self, blanks: re.Pattern[bytes]) -> int | None:
        window = self._window
        while True:
            window.at = past(blanks, window.buffer, window.at)
            if window.at < len(window.buffer):
                return window.buffer[window.at]
            if not window.more():
                return None

    def _message(self, raw: bytes) -> Message:
        self._number += 1
        return Message(str(self._number), raw, sender_id_of(raw))

    def _faulty(self, raw: bytes, code: str) -> Message:
        self._number += 1
        place = str(self._number)
        return Message(place, raw[:HEAD_BYTES], None, Finding(code, f"event {place}", _WHY[code]))

    # ---- an event a line, or one event over many lines

    def _lines_or_document(self) -> Iterator[Message]:
        if self._is_document():
            yield self._counted(None)
            return
        while self._next_byte(_BLANKS) == ord("{") and (line := self._window.line(SIZE_MAX_BYTES)):
            yield self._faulty(line[0], TOO_LARGE) if line[1] else self._message(line[0].rstrip())

    def _is_document(self) -> bool:
        """True where the first line is no whole object and the second does not begin with one."""
        window = self._window
        if window.behind + window.at < self._judged_to:
            return True
        while (end := window.buffer.find(b"\n", window.at)) < 0 and window.size_bytes <= SIZE_MAX_BYTES:
            if not window.more():
                break
        if end < 0 or is_one_value(window.buffer[window.at : end].rstrip()):
            return False
        second = past(_BLANKS, window.buffer, end)
        if window.buffer[second : second + 1] == b"{":
            return False
        self._judged_to = window.behind + end
        return True

    # ---- a batch

    def _array(self) -> Iterator[Message]:
        self._window.at += 1
        separator: _Separator | None = None
        bound = _GUESS_BYTES
        while (first := self._next_byte(_BETWEEN)) is not None:
            if first == ord("]"):
                self._window.at += 1
                if self._next_byte(_BLANKS) not in _AFTER_STRAY:
                    return
                continue
            separator = separator or self._separator()
            if separator is not None:
                yield from self._guessed(separator, bound)
            message = self._counted(separator)
            bound = max(_GUESS_BYTES, 4 * len(message.raw))
            yield message
            if message.fault is not None and message.fault.code == TRUNCATED:
                return
        yield self._faulty(b"", TRUNCATED)

    def _separator(self) -> _Separator | None:
        """A closing brace, a comma, and a brace with the first event's first key."""
        window = self._window
        if window.size_bytes < _GUESS_BYTES:
            window.more()
        found = _FIRST_KEY.match(window.buffer, window.at)
        return _Separator(window, found[1]) if found else None

    def _guessed(self, separator: _Separator, bound: int) -> Iterator[Message]:
        """Events as long as a separator is found where one is guessed, and what lies before it is one value."""
        window, search, new = self._window, separator.between.next, self._message
        while True:
            at = window.at
            found = search(at, at + bound)
            if found is None:
                if window.size_bytes < bound and window.more():
                    continue
                return
            start, end = found
            raw = window.buffer[at : start + 1]
            place = window.behind + start
            if place == separator.distrusted or not is_one_value(raw):
                separator.distrusted = place
                return
            window.at = end
            yield new(raw)

    def _counted(self, separator: _Separator | None) -> Message:
        """The value at the window's beginning, by its brackets; where they do not match, up to the next separator."""
        window, brackets = self._window, Brackets()
        reach = self._reach()
        end, state = brackets.feed(window.buffer, window.at, window.at + reach)
        while state == GOES_ON:
            read = end - window.at
            if read > SIZE_MAX_BYTES:
                return self._resumed(separator, read, read) or self._dropped(brackets, end)
            if window.size_bytes > reach:
                if message := self._resumed(separator, reach, read):
                    return message
                reach *= 2
            elif not window.more():
                end = len(window.buffer)
                return self._resumed(separator, read, read) or self._faulty(window.take(end), TRUNCATED)
            end, state = brackets.feed(window.buffer, window.at + read, window.at + reach)
        read = end - window.at
        if state == TOO_DEEP:
            return self._resumed(separator, SIZE_MAX_BYTES, read) or self._sought(separator)
        if state == MISMATCHED:
            if message := self._resumed(separator, read if self._ends_array(end) else SIZE_MAX_BYTES, read):
                return message
            end = window.at + read  # looking for a separator may have moved the window
        end = max(end, window.at + 1)  # a bracket that closes nothing is a part of its own
        return self._message(window.take(end).rstrip())

    def _reach(self) -> int:
        """How far to count before the next separator is believed to end a broken event."""
        allowed = _IN_VAIN_BYTES + _IN_VAIN_PER_BYTE * (self._window.behind + self._window.at)
        return 2 * SIZE_MAX_BYTES if self._in_vain < allowed else _DOUBTED_BYTES

    def _ends_array(self, at: int) -> bool:
        """Whether a closing bracket looks like the end of the batch, and not like one astray in an event."""
        buffer = self._window.buffer
        after = past(_BLANKS, buffer, at + 1)
        return buffer[at : at + 1] == b"]" and (after == len(buffer) or b"\n" in buffer[at:after])

    def _resumed(self, separator: _Separator | None, within: int, read: int) -> Message | None:
        """A broken event up to the next one; None if it holds events itself, lest one inside be taken for its own."""
        window = self._window
        if separator is None:
            return None
        while window.size_bytes < within and window.more():
            pass
        found = separator.between.next(window.at, window.at + within)
        inside = past(_OPENINGS, window.buffer, window.at)
        if found is None or separator.event.next(inside, found[0]):
            return None
        raw = window.buffer[window.at : found[0] + 1]
        self._in_vain += max(0, read - len(raw))
        window.at = found[1]
        return self._message(raw)

    def _sought(self, separator: _Separator | None) -> Message:
        """The head of something bottomless; the rest of it, up to the next separator, is read and dropped."""
        window = self._window
        head = window.buffer[window.at : window.at + HEAD_BYTES]
        while True:
            found = separator.between.next(window.at, len(window.buffer)) if separator else None
            window.at = found[1] if found else max(window.at, len(window.buffer) - _GUESS_BYTES)
            if found or not window.more():
                break
        if not found:
            window.at = len(window.buffer)
        return self._faulty(head, NESTED)

    def _dropped(self, brackets: Brackets, end: int) -> Message:
        """The head of a value beyond the limit; the rest of it is read and dropped."""
        window = self._window
        head = window.buffer[window.at : window.at + HEAD_BYTES]
        state = GOES_ON
        while state == GOES_ON:
            window.at = end
            if not window.more():
                end = len(window.buffer)
                break
            end, state = brackets.feed(window.buffer, 0, len(window.buffer))
        window.at = end
        return self._faulty(head, TOO_LARGE)


@lru_cache(maxsize=64)
def _patterns(key: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Of the separator, and of an event's beginning."""
    event = rb"\{[ \t\r\n]*+" + re.escape(key) + rb"[ \t\r\n]*+:"
    return re.compile(rb"\}[ \t\r\n]*+,[ \t\r\n]*+(?=" + event + rb")"), re.compile(event)


def sender_id_of(raw: bytes) -> str | None:
    """The `id` of an event's bytes, if there is one to be read."""
    found = _ID.match(raw)
    if found is not None:
        return found[1].decode("ascii")
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    own = parsed.get("id") if isinstance(parsed, dict) else None
    return own if isinstance(own, str) and own else None
