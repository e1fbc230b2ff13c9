"""CloudEvents 1.0: one event, a batch, an event a line, or a file of any of these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from adapters.cloudevents.cutting import Cutter
from adapters.cloudevents.translate import translated
from adapters.sdk.adapter import Message, Option, Setting, Translation
from adapters.sdk.window import Window
from events.errors import RejectedMessage

_UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")


class CloudEventsAdapter:
    """Reads what the CloudEvents SDKs write, structured and in batches; `http_binding` adds the binary mode."""

    name = "cloudevents"
    version = "1"
    title = "CloudEvents 1.0 in JSON: one event, a batch, or an event a line"
    options: tuple[Option, ...] = ()

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        """One message an event.

        Raises RejectedMessage `empty`, `wrong-encoding` or `not-json` where the first character tells that there is
        no event to be had.
        """
        window = Window(raw)
        _begin(window)
        yield from Cutter(window).messages()

    def translate(self, message: Message, setting: Setting) -> Translation:
        return translated(message.raw, setting)


def _begin(window: Window) -> None:
    """Moves the window to the first character; refuses what can hold no event."""
    window.more()
    if window.buffer.startswith(_OTHER_MARKS) or b"\0" in window.buffer[:4]:
        raise RejectedMessage("wrong-encoding", "this is not UTF-8", next_step="Send JSON in UTF-8 (RFC 8259, 8.1).")
    if window.buffer.startswith(_UTF8_MARK):
        window.at = len(_UTF8_MARK)
    while not (rest := window.buffer[window.at :].lstrip(b" \t\r\n")):
        window.at = len(window.buffer)
        if not window.more():
            raise RejectedMessage("empty", "there is no event in it", next_step="Send one event, a batch or lines.")
    if rest[0] not in b"{[":
        raise RejectedMessage(
            "not-json", "neither an event nor a batch begins here", next_step="CloudEvents in JSON begin with { or [."
        )
