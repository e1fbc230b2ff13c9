"""What goes over the socket: requests, uploads that must be whole, errors that stay what they were."""

from __future__ import annotations

import io
import json

import pytest

from events.errors import HubError, Refused, RejectedMessage, TryAgainLater, WrongSettings
from hub.access.door import Caller
from hub.local import wire
from hub.local.requests import Request

REQUEST = Request("timeline", Caller("pat", "steward", "hub", "direct-care"), {"person": "0000-0000", "limit": 3})


@pytest.mark.parametrize("has_upload", [True, False])
def test_a_request_arrives_as_it_was_sent(has_upload: bool) -> None:
    assert wire.parse_request(wire.request_line(REQUEST, has_upload=has_upload)) == (REQUEST, has_upload)


@pytest.mark.parametrize(
    "text", [b"", b"GET / HTTP/1.1\r\n", b"[]", b"{}", b'{"protocol": 1, "operation": "x"}', b"\xff"]
)
def test_what_is_no_request_is_refused(text: bytes) -> None:
    with pytest.raises(RejectedMessage, match="bad-request"):
        wire.parse_request(text)


def test_a_hub_of_another_version_says_so() -> None:
    told = {**json.loads(wire.request_line(REQUEST, has_upload=False)), "protocol": 2}
    with pytest.raises(Refused, match="other-version"):
        wire.parse_request(wire.line(told))


def _sent(raw: bytes) -> bytes:
    parts: list[bytes] = []
    wire.send_upload(io.BytesIO(raw), parts.append)
    return b"".join(parts)


@pytest.mark.parametrize("size", [0, 1, wire.CHUNK_BYTES, 3 * wire.CHUNK_BYTES + 7])
def test_an_upload_arrives_whole_and_leaves_what_follows(size: int) -> None:
    raw = bytes(at % 251 for at in range(size))
    source = io.BytesIO(_sent(raw) + b"what follows")
    assert io.BufferedReader(wire.Upload(source)).read() == raw
    assert source.read() == b"what follows"


@pytest.mark.parametrize("cut", [1, 4, 5, 100, 1004])
def test_an_upload_cut_short_is_never_taken_for_the_whole(cut: int) -> None:
    sent = _sent(b"x" * 1000)
    assert len(sent) == 1008
    with pytest.raises(TryAgainLater, match="upload-cut-short"):
        io.BufferedReader(wire.Upload(io.BytesIO(sent[: len(sent) - cut]))).read()


@pytest.mark.parametrize("kind", [Refused, RejectedMessage, TryAgainLater, WrongSettings])
def test_an_error_is_the_same_on_the_other_side(kind: type[HubError]) -> None:
    error = kind("a-code", "what happened", where="there", next_step="Do this.")
    again = wire.error_of(json.loads(wire.error_line(error))["error"])
    assert (type(again), str(again)) == (kind, str(error))


def test_a_bug_crosses_by_its_kind_alone() -> None:
    line = wire.error_line(ValueError("Alex Testerton"))
    assert b"Alex" not in line
    assert isinstance(wire.error_of(json.loads(line)["error"]), wire.HubFault)
