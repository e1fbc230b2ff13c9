"""Events from before sealing as they would be sealed today: what they say and their ids stay, how they lie does not.

Third persons go into boxes, what a rule's decision rests on under a key of both records, and merges say why by a code.
A decision by hand keeps its reason under the key of its record: nobody knows any more which other one it speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from events.canonical import canonical
from events.catalogue.base import retention_of
from events.codec import Header, Sealed, seal
from events.envelope import schema_urn
from events.identity import Keyring, SubjectKeys
from events.ids import FactToken, parse_source, record_of
from events.others import ATTRIBUTE as OTHERS
from events.others import boxed, may_name_others, other_class
from events.others import parted as without_others
from events.pairs import WHOLE
from events.pairs import parted as without_grounds
from events.upcasters import upcast
from hub.linkage.decisions import AGENCY, OF_ONE_RECORD

_CAUSE = "causationid"  # where a decision's cause stands: no sealed one says so
_DECIDED = "decidedto"


class Decided(NamedTuple):
    """How far the rules of the old home had decided, and the opening that shall say so from now on."""

    said_at: int
    to: str


def decided_in(decisions: Mapping[int, Mapping[str, Any]]) -> Decided | None:
    """From the hub's own events by their place; None where no rule ever decided."""
    causes = [told[_CAUSE].rpartition(":") for told in decisions.values() if _CAUSE in told]
    openings = [at for at, told in decisions.items() if told["type"] == "hub.person-opened"]
    if not causes or not openings:
        return None
    partition = causes[0][0]
    return Decided(max(openings), f"{partition}:{max(int(at) for _, _, at in causes) + 1}")


class Anew:
    """Seals plain events of an old log; `record_at` says whose record an event of it is about."""

    def __init__(self, keyring: Keyring, record_at: Callable[[int], str], decided: Decided | None) -> None:
        self._keyring = keyring
        self._record_at = record_at
        self._decided = decided

    def sealed(self, offset: int, header: Header, body: bytes) -> Sealed:
        told = orjson.loads(body)
        if header.agency != AGENCY:
            return self._said(header, told)
        if self._decided is not None and self._decided.said_at == offset:
            told[_DECIDED] = self._decided.to
        return self._decision(header, told)

    def _said(self, header: Header, told: dict[str, Any]) -> Sealed:
        record = record_text(told)
        retention = retention_of(told["type"])
        if told.get("action", "assert") == "assert" and may_name_others(told["type"]):
            content, others = without_others(told["type"], canonical(told["data"]))
            if others:
                theirs = other_class(FactToken(bytes.fromhex(told["factref"])))
                told[OTHERS] = boxed(self._keyring.keys_of(header.agency, record, theirs), header.id, others)
                told["data"] = orjson.Fragment(content)
        return seal(self._keyring.keys_of(header.agency, record, retention), header.id, header.agency, told)

    def _decision(self, header: Header, told: dict[str, Any]) -> Sealed:
        kind = told["type"]
        other, cause = "", told.pop(_CAUSE, None)
        version, payload = upcast(kind, int(told["dataschema"].rpartition(":")[2]), told["data"])
        told |= {"dataschema": schema_urn(kind, version), "data": payload}
        if kind in WHOLE:
            about, other = sorted(payload["pair"] if "pair" in payload else payload["records"][:2])
        elif kind in OF_ONE_RECORD:
            about = payload["record"]
            if payload.get("causes") and cause is not None:
                other = self._record_at(int(cause.rpartition(":")[2]))
        else:
            return seal(self._keyring.service_keys(retention_of(kind)), header.id, AGENCY, told)
        return self._about(header, about, other, told)

    def _about(self, header: Header, about: str, other: str, told: dict[str, Any]) -> Sealed:
        retention = retention_of(told["type"])
        if other and other != about:
            pair = self._keyring.pair_keys(_named(about), _named(other), retention)
            told = without_grounds(pair, header.id, told)
        keys: SubjectKeys = self._keyring.keys_about(*_named(about), retention)
        return seal(keys, header.id, AGENCY, told)


def record_text(told: Mapping[str, Any]) -> str:
    """The record that an agency's event is about, in its text form."""
    return str(record_of(parse_source(told["source"]), told["subject"]))


def _named(record: str) -> tuple[str, str]:
    return record.partition(":")[0], record
