"""What whoever saw her messages could try besides the words that the product keys: the messages themselves.

Of what the product makes by itself, these are plain digests (of a message, of an event's content, of a message id with
the random number of its record) and tokens of message ids that are keyed but are no HMACs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

_BETWEEN_FIELDS = re.compile(rb"[\r|^]")


class Word(NamedTuple):
    """What a digest may be made of, and what it is."""

    kind: str  # file, message, part, content, decision, message id of a record, message id
    word: bytes

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.word.decode('utf-8', 'backslashreplace').strip()}"


def words_of_files(raws: Iterable[bytes]) -> Iterator[Word]:
    """Each file as it came, its messages, and whatever stands in them."""
    for raw in raws:
        if raw.startswith(b"MSH"):
            yield Word("message", raw)
            yield from (Word("part", each) for each in {*raw.split(b"\r"), *_BETWEEN_FIELDS.split(raw)})
        else:
            yield Word("file", raw)
            for message in orjson.loads(raw):
                yield Word("message", orjson.dumps(message))
                yield from (Word("part", each) for value in message.values() for each in _parts(value))


def _parts(value: Any) -> Iterator[bytes]:
    """A value of a JSON text and all that are in it; texts without their quotes too."""
    yield value.encode() if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _parts(each)


def words_of_events(events: Iterable[dict[str, Any]]) -> Iterator[Word]:
    """The canonical content of each event, and of what the hub itself decided."""
    for event in events:
        kind = "content" if "senderid" in event else "decision"
        yield Word(kind, orjson.dumps(event["data"], option=orjson.OPT_SORT_KEYS))


def words_of_ids(agency: str, subject: bytes, sources: Iterable[str], sender_ids: Iterable[str]) -> Iterator[Word]:
    """Her senders' message ids, by agency, and by record and source."""
    for sender_id in sender_ids:
        yield Word("message id", f"{agency}\0{sender_id}".encode())
        for source in sources:
            yield Word("message id of a record", b"\0".join((subject, source.encode(), sender_id.encode())))
