"""Cutting a stream into messages: envelopes, frames, marks, garbage, and bounded memory."""

from __future__ import annotations

import io
import re
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.cutting import MESSAGE_MAX_BYTES, cut
from events.errors import RejectedMessage
from tests.adapters.hl7v2.builders import ADAPTER, SETTING, message, split

ONE, TWO = message("ADT^A01", f10="C1"), message("ADT^A03", f10="C2")


class Trickle(io.RawIOBase):
    """A stream that gives at most so many bytes at a time."""

    def __init__(self, raw: bytes, size: int) -> None:
        self._rest, self._size = io.BytesIO(raw), size

    def read(self, size: int = -1, /) -> bytes:
        return self._rest.read(min(size, self._size) if size > 0 else self._size)


def _ids(raw: bytes) -> list[tuple[str, str | None]]:
    return [(part.place, part.sender_id) for part in split(raw)]


def test_several_messages_in_one_file_keep_their_order_and_bytes() -> None:
    parts = split(ONE + TWO)
    assert [(part.place, part.sender_id, part.raw) for part in parts] == [("1", "C1", ONE), ("2", "C2", TWO)]


@pytest.mark.parametrize(
    "raw",
    [
        ONE + b"\r\n" + TWO,
        b"FHS|^~\\&|PAS\rBHS|^~\\&|PAS\r" + ONE + TWO + b"BTS|2\rFTS|1\r",
        b"BHS|^~\\&\r" + ONE + b"BTS|1\rBHS|^~\\&\r" + TWO + b"BTS|1",
        b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r",
        b"\xef\xbb\xbf" + ONE + b"\xef\xbb\xbf" + TWO,
        b"\r\n \n" + ONE + b"\n\n   " + TWO + b"\x1a",
        ONE.replace(b"\r", b"\n") + TWO.replace(b"\r", b"\r\n"),
    ],
)
def test_envelopes_frames_and_marks_are_no_messages(raw: bytes) -> None:
    assert _ids(raw) == [("1", "C1"), ("2", "C2")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100, 1000])
def test_how_the_stream_is_cut_on_its_way_makes_no_difference(size: int) -> None:
    raw = b"FHS|^~\\&\r\n" + ONE + b"\xef\xbb\xbf" + TWO + b"\x0b" + ONE + b"\x1c\r"
    assert list(cut(Trickle(raw, size))) == list(cut(io.BytesIO(raw)))


@given(pieces=st.lists(st.sampled_from([ONE, TWO, b"\r", b"junk\r", b"MSH", b"BTS|1\r", b"\n\x0b", b"MSH|^~\\&"])))
def test_every_header_at_the_start_of_a_line_begins_a_message(pieces: list[bytes]) -> None:
    raw = b"".join(pieces)
    expected = len(re.findall(rb"(?:^|(?<=[\r\n\x0b\x1c]))MSH(?=[^A-Za-z0-9\s])", raw))
    parts = list(cut(io.BytesIO(raw)))
    assert len([part for part in parts if part.fault is None]) == expected
    assert [part.place for part in parts] == [str(number) for number in range(1, len(parts) + 1)]


def test_a_header_inside_a_line_begins_nothing() -> None:
    assert _ids(ONE + b"NTE|1||see MSH|^~\\& of the other\r") == [("1", "C1")]


@pytest.mark.parametrize("junk", [b"hello\r", b"PID|||4471\r", b"\x00\xff\xfe\r", b'{"resourceType": "Patient"}\n'])
def test_what_stands_before_the_first_header_waits_in_quarantine(junk: bytes) -> None:
    first, second = split(junk + ONE)
    assert first.fault is not None
    assert (first.fault.code, first.raw.strip()) == ("not-hl7", junk.strip())
    assert (second.place, second.fault, second.raw) == ("2", None, ONE)
    assert ADAPTER.translate(first, SETTING).quarantined == first.fault


def test_lines_behind_an_envelopes_header_are_not_lost() -> None:
    first, second = split(b"BHS|^~\\&\rNTE|who knows\r" + ONE)
    assert first.fault is not None
    assert (first.fault.code, first.raw, second.sender_id) == ("not-hl7", b"NTE|who knows\r", "C1")


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\xef\xbb\xbf", b" \x1c\r", b"FHS|^~\\&\rFTS|0\r", b"\0\0\0"])
def test_nothing_at_all_is_refused_as_a_whole(raw: bytes) -> None:
    with pytest.raises(RejectedMessage, match=r"^empty: "):
        split(raw)


def test_a_giant_message_waits_in_quarantine_and_the_next_one_lands() -> None:
    giant = message("ADT^A01", "NTE|1||" + "x" * MESSAGE_MAX_BYTES)
    parts = split(ONE + giant + TWO)
    assert [(part.place, part.sender_id) for part in parts] == [("1", "C1"), ("2", None), ("3", "C2")]
    assert parts[1].fault is not None
    assert (parts[1].fault.code, len(parts[1].raw)) == ("message-too-large", 1 << 16)
    assert parts[2].raw == TWO


def test_the_largest_message_allowed_fits_even_in_a_frame() -> None:
    body = message("ADT^A01", "NTE|1||")[:-1]
    largest = body + b"x" * (MESSAGE_MAX_BYTES - len(body))
    assert [part.fault for part in split(b"\x0b" + largest + b"\x1c\r")] == [None]
    assert [part.fault is None for part in split(largest + b"xxx")] == [False]


def test_a_header_after_much_too_much_is_still_found() -> None:
    for length in range(MESSAGE_MAX_BYTES + 60, MESSAGE_MAX_BYTES + 140, 3):
        parts = list(cut(Trickle(ONE + b"x" * length + b"\r" + TWO, 1 << 16)))
        assert [part.sender_id for part in parts] == [None, "C2"]


def test_memory_stays_bounded_however_long_the_stream() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self._left = 40

        def read(self, size: int = -1, /) -> bytes:
            self._left -= 1
            return (b"y" * (1 << 20)) if self._left > 0 else b""

    def consumed() -> Iterator[int]:
        yield from (len(part.raw) for part in cut(Endless()))

    tracemalloc.start()
    try:
        sizes = list(consumed())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sizes == [1 << 16]
    assert peak < 8 << 20
