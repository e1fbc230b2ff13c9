"""Shapes made to keep the hub busy: each is answered, and costs no more than its bytes."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import pytest

from adapters.sdk.adapter import Message
from tests.adapters.cloudevents.builders import ADAPTER, SETTING, messages
from tests.growth import grows_with_the_bytes

_Shape = Callable[[int], bytes]

BOMBS = MappingProxyType[str, _Shape](
    {
        "lists": lambda n: b"[" * n,
        "objects": lambda n: b'{"a":' * n,
        "lists in an object": lambda n: b'{"a":' + b"[" * n + b"]" * n + b"}",
        "lists in an object on a line": lambda n: b'{"a":' + b"[" * n + b"]" * n + b"}\n",
        "objects in objects": lambda n: b'{"a":' * n + b"1" + b"}" * n + b"\n",
        "lists and objects by turns": lambda n: b'{"a":[' * n + b"]}" * n + b"\n",
        "objects that never close": lambda n: b'{"a":' * n + b"\n",
    }
)


def _codes(content: bytes) -> list[str]:
    """The codes by which its parts are refused."""
    return [_code(message) for message in messages(content)]


def _code(message: Message) -> str:
    if message.fault is not None:
        return message.fault.code
    quarantined = ADAPTER.translate(message, SETTING).quarantined
    return quarantined.code if quarantined else ""


@pytest.mark.parametrize("shape", BOMBS.values(), ids=BOMBS)
def test_brackets_without_end_are_too_deep_and_cost_no_more_than_their_bytes(shape: _Shape) -> None:
    assert _codes(shape(100_000))[0] == "too-deep"
    assert grows_with_the_bytes(lambda size: _codes(shape(size)), 25_000)
