"""What goes over the socket in the home: a line of JSON as the request, its upload in chunks, lines of JSON back.

    request   {"protocol": 1, "operation": ..., "caller": {...}, "arguments": {...}, "upload": false}
    upload    4 bytes length, that many bytes, ... ; length 0 ends it
    answers   {"progress": [done, of]} and {"row": {...}}, any number; last {"answer": {...}} or {"error": {...}}

An upload that ends without its last chunk was cut short and is never taken for the whole.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

from events.errors import HubError, Refused, RejectedMessage, TryAgainLater, WrongSettings
from hub.access.door import Caller
from hub.local.requests import Request

PROTOCOL = 1
CHUNK_BYTES = 1 << 18
LINE_BYTES_MAX = 1 << 20
_LENGTH = struct.Struct(">I")
_KINDS: dict[str, type[HubError]] = {
    kind.__name__: kind for kind in (RejectedMessage, Refused, TryAgainLater, WrongSettings)
}


class HubFault(Exception):
    """The serving hub met a fault that is a bug; its own log tells more."""


def request_line(request: Request, *, has_upload: bool) -> bytes:
    return line(
        {
            "protocol": PROTOCOL,
            "operation": request.operation,
            "caller": asdict(request.caller),
            "arguments": request.arguments,
            "upload": has_upload,
        }
    )


def parse_request(text: bytes) -> tuple[Request, bool]:
    """The request, and whether an upload follows. Raises RejectedMessage `bad-request`, Refused `other-version`."""
    try:
        told = json.loads(text)
        if told["protocol"] != PROTOCOL:
            raise Refused(
                "other-version",
                "the hub that serves this home speaks another version of the socket's protocol",
                where="socket",
                next_step="Restart `tellonce serve` with the version that the command has.",
            )
        request = Request(told["operation"], Caller(**told["caller"]), dict(told["arguments"]))
        return request, bool(told["upload"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RejectedMessage("bad-request", "this is not a request to a hub", where="socket") from error


def line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def error_document(error: HubError) -> dict[str, str]:
    """The fields of an error as they are shown everywhere: {code, what, where, next_step}."""
    return {"code": error.code, "what": error.what, "where": error.where, "next_step": error.next_step}


def error_line(error: Exception) -> bytes:
    if isinstance(error, HubError):
        return line({"error": {"kind": type(error).__name__, **error_document(error)}})
    return line({"error": {"kind": "bug", "what": type(error).__name__}})


def error_of(told: dict[str, str]) -> Exception:
    """The error that the other side met."""
    kind = _KINDS.get(told["kind"])
    if kind is None:
        return HubFault(told["what"])
    return kind(told["code"], told["what"], where=told["where"], next_step=told["next_step"])


def send_upload(upload: BinaryIO, send: Callable[[bytes], None]) -> None:
    while chunk := upload.read(CHUNK_BYTES):
        send(_LENGTH.pack(len(chunk)) + chunk)
    send(_LENGTH.pack(0))


class Upload(io.RawIOBase):
    """An upload as a stream. Reading raises TryAgainLater `upload-cut-short` where it ends before its last chunk."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._left = 0
        self._is_whole = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left == 0 and not self._is_whole:
            (self._left,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
            self._is_whole = self._left == 0
        if self._is_whole:
            return 0
        part = self._source.read(min(self._left, len(buffer)))
        if not part:
            raise _cut_short()
        buffer[: len(part)] = part
        self._left -= len(part)
        return len(part)

    def _exactly(self, size: int) -> bytes:
        found = self._source.read(size)
        if len(found) < size:
            raise _cut_short()
        return found


def _cut_short() -> TryAgainLater:
    return TryAgainLater(
        "upload-cut-short",
        "the sender went away before the last byte",
        where="socket",
        next_step="Send it again; nothing of it was kept.",
    )


def answers(source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The lines that come back."""
    return map(told_in, source)


def told_in(text: bytes) -> dict[str, Any]:
    """What one line says."""
    told: dict[str, Any] = json.loads(text)
    return told
