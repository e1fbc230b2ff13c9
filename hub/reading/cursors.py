"""Where a page of a timeline ended, as an opaque text that only the same question takes."""

from __future__ import annotations

import base64
import sqlite3
from hashlib import blake2b
from typing import NamedTuple

import orjson

from events.errors import Refused, RejectedMessage
from events.ids import parse_fact_reference
from projections.engine.membership import queries as membership
from projections.timeline.entry import Entry, Place
from projections.timeline.queries import name_of_fact

# A cursor stands in addresses, and a digest of a person number could be guessed back: there are 2^35 of them. Twenty
# bits leave 2^15 numbers that fit any cursor, and still catch all but one of a million mix-ups. It is no seal, and
# needs to be none: whoever may ask a question may ask it from anywhere.
_DIGITS = 5


class Asked(NamedTuple):
    """What makes two pages pages of one question, as it was asked; how long a page is does not."""

    epoch: str
    person: str
    as_of: str | None
    day_from: int | None
    day_to: int | None
    agency: str | None
    types: tuple[str, ...]
    newest_first: bool

    @property
    def digest(self) -> str:
        return blake2b(orjson.dumps(list(self))).hexdigest()[:_DIGITS]


def cursor_of(entry: Entry, asked: Asked) -> str:
    """The cursor after an entry. The record's and the fact's names are not in it."""
    told = orjson.dumps([asked.epoch, asked.digest, entry.sort, entry.fact])
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def place_of(db: sqlite3.Connection, cursor: str, asked: Asked) -> Place:
    """Where the page before ended. Raises RejectedMessage `bad-cursor`, Refused `stale-cursor`."""
    try:
        epoch, digest, sort, reference = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        subject, token = parse_fact_reference(str(reference))
    except (ValueError, TypeError, RejectedMessage) as error:
        raise RejectedMessage(
            "bad-cursor", "this is not a cursor", where="cursor", next_step="Copy `next` of the page before."
        ) from error
    record, fact = membership.record_of_subject(db, subject), name_of_fact(db, subject, token)
    if (epoch, digest) != (asked.epoch, asked.digest) or record is None or fact is None:
        raise Refused(
            "stale-cursor",
            "this cursor belongs to another question or to the time before a restore",
            where="cursor",
            next_step="Ask as for the page before, of the same person, or begin again without a cursor.",
        )
    return Place(str(sort), record, fact)
