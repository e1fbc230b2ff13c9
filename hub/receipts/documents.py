"""Outcomes of many messages as one compact document, and back.

Column by column (places, states, events a message, positions, duplicates, reasons, findings): what is equal for all
messages stands once, what few have stands by index, positions that follow each other are one range. Event ids stand
beside it in 32 bytes each. Nothing of it names anybody: senders' own ids are in the sealed parts (parts.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import orjson

from adapters.sdk.adapter import Finding
from adapters.sdk.outcome import EventOutcome, MessageOutcome, State

_ID_HEX = 64
_SURROGATE = re.compile("[\ud800-\udfff]")
_Run = tuple[str, int, int]  # positions' text before the offset, first offset, how many


class Sums(NamedTuple):
    """Counts of messages, findings and events; `accepted` includes `with_findings`."""

    messages: int
    accepted: int
    findings: int
    not_mapped: int
    quarantined: int
    events: int
    duplicates: int
    with_findings: int = 0


def minus(now: Sums, before: Sums) -> Sums:
    """What was added from the one to the other."""
    return Sums(*(new - old for new, old in zip(now, before, strict=True)))


class Noted(NamedTuple):
    """Encoded outcomes with their sums."""

    document: bytes
    event_ids: bytes
    sums: Sums


def encode(outcomes: Sequence[MessageOutcome]) -> Noted:
    """The document of at least one outcome; it comes back without the sender's id."""
    if len(outcomes) == 1 and _is_plain(outcomes[0]):
        return _encode_plain(outcomes[0])
    states = [outcome.state for outcome in outcomes]
    events = [event for outcome in outcomes for event in outcome.events]
    duplicates = [at for at, event in enumerate(events) if event.is_duplicate]
    found = [(at, outcome.findings) for at, outcome in enumerate(outcomes) if outcome.findings]
    document = (
        [outcome.place for outcome in outcomes],
        _once(states),
        _once([len(outcome.events) for outcome in outcomes]),
        _runs([event.position for event in events]),
        duplicates if len(duplicates) < len(events) else True,
        {str(at): outcome.reason for at, outcome in enumerate(outcomes) if outcome.reason},
        {str(at): [(each.code, each.where, each.detail) for each in findings] for at, findings in found},
    )
    with_findings = states.count("accepted-with-findings")
    sums = Sums(
        messages=len(states),
        accepted=states.count("accepted") + with_findings,
        findings=sum([len(findings) for _, findings in found]),
        not_mapped=states.count("not-mapped"),
        quarantined=states.count("quarantined"),
        events=len(events) - len(duplicates),
        duplicates=len(duplicates),
        with_findings=with_findings,
    )
    return Noted(_dumps(document), bytes.fromhex("".join([event.id for event in events])), sums)


def _is_plain(outcome: MessageOutcome) -> bool:
    events = outcome.events
    if outcome.state != "accepted" or outcome.findings or outcome.reason or not events:
        return False
    return all(event.is_duplicate is events[0].is_duplicate for event in events)


def _encode_plain(outcome: MessageOutcome) -> Noted:
    """The usual message of a live feed, in a third of the time: its events and nothing to say about them."""
    events = outcome.events
    count, are_known = len(events), events[0].is_duplicate
    nothing: dict[str, str] = {}
    document = (
        [outcome.place],
        "accepted",
        count,
        _runs([event.position for event in events]),
        True if are_known else (),
        nothing,
        nothing,
    )
    new, duplicates = (0, count) if are_known else (count, 0)
    event_ids = bytes.fromhex("".join([event.id for event in events]))
    return Noted(_dumps(document), event_ids, Sums(1, 1, 0, 0, 0, new, duplicates))


class Document:
    """An encoded document, read back message by message."""

    def __init__(self, document: bytes, event_ids: bytes) -> None:
        places, states, sizes, runs, duplicates, self._reasons, self._findings = orjson.loads(document)
        self._places: list[str] = places
        self._states: list[State] = _many(states, len(places))
        self._ends = list(accumulate(_many(sizes, len(places))))
        self._positions = [f"{prefix}:{at}" for prefix, first, count in runs for at in range(first, first + count)]
        self._duplicates = range(len(self._positions)) if duplicates is True else set(duplicates)
        self._event_ids = event_ids.hex()

    def __len__(self) -> int:
        return len(self._places)

    def outcome(self, at: int) -> MessageOutcome:
        return MessageOutcome(
            self._places[at],
            self._states[at],
            None,
            self._reasons.get(str(at), ""),
            tuple(Finding(*each) for each in self._findings.get(str(at), ())),
            tuple(self._event(event) for event in range(self._ends[at - 1] if at else 0, self._ends[at])),
        )

    def _event(self, at: int) -> EventOutcome:
        event_id = self._event_ids[at * _ID_HEX : (at + 1) * _ID_HEX]
        return EventOutcome(event_id, self._positions[at], at in self._duplicates)


def decode(document: bytes, event_ids: bytes) -> list[MessageOutcome]:
    """All outcomes of a document."""
    whole = Document(document, event_ids)
    return [whole.outcome(at) for at in range(len(whole))]


def _once(values: Sequence[Any]) -> Any:
    """The one value that all have, else the list of them."""
    return values[0] if values.count(values[0]) == len(values) else values


def _many(value: Any, count: int) -> list[Any]:
    return value if isinstance(value, list) else [value] * count


def _runs(positions: list[str]) -> list[_Run]:
    if not positions:
        return []
    prefix, _, offset = positions[0].rpartition(":")
    first = int(offset)
    if positions == [f"{prefix}:{at}" for at in range(first, first + len(positions))]:
        return [(prefix, first, len(positions))]
    split = [(text.rpartition(":")[0], int(text.rpartition(":")[2])) for text in positions]
    begins = [at for at, (before, offset) in enumerate(split) if not at or split[at - 1] != (before, offset - 1)]
    ends = [*begins[1:], len(split)]
    return [(*split[begin], end - begin) for begin, end in zip(begins, ends, strict=True)]


def _dumps(document: tuple[Any, ...]) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:  # half a surrogate pair in a sender's text: no reason to lose the outcome
        return orjson.dumps(_printable(document))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {key: _printable(each) for key, each in value.items()}
    return value


def printable(text: str) -> str:
    """The text with U+FFFD for what UTF-8 cannot hold."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
