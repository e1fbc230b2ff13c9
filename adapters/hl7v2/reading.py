"""A message being translated: what all its families need, and the facts and findings gathered so far."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.hl7v2.fields import Shape, told
from adapters.hl7v2.identifiers import RECORD_TYPE, Identifier, RecordId
from adapters.hl7v2.tokens import Hl7, Notes, Part, Segment
from adapters.sdk.adapter import Action, Fact

_NAME_PART_MAX = 120  # characters; a fact's name has 512
ENTERED_IN_ERROR: Mapping[str, str] = {"reason": "entered-in-error"}


@dataclass(slots=True)
class Reading:
    """One message: its header's facts, and everything said so far."""

    hl7: Hl7
    trigger: str  # "ADT^A01"
    zone: str
    facility: str  # MSH-4: the authority of numbers that name none
    order: str | None
    recorded: str | None  # EVN-2, if it is an instant
    facts: list[Fact] = field(default_factory=list)

    @property
    def notes(self) -> Notes:
        return self.hl7.notes


@dataclass(slots=True)
class Patient:
    """One person of a message: a PID with the segments up to the next, and before the first the message's own."""

    reading: Reading
    record: RecordId
    identifiers: list[Identifier]
    pid: Segment
    segments: list[Segment]

    @property
    def notes(self) -> Notes:
        return self.reading.notes

    @property
    def zone(self) -> str:
        return self.reading.zone

    def moment_name(self, when: str | None) -> str:
        """What names a thing without a number: its time, else the message's, so that no two reports become one."""
        return f"at-{when}" if when else f"sent-{self.reading.order or 'unknown'}"

    def first(self, name: str) -> Segment | None:
        for segment in self.segments:
            if segment.name == name:
                return segment
        return None

    def every(self, name: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name == name]

    def say(self, type_name: str, name: str, payload: Shape, *, since: int, sensitivity: str | None = None) -> None:
        """Assert a fact of this record; what was noted since the mark are its findings."""
        start = payload.get("effective", {}).get("start", "")
        self._add(type_name, name, payload, "assert", since, time=start if "T" in start else None, label=sensitivity)

    def withdraw(self, type_name: str, name: str, why: Mapping[str, str], *, since: int) -> None:
        """End a fact of this record; `why` is empty where the sender does not say."""
        self._add(type_name, name, dict(why), "withdraw", since)

    def _add(
        self,
        type_name: str,
        name: str,
        payload: Shape,
        action: Action,
        since: int,
        *,
        time: str | None = None,
        label: str | None = None,
    ) -> None:
        reading = self.reading
        self.reading.facts.append(
            Fact(
                record_type=RECORD_TYPE,
                local_id=self.record.local_id,
                type=type_name,
                name=name,
                payload=payload,
                action=action,
                order=reading.order,
                order_from="sender" if reading.order else "arrival",
                time=time,
                recorded_time=reading.recorded,
                sensitivity=label,
                findings=self.notes.take(since),
            )
        )


def effective(start: str | None, end: str | None = None) -> Shape | None:
    """The `effective` of a payload, or None where nothing is known."""
    return told(start=start, end=end) or None


def name_part(text: str) -> str:
    """A part of a fact's name: what would divide it is escaped, so that no two facts share a name.

    What is too long for a name is named by its digest.
    """
    escaped = text.replace("%", "%25").replace("/", "%2F")
    return escaped if len(escaped) <= _NAME_PART_MAX else text_key(text)


def text_key(text: str) -> str:
    """The name of something that has words but no code: a digest, the same for all spellings of blanks and case."""
    return "text-" + hashlib.sha256(" ".join(text.casefold().split()).encode()).hexdigest()[:16]


def code_key(part: Part) -> str:
    """What names a coded thing in a fact's name: its code, else a digest of its words; "" where it has neither."""
    code, words = part[1].whole, part[2].whole
    other_code, other_words = part[4].whole, part[5].whole
    if code and (" " not in code or words or part.at(3)):
        return name_part(code)
    if not code and not words and other_code:
        return name_part(other_code)
    text = code or words or other_words or part[9].whole
    return text_key(text) if text else ""


def with_coded(payload: Shape, **own: Any) -> Shape:
    """The payload with the sender's own codes beside our closed lists."""
    codes = told(**own)
    return payload | {"coded": codes} if codes else payload
