"""Cutting: one event, a batch, lines, files of any of these, whole or broken."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cloudevents.cutting import HEAD_BYTES
from adapters.sdk.adapter import Message
from adapters.sdk.hostile import Dribble
from events.canonical import SIZE_MAX_BYTES
from events.errors import RejectedMessage
from tests.adapters.cloudevents.builders import ADAPTER, SETTING, event, messages

EVENTS = [event(id=f"m-{number}", subject=f"tenant/P-{number}") for number in range(5)]
RAW = [orjson.dumps(each) for each in EVENTS]
IDS = [each["id"] for each in EVENTS]


def _parsed(found: list[Message]) -> list[Any]:
    return [orjson.loads(each.raw) for each in found]


def _codes(found: list[Message]) -> list[str | None]:
    return [each.fault and each.fault.code for each in found]


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b",".join(RAW) + b"]",
        b"\xef\xbb\xbf  \r\n[\n" + b" ,\r\n\t".join(RAW) + b"\n]\n",
        json.dumps(EVENTS, indent=2).encode(),
        b"\n".join(RAW),
        b"\r\n\r\n".join(RAW) + b"\r\n",
        b"[" + b",".join(RAW[:3]) + b"]\n[" + b",".join(RAW[3:]) + b"]\n",
        b"[" + b",".join(RAW[:3]) + b"]" + RAW[3] + b"\n" + RAW[4],
        b"\n".join(json.dumps(each, indent=1).encode() for each in EVENTS),
        b"[" + b",".join(RAW) + b",]",
        b"[\n" + b",\n".join(RAW) + b"\n]\n",
        b"[" + b"\n,".join(RAW) + b"]",
        b"[\n" + RAW[0] + b"\n]\n[\n" + b",\n".join(RAW[1:3]) + b"\n]\n" + RAW[3] + b"\n" + RAW[4],
        RAW[0] + b"\n[" + b",".join(RAW[1:3]) + b"] [" + RAW[3] + b"]\n" + RAW[4],
        b"[" + RAW[0] + b"]\n" + b"\n".join(RAW[1:3]) + b"\n[" + b",".join(RAW[3:]) + b"]",
    ],
    ids=[
        *("batch", "blanks", "indented", "lines", "CRLF lines", "batches", "batch, then lines", "documents", "comma"),
        *("batch over lines", "commas first", "batches over lines, then lines", "batches among lines", "a mixture"),
    ],
)
def test_every_writing_gives_the_same_events(content: bytes) -> None:
    found = messages(content)
    assert _parsed(found) == EVENTS
    assert [each.sender_id for each in found] == IDS
    assert [each.place for each in found] == ["1", "2", "3", "4", "5"]
    assert _codes(found) == [None] * 5


def test_one_event_is_its_own_bytes_whether_on_one_line_or_many() -> None:
    for raw in (RAW[0], json.dumps(EVENTS[0], indent=4).encode()):
        assert [each.raw for each in messages(raw)] == [raw]


def test_elements_keep_their_own_bytes_doubled_keys_and_all() -> None:
    odd = b'{"id":"a",  "id":"b"}'
    assert [each.raw for each in messages(b"[" + RAW[0] + b" , " + odd + b"]")] == [RAW[0], odd]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"null", "not-json"),
        (b"MSH|^~\\&|", "not-json"),
        (b"<xml/>", "not-json"),
        (json.dumps(EVENTS).encode("utf-16"), "wrong-encoding"),
        (json.dumps(EVENTS).encode("utf-16-be"), "wrong-encoding"),
    ],
)
def test_what_holds_no_event_is_refused_as_a_whole(content: bytes, code: str) -> None:
    with pytest.raises(RejectedMessage) as refused:
        messages(content)
    assert refused.value.code == code


def test_an_empty_batch_is_no_event_and_no_fault() -> None:
    assert messages(b"[]") == []


def test_elements_that_are_no_objects_are_parts_of_their_own() -> None:
    found = messages(b'[null, 1.5, "a,b]", [1,[2]], ' + RAW[0] + b', true,{"x":1}]')
    assert [each.raw for each in found] == [b"null", b"1.5", b'"a,b]"', b"[1,[2]]", RAW[0], b"true", b'{"x":1}']


def test_brackets_and_quotes_in_texts_mislead_nobody() -> None:
    tricky = [
        event(id="t-1", data={"note": 'a},{"specversion":"1.0"'}),
        event(id="t-2", data={"note": "{[\\"}),
        event(
            id="t-3", data={"note": '"]}', "inner": [{"specversion": "1.0"}, {"specversion": "1.0", "id": "inside"}]}
        ),
        event(id="t-4", data={"note": "}" * 20, "list": [[], [{}]]}),
    ]
    assert _parsed(messages(orjson.dumps(tricky))) == tricky
    assert [each.sender_id for each in messages(orjson.dumps(tricky))] == ["t-1", "t-2", "t-3", "t-4"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.sampled_from('a"\\{}[],: \né'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", 'b"']), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=6), st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_any_list_of_json_is_cut_into_its_elements(
    values: list[Any], indent: int | None, signs: tuple[str, str]
) -> None:
    content = json.dumps(values, indent=indent, separators=signs).encode()
    found = messages(content)
    assert _parsed(found) == values
    assert _codes(found) == [None] * len(values)


@given(st.lists(st.fixed_dictionaries({"id": _JSON, "data": _JSON}), max_size=5), st.integers(1, 9))
def test_however_the_bytes_arrive_the_cuts_are_the_same(values: list[Any], size: int) -> None:
    content = orjson.dumps(values)
    stream: Any = Dribble(content, (size,))
    assert list(ADAPTER.split(stream, SETTING)) == messages(content)


@pytest.mark.parametrize("sign", [b"\xff", b"\0", b'"', b"{", b"}", b"]", b"[", b",", b"\\", b"x", b""])
def test_a_broken_byte_anywhere_in_a_batch_costs_one_event(sign: bytes) -> None:
    """Of events without inner lists or texts that look like events, only the one with the broken byte is lost."""
    before, victim, after = b"[" + RAW[0] + b"," + RAW[1] + b",", RAW[2], b"," + RAW[3] + b"," + RAW[4] + b"]"
    for at in range(1, len(victim) - 1):
        broken = victim[:at] + sign + victim[at + 1 :]
        left = {each.raw for each in messages(before + broken + after)}
        assert {RAW[0], RAW[1], RAW[3], RAW[4]} <= left, broken


@pytest.mark.parametrize("sign", [b"\xff", b'"', b"}", b"]", b""])
def test_a_broken_byte_in_a_line_costs_one_line(sign: bytes) -> None:
    for at in range(len(RAW[1])):
        broken = RAW[1][:at] + sign + RAW[1][at + 1 :]
        assert [each.raw for each in messages(RAW[0] + b"\n" + broken + b"\n" + RAW[2])][::2] == [RAW[0], RAW[2]]


@pytest.mark.parametrize("astray", [b"]", b"}", b"[", b"{", b'"'])
def test_brackets_astray_among_lists_cost_one_event(astray: bytes) -> None:
    rich = [orjson.dumps(event(id=f"r-{n}", data={"list": [{"a": 1}, [2, {}]], "note": "x"})) for n in range(4)]
    for at in range(1, len(rich[1]) - 1):
        broken = rich[1][:at] + astray + rich[1][at:]
        left = {each.raw for each in messages(b"[" + b",".join([rich[0], broken, *rich[2:]]) + b"]")}
        assert {rich[0], rich[2], rich[3]} <= left, broken


def test_a_bracket_astray_between_events_ends_nothing() -> None:
    found = messages(b"[" + RAW[0] + b"]," + RAW[1] + b"]}" + b"," + RAW[2] + b"]")
    assert [each.raw for each in found] == [RAW[0], RAW[1], b"}", RAW[2]]


def test_a_broken_event_is_passed_even_where_the_next_lies_far() -> None:
    far = orjson.dumps(event(id="far", data={"note": "x" * 700_000}))
    broken = far[:20] + b"]" + far[20:]
    found = messages(b"[" + RAW[0] + b"," + broken + b"," + RAW[1] + b"]")
    assert [each.raw for each in found] == [RAW[0], broken, RAW[1]]


def test_a_broken_first_line_does_not_make_one_document_of_all() -> None:
    found = messages(b'{"id": "broken\n' + RAW[1] + b"\n" + RAW[2])
    assert [each.raw for each in found] == [b'{"id": "broken', RAW[1], RAW[2]]


_TEXT = st.text(st.sampled_from('[]{}",:\\a1 \t'), max_size=12)
_BROKEN = st.one_of(st.just("[[["), st.just('{"id":'), _TEXT, _TEXT.map("[".__add__), _TEXT.map("{".__add__))
_GOOD = st.tuples(_TEXT, st.sampled_from(["\n", "\r\n", "\n\n"]))


@given(
    st.none() | _TEXT.map("[".__add__) | _TEXT.map("{".__add__),
    st.lists(_GOOD, min_size=2, max_size=2),
    st.lists(_BROKEN | _GOOD, max_size=8),
)
def test_every_good_line_is_accepted_wherever_the_broken_ones_stand(
    broken_first: str | None, first: list[tuple[str, str]], after: list[str | tuple[str, str]]
) -> None:
    """Also behind a broken first line: two good ones below it show that the file has an event a line."""
    content, good = b"" if broken_first is None else broken_first.encode() + b"\n", []
    for number, line in enumerate([*first, *after]):
        if isinstance(line, str):
            content += line.encode() + b"\n"
            continue
        note, ends = line
        good.append(orjson.dumps(event(id=f"good-{number}", data={"note": note, "channel": "phone"})))
        content += good[-1] + ends.encode()
    found = messages(content)
    assert [each.raw for each in found if each.raw in good] == good
    assert [each.place for each in found] == [str(number + 1) for number in range(len(found))]


def test_an_object_alone_on_a_line_of_a_batch_does_not_make_lines_of_it() -> None:
    inside = b'{"id":"outer","data":{"list":[\n{"id":"inside"}\n],"one":\n{"id":"inside"}\n}}'
    for raw in (b"[" + inside + b"]", b"[\n" + inside + b"\n,\n" + RAW[0] + b"\n]"):
        assert "inside" not in {each.sender_id for each in messages(raw)}


@pytest.mark.parametrize("at", [1, 40, len(RAW[0]) + 1, len(RAW[0]) + 40])
def test_a_batch_cut_off_says_so_and_keeps_what_came_whole(at: int) -> None:
    whole = (at - 1) // len(RAW[0])
    found = messages((b"[" + b",".join(RAW))[:at])
    assert [each.raw for each in found[:whole]] == RAW[:whole]
    assert _codes(found) == [None] * whole + ["truncated"]


def test_an_event_inside_a_broken_one_is_not_taken_for_its_own() -> None:
    inside = event(id="inside")
    outer = orjson.dumps(event(id="outer", data={"events": [inside, inside]}))[:-3]  # its brackets never close
    assert "inside" not in {each.sender_id for each in messages(b"[" + outer + b"]")}


def test_bytes_behind_a_batch_are_a_part_in_quarantine() -> None:
    found = messages(b"[" + RAW[0] + b"]garbage\n")
    assert _codes(found) == [None, "trailing-bytes"]


@pytest.mark.parametrize("before", [b"", b"["])
def test_an_event_beyond_the_limit_costs_only_itself(before: bytes) -> None:
    huge = orjson.dumps(event(id="huge", data={"note": "x" * (3 * SIZE_MAX_BYTES)}))
    between, after = (b",", b"]") if before else (b"\n", b"")
    found = messages(before + RAW[0] + between + huge + between + RAW[1] + after)
    assert [each.raw for each in found[::2]] == RAW[:2]
    assert _codes(found) == [None, "too-large", None]
    assert len(found[1].raw) <= HEAD_BYTES


@pytest.mark.long
def test_memory_stays_bounded_whatever_comes() -> None:
    rng = random.Random(7)
    note = "".join(rng.choice('ab"\\{}[], ') for _ in range(3000))
    elements = b",".join(orjson.dumps(event(id=f"n-{number}", data={"note": note})) for number in range(300))
    for content in (
        b"[" + b",".join([elements] * 20) + b"]",
        b'[{"a":"' + b"x" * (20 << 20),
        b"[" * (20 << 20),
        b'{"a":' * (4 << 20),
        b"[" + b'"' * (20 << 20),
    ):
        stream = io.BytesIO(content)
        tracemalloc.start()
        try:
            for _ in ADAPTER.split(stream, SETTING):
                pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 12 << 20, content[:20]
