"""One way to write JSON (canonical bytes) and one strict way to read it from strangers.

Canonical: UTF-8, keys sorted by code point, no blanks, no escapes that need not be. Digests and comparisons of
content are made over these bytes only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from events.errors import RejectedMessage

SIZE_MAX_BYTES = 1 << 20
DEPTH_MAX = 64
KEYS_MAX = 10_000
_NUL_ESCAPE = b"\\u0000"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"')


def canonical(content: Any) -> bytes:
    """Canonical bytes of parsed JSON. Raises RejectedMessage `bad-json` for what JSON or 64 bits cannot hold."""
    try:
        written = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise _bad_json("the content cannot be written as JSON: integers have 64 bits, text is UTF-8") from error
    if b"null" in written and _has_no_number(content):
        raise _bad_json("the content cannot be written as JSON: it knows no NaN and no infinity")
    return written


def _has_no_number(content: Any) -> bool:
    """Whether a NaN or an infinity, which would be written as null, stands anywhere in it."""
    if isinstance(content, float):
        return not math.isfinite(content)
    if isinstance(content, Mapping):
        return any(_has_no_number(each) for each in content.values())
    return isinstance(content, list | tuple) and any(_has_no_number(each) for each in content)


def strict_loads(raw: bytes) -> Any:
    """Parsed JSON of a stranger's bytes.

    Refused with RejectedMessage: `bad-json` (syntax, encoding, NaN), `too-large`, `too-deep`, `too-many-keys`,
    `duplicate-key`. A byte order mark is skipped.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    if len(raw) > SIZE_MAX_BYTES:
        raise RejectedMessage(
            "too-large",
            f"one event may have {SIZE_MAX_BYTES} bytes at most",
            next_step="Send documents by reference and large texts in parts.",
        )
    _check_depth(raw)
    if len(raw) > KEYS_MAX and raw.count(b":") > KEYS_MAX and _STRING.sub(b"", raw).count(b":") > KEYS_MAX:
        raise RejectedMessage("too-many-keys", f"one event may have {KEYS_MAX} keys at most")
    try:
        parsed = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _bad_json("this is not JSON (RFC 8259) in UTF-8") from error
    # What reads back to the same bytes holds no duplicate key: the usual case, at a fifth of the price.
    return parsed if orjson.dumps(parsed) == raw else _loads_slowly(raw)


def _check_depth(raw: bytes) -> None:
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for character in _STRING.sub(b"", raw):
        if character in b"{[":
            depth += 1
            if depth > DEPTH_MAX:
                raise RejectedMessage("too-deep", f"JSON may be nested {DEPTH_MAX} deep at most")
        elif character in b"}]":
            depth -= 1


def _loads_slowly(raw: bytes) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise RejectedMessage(
                "duplicate-key", "a JSON object names a key twice", next_step="Send each key once; which one counts?"
            )
        return found

    try:
        return json.loads(raw, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _bad_json("this is not JSON (RFC 8259) in UTF-8") from error


def without_nul(raw: bytes, parsed: Any) -> tuple[Any, bool]:
    """The parsed JSON with U+0000 replaced by U+FFFD, and whether there was any: PostgreSQL cannot store it."""
    if b"\\" not in raw or _NUL_ESCAPE not in raw:  # one character is found ten times as fast as six
        return parsed, False
    cleaned = _cleaned(parsed)
    return cleaned, cleaned != parsed


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    return value


def _bad_json(what: str) -> RejectedMessage:
    return RejectedMessage("bad-json", what, next_step="Check the message with any JSON validator.")
