"""Cuts events out of a stream of JSON without trusting it: one event, a batch, or an event a line.

A batch is cut at its guessed separators (`},{"<the first event's first key>"`); a guess counts only if brackets match
before it and never did earlier, which makes it exact: no object begins with another whole object. Where the guess
fails, brackets are counted one by one. Parsing a batch to cut it would take twice as long, and forget doubled keys.

Once a file showed that it has an event a line, its lines are kept apart: what is broken in one ends with it.

Whatever comes, the work grows with its bytes: what was searched is not searched again, and a batch that breaks its
events on purpose loses the benefit of the doubt.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import lru_cache

import orjson

from adapters.cloudevents.ahead import Ahead
from adapters.cloudevents.brackets import GOES_ON, MISMATCHED, TOO_DEEP, Brackets, is_one_value, is_whole, past
from adapters.cloudevents.rest_of_line import RestOfLine
from adapters.sdk.adapter import Finding, Message
from adapters.sdk.window import Window
from events.canonical import DEPTH_MAX, SIZE_MAX_BYTES

# A faulty part is kept only so far: enough to look at; the receipt holds the whole.
HEAD_BYTES = 1 << 14
TRUNCATED, TOO_LARGE, NESTED, TRAILING = "truncated", "too-large", "too-deep", "trailing-bytes"

_WHY = {
    TRUNCATED: "the file or its line ends before this event does; send the rest, or all of it again",
    TOO_LARGE: f"one event may have {SIZE_MAX_BYTES} bytes at most; send documents by reference",
    NESTED: f"JSON may be nested {DEPTH_MAX} deep at most",
    TRAILING: "this is neither an event nor a batch; check the file with any JSON validator",
}
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_BEFORE_LINE = re.compile(rb"[ \t\r\n\[]*+")
_BETWEEN = re.compile(rb"[ \t\r\n,]*+")
_OPENINGS = re.compile(rb"[ \t\r\n\[{]*+")
_FIRST_KEY = re.compile(rb'\{[ \t\r\n]*+("(?:[^"\\]|\\.){0,256}+")', re.DOTALL)
# An id before which only plain texts stand is surely the event's own.
_ID = re.compile(rb'\s*+\{(?:\s*+"[a-z0-9]++"\s*+:\s*+"[^"\\]*+"\s*+,)*?\s*+"id"\s*+:\s*+"([ !#-\[\]-~]++)"')
_VALUES = (ord("{"), ord("["))
_GO_ON = (ord(","), ord("]"), ord("}"))  # after a whole value, one of these follows inside another
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
        self._judged_to = 0  # the end of a line that was found to begin no event a line
        self._before = 0  # bytes of the stream before the window's own
        self._in_vain = 0  # bytes that were counted, and then not taken

    def messages(self) -> Iterator[Message]:
        """Every event, batch element or line; nothing at all where the stream is blank."""
        while (first := self._next_byte(_BLANKS)) is not None:
            if first in _VALUES and self._are_lines(first):
                yield from self._lines()
            elif first == ord("["):
                yield from self._array()
            elif first == ord("{"):
                yield self._counted(None)
            else:
                yield self._line(first)

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

    # ---- an event a line

    def _are_lines(self, first: int) -> bool:
        """True where an event a line begins, and not one value over many lines.

        An object shows it by being whole on its line, or by another that begins below; else one below that is alone.
        """
        window = self._window
        if window.behind + window.at < self._judged_to:
            return False
        while (end := window.buffer.find(b"\n", window.at)) < 0 and window.size_bytes <= SIZE_MAX_BYTES:
            if not window.more():
                break
        if first == ord("{"):
            if end < 0 or is_whole(window.buffer[window.at : end].rstrip()):
                return True
            second = past(_BLANKS, window.buffer, end)
            if window.buffer[second : second + 1] == b"{":
                return True
        if end >= 0 and self._is_alone(end):
            return True
        self._judged_to = window.behind + (end if end >= 0 else len(window.buffer))
        return False

    def _is_alone(self, after: int) -> bool:
        """True where the next line that does not open lists is a whole object, and no value goes on behind it.

        Had one been left open, a comma or a closing bracket would follow: so the lines before were broken.
        """
        window = self._window
        begin = past(_BEFORE_LINE, window.buffer, after)
        found = window.buffer.find(b"\n", begin)
        end = found if found >= 0 else len(window.buffer)
        if window.buffer[begin : begin + 1] != b"{" or not is_whole(window.buffer[begin:end].rstrip()):
            return False
        following = past(_BLANKS, window.buffer, end)
        if following == len(window.buffer):
            return window.is_at_end
        return window.buffer[following] not in _GO_ON

    def _lines(self) -> Iterator[Message]:
        """The rest of the stream: what is broken on its line ends with it."""
        while (first := self._next_byte(_BLANKS)) is not None:
            if first == ord("["):
                yield from self._batch_on_its_line()
            else:
                yield self._line(first)

    def _line(self, first: int) -> Message:
        is_object = first == ord("{")
        raw, is_cut = self._window.line(SIZE_MAX_BYTES if is_object else HEAD_BYTES) or (b"", False)
        if is_object and not is_cut:
            return self._message(raw.rstrip())
        return self._faulty(raw, TOO_LARGE if is_object else TRAILING)

    def _batch_on_its_line(self) -> Iterator[Message]:
        """A batch that cannot read beyond its line, however many brackets are left open there."""
        window = self._window
        self._before = window.behind + window.at
        self._window = Window(io.BufferedReader(RestOfLine(window)))
        while (first := self._next_byte(_BLANKS)) is not None:
            if first == ord("["):
                yield from self._array()
            else:
                yield self._line(first)
        self._window, self._before = window, 0

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
            if message.fault is not None and not self._window.size_bytes and not self._window.more():
                return  # what is missing behind it was said with it
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
        allowed = _IN_VAIN_BYTES + _IN_VAIN_PER_BYTE * (self._before + self._window.behind + self._window.at)
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
