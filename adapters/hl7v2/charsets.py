"""From the bytes of one message to its text, by MSH-18 and by what the bytes say themselves."""

from __future__ import annotations

import codecs
import re

from adapters.sdk.adapter import Finding

UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF16_STARTS = {b"M\0S\0": "utf-16-le", b"\0M\0S": "utf-16-be"}
_TERMINATOR = re.compile(rb"[\r\n]")
_C1 = re.compile("[\x80-\x9f]")

# HL7 table 0211: ASCII and 8859 as published, the others from memory (unverified). "UTF-8" alone is what many senders
# write for "UNICODE UTF-8".
_CODECS = {
    "ASCII": "ascii",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    **{f"8859/{part}": f"iso8859-{part}" for part in range(1, 16) if part != 12},
}


def wide_codec(start: bytes) -> str | None:
    """The codec of two-byte Unicode, with or without a byte order mark, if the bytes begin like that."""
    return _UTF16_MARKS.get(start[:2]) or _UTF16_STARTS.get(start[:4])


def decode(raw: bytes) -> tuple[str, tuple[Finding, ...]]:
    """Text of a message without its byte order mark, and what was wrong with its encoding. Never fails.

    Undeclared bytes beyond ASCII are taken as UTF-8 when they are that, else as Windows-1252.
    """
    if raw.startswith(UTF8_MARK):
        raw = raw[3:]
    if raw.isascii() and b"\0" not in raw:
        return raw.decode("ascii"), ()
    wide = wide_codec(raw)
    if wide is not None:
        return raw.decode(wide, errors="replace").removeprefix("\ufeff"), ()
    return _by_declaration(raw, _declared(raw))


def _declared(raw: bytes) -> str:
    """The first repeat of MSH-18: the character set of the message as a whole."""
    header = _TERMINATOR.split(raw, maxsplit=1)[0]
    fields = header.split(header[3:4] or b"|")
    first = fields[17].split(header[5:6] or b"~")[0] if len(fields) > 17 else b""
    return first.decode("ascii", errors="replace").strip().upper()


def _by_declaration(raw: bytes, declared: str) -> tuple[str, tuple[Finding, ...]]:
    codec = _CODECS.get(declared)
    if declared and codec is None:
        return guessed(raw), (Finding("unknown-character-set", "MSH-18", "This character set is not supported."),)
    if codec is not None and codec != "ascii":
        try:
            text = raw.decode(codec)
        except UnicodeError:
            text = None
        # Windows-1252 sent as 8859/1 shows as C1 control characters, which nobody means.
        if text is not None and not (declared.startswith("8859/") and _C1.search(text)):
            return text, ()
    elif not declared:
        try:
            return raw.decode("utf-8"), ()
        except UnicodeError:
            return guessed(raw), (Finding("wrong-encoding", "MSH-18", "No character set named, and it is not UTF-8."),)
    return guessed(raw), (Finding("wrong-encoding", "MSH-18", "The bytes are not in the character set named."),)


def guessed(raw: bytes) -> str:
    """Text of bytes that say nothing of themselves: UTF-8 if they are that, else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeError:
        return raw.decode("cp1252", errors="replace")
