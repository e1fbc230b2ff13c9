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

MANY = MappingProxyType[str, _Shape](
    {
        "objects on a line": lambda n: b"{}" * n + b"\n",
        "objects and batches on a line": lambda n: b"{}[]" * n + b"\n",
        "objects that end wrongly on a line": lambda n: b"{[}" * n + b"\n",
        "objects over two lines": lambda n: b"{\n}" * n,
        "lines that never close": lambda n: b"{\n" * n,
        "lines of two kinds": lambda n: b'{}\n{"a":\n[1]}\nx\n' * n,
        "events that end wrongly, and nothing behind": lambda n: b'[{"a":1},' + b"{[}," * n,
        "events that end wrongly": lambda n: b'[{"a":1},' + b"{]," * n + b'{"a":1}]',
        "events with a quote left open": lambda n: b'[{"a":1},' + b'{"a":"},{"a":1},' * n + b'{"a":1}]',
        "events with a brace left open": lambda n: b'[{"a":1},' + b'{"a":{},' * (n // 3) + b'{"a":1}]',
        "events with a bracket left open": lambda n: b'[{"a":1},' + b'{"b":[,{"a":1},' * n + b'{"a":1}]',
        "events begun and not ended": lambda n: b'[{"a":1},' + b'{"a":' * n,
        "events with other keys": lambda n: b'[{"a":1},' + b"{}," * n + b'{"a":1}]',
        "events too deep": lambda n: b'[{"a":1},' + (b'{"a":' + b"[" * 99 + b"]" * 99 + b"},") * (n // 50) + b"{}]",
        "events far too deep": lambda n: b'[{"a":1},' + (b'{"a":' + b"[" * 5_000 + b"},") * (n // 500) + b'{"a":1}]',
        "numbers": lambda n: b'[{"a":1},' + b"1," * n + b'{"a":1}]',
        "batches": lambda n: b"[]\n" * n,
        "brackets astray": lambda n: b'[{"a":1}' + b"]}," * n,
        "commas": lambda n: b"[" + b"," * n + b"{}]",
        "quotes": lambda n: b'[{"a":1},' + b'{"' * n + b"}]",
        "escapes": lambda n: b'{"a":"' + b"\\" * 50 * n + b'"}\n',
        "blanks": lambda n: b'[{"a":1}' + b" " * 50 * n + b'},{"a":1}]',
        "almost separators": lambda n: b'[{"a":1},' + b"},{ " * n + b'{"a":1}]',
        "attributes": lambda n: b"{" + b'"a":"b",' * n + b'"id":1}',
        "lists that never close, each on its line": lambda n: b"{}\n" + b"[\n" * n,
        "lists that never close, and no event yet": lambda n: b"[\n" * n,
        "lists that end wrongly, and no event yet": lambda n: b"[}\n" * n,
        "lists without end on a line of many": lambda n: b"{}\n" + b"[" * 50 * n + b"\n{}",
        "many lines of lists without end": lambda n: b"{}\n" + (b"[" * 5_000 + b"\n") * (n // 500),
        "batches on a line of many": lambda n: b"{}\n" + b"[]" * n + b"\n{}",
        "batches on the first line": lambda n: b"[]" * n + b"\n{}\n{}",
        "batches with braces left open, a line each": lambda n: (
            b"{}\n" + (b'[{"a":1},' + b'{"a":{},' * 100 + b"\n") * (n // 100)
        ),
        "long keys": lambda n: b'[{"' + b"k" * 50 * n + b'":1},{"a":2}]',
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


@pytest.mark.long
@pytest.mark.parametrize("shape", MANY.values(), ids=MANY)
def test_a_shape_sent_many_times_costs_no_more_than_its_bytes(shape: _Shape) -> None:
    assert grows_with_the_bytes(lambda size: _codes(shape(size)), 3_000)


def test_a_batch_that_breaks_its_events_on_purpose_still_gives_those_that_are_whole() -> None:
    whole = b'{"id":"whole","data":{"list":[{"id":1},{"id":2}]}}'
    found = messages(b'[{"id":"first"},' + (b'{"id":{},' + b'{"id":"next"},' * 9) * 500 + whole + b"]")
    assert [each.sender_id for each in found].count("next") == 500 * 9
    assert found[-1].raw == whole


@pytest.mark.parametrize(
    "line", [b"[", b"[[[", b"[" * 5_000, b"[" * (3 << 20), b'["', b"[}", b'[{"a":', b"[" + b"]," * 9]
)
def test_a_line_of_open_brackets_costs_only_itself(line: bytes) -> None:
    good = [b'{"id":"%d"}' % number for number in range(4)]
    content = b"\n".join([good[0], line, good[1], line, line, good[2], good[3]])
    assert [each.raw for each in messages(content) if each.raw in good] == good


@pytest.mark.parametrize(("line", "code"), [(b"[[[", "truncated"), (b"[" * 5_000, "too-deep")])
def test_a_line_of_open_brackets_is_one_message(line: bytes, code: str) -> None:
    assert [each.fault and each.fault.code for each in messages(b"{}\n" + line + b"\n{}\n")] == [None, code, None]
