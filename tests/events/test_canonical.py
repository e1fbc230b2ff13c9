"""Canonical bytes, and the strict reading of strangers' JSON."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.canonical import DEPTH_MAX, KEYS_MAX, SIZE_MAX_BYTES, canonical, strict_loads, without_nul
from events.errors import RejectedMessage

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
CONTENTS = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


def code_of(raw: bytes) -> str:
    with pytest.raises(RejectedMessage) as refusal:
        strict_loads(raw)
    return refusal.value.code


@given(CONTENTS)
def test_canonical_bytes_read_back_to_the_same_content(content: Any) -> None:
    assert strict_loads(canonical(content)) == content
    assert canonical(strict_loads(canonical(content))) == canonical(content)


@given(CONTENTS)
def test_any_way_of_writing_json_is_read_as_the_same_content(content: Any) -> None:
    spelled = [
        json.dumps(content).encode(),
        json.dumps(content, indent=2, ensure_ascii=False).encode(),
        orjson.dumps(content, option=orjson.OPT_INDENT_2),
        b"\xef\xbb\xbf" + orjson.dumps(content),
    ]
    assert {canonical(strict_loads(raw)) for raw in spelled} == {canonical(content)}


@given(st.dictionaries(TEXTS, st.integers(0, 9), max_size=6), st.randoms())
def test_the_order_of_keys_makes_no_difference(content: dict[str, int], random: Any) -> None:
    shuffled = list(content.items())
    random.shuffle(shuffled)
    assert canonical(dict(shuffled)) == canonical(content)


def test_keys_stand_in_the_order_of_code_points_without_blanks_or_needless_escapes() -> None:
    assert canonical({"é": 1, "z": [1, 2], "Z": "ü/\n"}) == '{"Z":"ü/\\n","z":[1,2],"é":1}'.encode()


@pytest.mark.parametrize(
    "content",
    [float("nan"), {"a": [float("inf")]}, [{"a": -float("inf")}], "\ud800", {"\udfff": 1}, 2**64, {1: 2}, {1, 2}],
)
def test_what_json_cannot_hold_is_refused(content: Any) -> None:
    with pytest.raises(RejectedMessage) as refusal:
        canonical(content)
    assert refusal.value.code == "bad-json"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{'a':1}",
        b'{"a":1} x',
        b"NaN",
        b'{"a":NaN}',
        b'{ "a" : Infinity }',
        b"1e999",
        b'{ "a" : 1e999 }',
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{ "a" : "\\ud800" }',
        b'"\x01"',
        b"\xef\xbb\xbf",
        b"\xff\xfe1\x00",
    ],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    assert code_of(raw) == "bad-json"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{ "a": 1, "a": 2 }',
        b'[{"b":{"a":1,"c":2,"a":1}}]',
        b'{"a":1,"\\u0061":2}',
    ],
)
def test_a_key_named_twice_is_refused(raw: bytes) -> None:
    assert code_of(raw) == "duplicate-key"


@given(st.dictionaries(TEXTS, st.integers(0, 9), min_size=1, max_size=5), st.booleans(), st.data())
def test_a_key_named_twice_is_refused_wherever_it_stands(content: dict[str, int], is_wide: bool, draw: Any) -> None:
    pairs = list(content.items())
    pairs.insert(draw.draw(st.integers(0, len(pairs))), draw.draw(st.sampled_from(pairs)))
    comma, colon = (", ", ": ") if is_wide else (",", ":")
    raw = "{" + comma.join(f"{json.dumps(key)}{colon}{value}" for key, value in pairs) + "}"
    assert code_of(raw.encode()) == "duplicate-key"


@pytest.mark.parametrize("space", [b"", b" "])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(opening: bytes, closing: bytes, space: bytes) -> None:
    deepest = opening * DEPTH_MAX + space + b"1" + closing * DEPTH_MAX
    assert strict_loads(deepest)
    assert code_of(opening + deepest + closing) == "too-deep"
    assert code_of(opening * 100_000) == "too-deep"


def test_brackets_in_texts_are_no_depth() -> None:
    raw = orjson.dumps(["[{" * 1000, '"[[' * 100, "\\" * 7])
    assert strict_loads(raw) == orjson.loads(raw)


def test_breadth_is_no_depth() -> None:
    assert len(strict_loads(b"[" + b",".join([b"{}"] * 1000) + b"]")) == 1000


@pytest.mark.parametrize("space", [b"", b" "])
def test_the_number_of_keys_is_bounded(space: bytes) -> None:
    keys = [b'"%d":%s0' % (key, space) for key in range(KEYS_MAX + 1)]
    assert len(strict_loads(b"{" + b",".join(keys[:-1]) + b"}")) == KEYS_MAX
    assert code_of(b"{" + b",".join(keys) + b"}") == "too-many-keys"


def test_colons_in_texts_are_no_keys() -> None:
    assert strict_loads(b'["' + b":" * (KEYS_MAX + 1) + b'"]') == [":" * (KEYS_MAX + 1)]


def test_size_is_bounded() -> None:
    largest = b'"' + b"x" * (SIZE_MAX_BYTES - 2) + b'"'
    assert len(strict_loads(largest)) == SIZE_MAX_BYTES - 2
    assert code_of(largest[:-1] + b'x"') == "too-large"


def test_a_refusal_never_repeats_the_content() -> None:
    for raw in (b'{"name":"Ottoline","name":"Ottoline"}', b'{"name":"Ottoline"'):
        with pytest.raises(RejectedMessage) as refusal:
            strict_loads(raw)
        assert "Ottoline" not in str(refusal.value)


@given(CONTENTS)
def test_nul_characters_are_replaced_and_told(content: Any) -> None:
    raw = canonical(content)
    cleaned, had_nul = without_nul(raw, content)
    assert had_nul == (cleaned != content)
    assert b"\\u0000" not in canonical(cleaned).replace(b"\\\\", b"")
    assert without_nul(canonical(cleaned), cleaned) == (cleaned, False)


def test_nul_in_values_and_keys_becomes_the_replacement_character() -> None:
    content = {"a\0": ["\0", {"b": "x\0y"}], "c": "\\u0000"}
    assert without_nul(canonical(content), content) == (
        {"a\ufffd": ["\ufffd", {"b": "x\ufffdy"}], "c": "\\u0000"},
        True,
    )
