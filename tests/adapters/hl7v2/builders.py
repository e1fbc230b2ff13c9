"""Messages built field by field, and what the adapter makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from adapters.hl7v2.adapter import Hl7v2Adapter
from adapters.sdk.adapter import Fact, Message, Setting, Translation
from events.catalogue import check_payload, check_retraction

ADAPTER = Hl7v2Adapter()
SETTING = Setting(agency="exampleton", system="pas")
PATIENT = {3: "4471^^^RX9^MR", 5: "Testperson^Wilhelmina", 7: "19520311", 8: "F"}
VISIT = {2: "I", 19: "V1", 44: "20250114093000"}

Fields = Mapping[int, str]


def segment(name: str, fields: Fields | None = None) -> str:
    """A segment with these fields; `fields` are numbered as in the standard."""
    given = fields or {}
    values = [given.get(number, "") for number in range(1, max(given, default=0) + 1)]
    return "|".join([name, *values])


def header(kind: str = "ADT^A01", **changes: str) -> str:
    """An MSH; `changes` are named f3, f7 and so on."""
    fields = {3: "PAS", 4: "RX9", 7: "20250114094512", 9: kind, 10: "A0001", 11: "P", 12: "2.4"}
    fields |= {int(name[1:]): value for name, value in changes.items()}
    values = [fields.get(number, "") for number in range(3, max(fields) + 1)]
    return "|".join(["MSH", "^~\\&", *values])


def message(kind: str, *segments: str, pid: Fields | None = PATIENT, end: str = "\r", **changes: str) -> bytes:
    """A message of this trigger about the usual patient."""
    person = [segment("PID", pid)] if pid is not None else []
    return (end.join([header(kind, **changes), *person, *segments]) + end).encode()


def visit(kind: str, *segments: str, evn: Fields | None = None, **fields: str) -> bytes:
    """A visit's message: PV1 as usual but for the fields named f2, f19 and so on."""
    pv1 = VISIT | {int(name[1:]): value for name, value in fields.items()}
    return message(kind, segment("EVN", evn or {}), segment("PV1", pv1), *segments)


def split(raw: bytes, setting: Setting = SETTING) -> list[Message]:
    return list(ADAPTER.split(BytesIO(raw), setting))


def translate(raw: bytes, setting: Setting = SETTING) -> Translation:
    """What becomes of the only message in these bytes; every payload of it fits the catalogue."""
    (only,) = split(raw, setting)
    translation = ADAPTER.translate(only, setting)
    check(translation)
    return translation


def check(translation: Translation) -> None:
    """Exactly one thing became of the message, and what is said of people fits the catalogue."""
    became = (bool(translation.facts), translation.not_mapped is not None, translation.quarantined is not None)
    assert sum(became) == 1
    for fact in translation.facts:
        assert fact.name
        assert len(fact.name) <= 512
        assert len(fact.local_id) <= 500
        if fact.action == "assert":
            check_payload(fact.type, fact.payload)
        else:
            check_retraction(fact.payload)


def facts(raw: bytes, setting: Setting = SETTING) -> dict[str, Fact]:
    """Facts of a message by their name, each name once."""
    found = translate(raw, setting).facts
    named = {str(fact.name): fact for fact in found}
    assert len(named) == len(found)
    return named


def findings(translation: Translation) -> set[tuple[str, str]]:
    """All findings, of the message and of its facts, as (code, where)."""
    own = (*translation.findings, *(finding for fact in translation.facts for finding in fact.findings))
    return {(finding.code, finding.where) for finding in own}


def said(fact: Fact) -> set[tuple[str, str]]:
    """The findings of one fact, as (code, where)."""
    return {(finding.code, finding.where) for finding in fact.findings}
