"""A window on a stream: whole blocks, lines within a limit, nothing lost."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sdk.hostile import Dribble
from adapters.sdk.window import Window


def _lines(window: Window, limit: int) -> list[tuple[bytes, bool]]:
    found = []
    while (line := window.line(limit)) is not None:
        found.append(line)
    return found


@given(st.text(st.sampled_from("ab\n"), max_size=80), st.integers(1, 9), st.integers(1, 5))
def test_lines_are_the_same_however_bytes_arrive(text: str, block: int, size: int) -> None:
    stream: Any = Dribble(text.encode(), (size,))
    wanted = [line.encode() for line in text.split("\n")]
    if not wanted[-1]:
        wanted.pop()
    assert [line for line, _ in _lines(Window(stream, block), 1000)] == wanted


@pytest.mark.parametrize("block", [1, 3, 64])
def test_a_line_beyond_the_limit_is_cut_and_said_to_be(block: int) -> None:
    window = Window(io.BytesIO(b"short\n" + b"x" * 100 + b"\nlast"), block)
    assert _lines(window, 10) == [(b"short", False), (b"x" * 10, True), (b"last", False)]


def test_a_line_at_the_limit_is_whole() -> None:
    assert _lines(Window(io.BytesIO(b"x" * 10 + b"\n")), 10) == [(b"x" * 10, False)]


def test_reading_on_drops_what_is_behind() -> None:
    window = Window(io.BytesIO(b"abcdefgh"), 4)
    assert window.more()
    assert window.take(2) == b"ab"
    assert window.more()
    assert (window.buffer, window.at, window.size_bytes) == (b"cdefgh", 0, 6)
    assert not window.more()
    assert window.is_at_end
