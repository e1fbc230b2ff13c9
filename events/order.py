"""The order a sender gives its assertions: a decimal integer, an RFC 3339 instant, or such parts joined by `/`.

Compared part by part, a missing part lowest, instants as instants; a date counts as its first instant, UTC
(docs/laws.md, "Order").
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_INTEGER = re.compile(r"-?\d{1,30}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}):(\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LAST_SECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
NANOSECONDS = 1_000_000_000
_KEPT_MAX = 64  # characters: longer orders are parsed each time, lest a sender fill the memory with them
_INSTANT_MAX_CHARACTERS = len("2024-02-29T12:00:00.123456789+00:00")
_INSTANTS_FROM = 10**31  # above every integer: where one says a number and another an instant, both have a place


class Order(NamedTuple):
    """A parsed order: `key` compares, `kinds` says of which types its parts are, `text` is the normal form."""

    key: tuple[int, ...]  # integers; nanoseconds since 1970 for instants, moved to above all integers
    kinds: str  # one letter a part: "i" integer, "t" instant
    text: str

    @property
    def leading_instant_us(self) -> int | None:
        """Microseconds since 1970 of the first part, if that is an instant."""
        return (self.key[0] - _INSTANTS_FROM) // 1000 if self.kinds.startswith("t") else None


def parse_order(text: str) -> Order | None:
    """The order that a text gives, or None where it gives none."""
    if len(text) > _KEPT_MAX:
        return _parse.__wrapped__(text)
    head, slash, place = text.rpartition("/")
    # The usual form ends in the place: without it the cache stays small.
    if slash and place.isascii() and place.isdigit() and len(place) < 10:
        front = _parse(head)
        return front and Order((*front.key, int(place)), front.kinds + "i", f"{front.text}/{int(place)}")
    return _parse(text)


@lru_cache(maxsize=8192)
def _parse(text: str) -> Order | None:
    if "/" not in text:
        return _part(text)
    parts = [part for each in text.split("/") if (part := _part(each)) is not None]
    if len(parts) <= text.count("/"):
        return None
    keys = tuple(part.key[0] for part in parts)
    return Order(keys, "".join(part.kinds for part in parts), "/".join(part.text for part in parts))


def _part(text: str) -> Order | None:
    if _INTEGER.fullmatch(text):
        return Order((int(text),), "i", str(int(text)))
    instant = _instant(text)
    return instant and Order((instant.nanoseconds + _INSTANTS_FROM,), "t", instant.text)


class _Instant(NamedTuple):
    nanoseconds: int
    text: str  # the normal form


def instant_ns(text: str) -> int | None:
    """Nanoseconds since 1970 of an RFC 3339 instant or a date (its first instant, UTC), or None."""
    instant = _instant(text)
    return instant and instant.nanoseconds


def normal_instant(text: str) -> str | None:
    """The normal form of an RFC 3339 instant: UTC, with as many decimals as it needs. None for a date."""
    instant = _instant(text) if len(text) > len("2024-02-29") else None
    return instant and instant.text


def _instant(text: str) -> _Instant | None:
    return _read(text) if len(text) <= _INSTANT_MAX_CHARACTERS else None


@lru_cache(maxsize=4096)  # an event says the same instant two to five times, and many events the same day
def _read(text: str) -> _Instant | None:
    if len(text) == 20 and text[4::3] == "--T::Z" and text[11:13] != "24":  # the normal form, as most senders write it
        seconds = _seconds(text)
        if seconds is not None:
            return _Instant(seconds * NANOSECONDS, text)
    nanoseconds = _nanoseconds(text)
    return None if nanoseconds is None else _Instant(nanoseconds, instant_text(nanoseconds))


def _seconds(text: str) -> int | None:
    """Seconds since 1970 of a text that Python reads as an instant."""
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return None
    return since.days * 86_400 + since.seconds


def _nanoseconds(text: str) -> int | None:
    if _DATE.fullmatch(text):
        text = f"{text}T00:00:00Z"
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, zone = found.groups()
    # A leap second is the last second of its minute here: order needs only to be total.
    seconds = _seconds(f"{day}T{minute}:{'59' if second == '60' else second}+00:00")
    if seconds is None:
        return None
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            return None
        offset = hours * 3600 + minutes * 60
        seconds -= offset if zone[0] == "+" else -offset
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None  # an offset led out of the years 1 to 9999
    return seconds * NANOSECONDS + (int(fraction[1:].ljust(9, "0")) if fraction else 0)


def instant_text(nanoseconds: int) -> str:
    """RFC 3339 text, UTC, of nanoseconds since 1970, with as many decimals as it needs."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{whole}{fraction}Z"
