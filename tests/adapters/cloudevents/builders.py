"""Events as an agency writes them, and what the adapter makes of them."""

from __future__ import annotations

import io
from typing import Any

import orjson

from adapters.cloudevents.adapter import CloudEventsAdapter
from adapters.sdk.adapter import Fact, Message, Setting, Translation

ADAPTER = CloudEventsAdapter()
SETTING = Setting("oakfield-homes", "lettings")
SOURCE = "urn:tellonce:source:oakfield-homes:lettings"


def event(**changes: Any) -> dict[str, Any]:
    """An event that the adapter accepts without a finding; None takes an attribute away."""
    plain = {
        "specversion": "1.0",
        "id": "m-1",
        "source": SOURCE,
        "type": "contact.occurred",
        "subject": "tenant/P-1",
        "data": {"channel": "phone"},
    }
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def messages(content: bytes) -> list[Message]:
    return list(ADAPTER.split(io.BytesIO(content), SETTING))


def translate(raw: bytes | dict[str, Any]) -> Translation:
    content = raw if isinstance(raw, bytes) else orjson.dumps(raw)
    return ADAPTER.translate(Message("1", content), SETTING)


def fact_of(raw: bytes | dict[str, Any]) -> Fact:
    """The one fact of an event that has to be accepted."""
    translation = translate(raw)
    assert translation.quarantined is None, translation.quarantined
    (fact,) = translation.facts
    return fact


def refusal(raw: bytes | dict[str, Any]) -> tuple[str, str]:
    """Code and place of why an event is quarantined."""
    translation = translate(raw)
    assert translation.quarantined is not None, translation
    assert translation.facts == ()
    return translation.quarantined.code, translation.quarantined.where
