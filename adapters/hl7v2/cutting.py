"""A stream of HL7 v2 cut into messages: one or many, in envelopes (FHS, BHS, BTS, FTS) or MLLP frames, or bare."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from adapters.hl7v2.charsets import wide_codec
from adapters.sdk.adapter import Finding, Message

MESSAGE_MAX_BYTES = 1 << 20
KEPT_BYTES = 1 << 16  # of a part that cannot be a message: enough to see what it is
_CHUNK_BYTES = 1 << 16
# The end of a line, then a header with a delimiter behind it; a byte order mark or blanks before it are forgiven.
_HEADER = re.compile(rb"[\r\n\x0b\x1c](?:\xef\xbb\xbf)?[ \t]*(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9\s])")
_LOOK_BACK = 64  # a header cut by the end of a chunk begins at most so far back, bar blanks by the dozen
_FRAME_END = b"\x1c\r"  # MLLP's, which stays with the message
_MEANINGLESS = b" \t\r\n\x0b\x1c\x1a\0\xef\xbb\xbf"  # blanks, frames, marks, and the end-of-file byte of old systems
_LINE_END = re.compile(rb"[\r\n\x0b\x1c]")


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: bytes  # b"MSH", an envelope's name, or b"" for what stands before any header
    raw: bytes
    length: int  # above len(raw) where what is beyond the limit was dropped


def cut(raw: BinaryIO) -> Iterator[Message]:
    """Messages in their order, numbered from 1; what is no message is one with a fault. Holds one message at a time."""
    chunks = iter(lambda: raw.read(_CHUNK_BYTES), b"")
    start = next(chunks, b"")
    codec = wide_codec(start)
    pieces = _pieces(_from(start, chunks) if codec is None else _narrowed(start, chunks, codec))
    number = 0
    for piece in pieces:
        fault, body = _judged(piece)
        if piece.kind != b"MSH" and fault is None:
            continue
        number += 1
        sent = body if codec is None else _widened(body, codec)
        yield Message(str(number), sent, None if fault else _control_id(body), fault)


def _from(start: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield start
    yield from chunks


def _narrowed(start: bytes, chunks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """Two-byte Unicode as UTF-8, so that one search fits all."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    for chunk in _from(start, chunks):
        yield decoder.decode(chunk).encode("utf-8")
    yield decoder.decode(b"", final=True).encode("utf-8")


def _widened(body: bytes, codec: str) -> bytes:
    """The sender's own encoding again, with the byte order mark that says which."""
    return ("\ufeff" + body.decode("utf-8", errors="replace").removeprefix("\ufeff")).encode(codec)


def _pieces(chunks: Iterator[bytes]) -> Iterator[_Piece]:
    """The stream from header to header. Memory is bounded: a piece beyond the limit loses what is beyond."""
    kind, dropped, searched = b"", 0, 0
    held = bytearray(b"\n")  # so that a header at the very start follows a line's end too
    for chunk in chunks:
        held += chunk
        begin = 0
        for header in _HEADER.finditer(held, searched):
            line = header.start() + 1
            yield _Piece(kind, bytes(held[begin:line]), line - begin + dropped)
            kind, begin, dropped = header[1], line, 0
        del held[:begin]  # what is left begins with its header, which is not found again: no line's end before it
        searched = max(0, len(held) - _LOOK_BACK)
        if searched > MESSAGE_MAX_BYTES:
            del held[MESSAGE_MAX_BYTES:searched]
            dropped += searched - MESSAGE_MAX_BYTES
            searched = MESSAGE_MAX_BYTES + 1  # the seam is no line's start
    yield _Piece(kind, bytes(held), len(held) + dropped)


def _judged(piece: _Piece) -> tuple[Finding | None, bytes]:
    """What keeps a piece from being a message, and the bytes to show for it."""
    if piece.kind == b"MSH":
        if piece.length <= MESSAGE_MAX_BYTES + len(_FRAME_END):
            return None, piece.raw
        fault = Finding("message-too-large", "message", f"A message may have {MESSAGE_MAX_BYTES} bytes at most.")
        return fault, piece.raw[:KEPT_BYTES]
    stray = _after_header_line(piece.raw) if piece.kind else piece.raw[1:]  # without the line's end put before it
    if not stray.strip(_MEANINGLESS):
        return None, b""
    fault = Finding("not-hl7", "message", "No MSH segment begins it. Send HL7 v2, or name another adapter.")
    return fault, stray[:KEPT_BYTES]


def _after_header_line(raw: bytes) -> bytes:
    lines = _LINE_END.split(raw, maxsplit=1)
    return lines[1] if len(lines) > 1 else b""


def _control_id(raw: bytes) -> str | None:
    """MSH-10 as sent: the sender's own id of the message."""
    header = _LINE_END.split(raw, maxsplit=1)[0]
    begin = header.find(b"MSH")
    fields = header[begin:].split(header[begin + 3 : begin + 4])
    text = fields[9].decode("utf-8", errors="replace") if len(fields) > 9 else ""
    return "".join(filter(str.isprintable, text)).strip()[:200] or None
