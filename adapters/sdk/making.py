"""Facts to events: checked, named, ordered, given their keyed id and sealed for the log."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from adapters.sdk.adapter import Adapter, Fact, Finding, Message, Setting, Translation
from adapters.sdk.ordinals import Ordinals
from adapters.sdk.register import Agency
from events.canonical import canonical, without_nul
from events.catalogue import TYPES, check_payload, check_retraction
from events.codec import Sealed, seal
from events.envelope import schema_urn
from events.errors import RejectedMessage
from events.identity import STAND_IN, RecordKeys, SubjectKeys, event_id, fact_token
from events.ids import EventId, checked_subject, source_of
from events.order import normal_instant, parse_order
from events.others import ATTRIBUTE as OTHERS
from events.others import boxed, may_name_others, other_class, parted

_FACT_NAME_MAX = 512
_GROUP_TYPE = "record.retracted"
_RAW = "raw"  # the class under which a record's part of a receipt is sealed
ERASED = "subject-erased"
_OF_A_FILE = "file:"
_SCHEMAS = {name: schema_urn(name, kind.version) for name, kind in TYPES.items()}


class Made(NamedTuple):
    """An event ready for the log."""

    id: EventId
    sealed: Sealed
    findings: tuple[Finding, ...]


class Making(NamedTuple):
    """What was made of a message: its events, why some facts could not become one, and whose message it is."""

    made: tuple[Made, ...] = ()
    refused: Sequence[Finding] = ()
    owners: tuple[SubjectKeys, ...] = ()  # of every record it tells of, in order of key id; none where nothing was made
    ordinals: tuple[int, ...] = ()  # what was counted over the whole receipt, in the order in which it was asked


class EventMaker:
    """Makes the events of one receipt; counts places over the whole of it."""

    def __init__(
        self, agency: Agency, setting: Setting, adapter: Adapter, keyring: RecordKeys, receipt_id: str
    ) -> None:
        self._urn = source_of(agency.name, setting.system).urn
        self._records = f"{agency.name}:{setting.system}/"  # what a record's text form begins with
        self._agency = agency
        self._file_name = setting.file_name
        self._keyring = keyring
        self._receipt_id = receipt_id
        self._adapter = f"{adapter.name}@{adapter.version}"
        self.version = adapter.version
        self._places = Ordinals()
        self._rows = Ordinals()
        self._known: list[int] = []
        self._given: list[int] = []

    def record_of(self, fact: Fact) -> tuple[str, str]:
        """Agency and record that a fact is about; what is no record is refused when its event is made."""
        return self._agency.name, f"{self._records}{fact.record_type}/{fact.local_id}"

    def make(self, message: Message, translation: Translation, ordinals: Sequence[int] = ()) -> Making:
        """Events of a translated message, and why some of its facts could not become one.

        `ordinals` are those of an earlier reading: messages that counted then may be gone now.
        """
        if not translation.facts or translation.quarantined is not None:
            return Making()
        self._known = list(reversed(ordinals))
        self._given = []
        shared = self._shared(message)
        stand_in: str | None = None
        here: Counter[tuple[str, ...]] = Counter()
        made: list[Made] = []
        refused: list[Finding] = []
        for fact in translation.facts:
            try:
                order, findings = self._order(fact, here)
                if order is None and stand_in is None:
                    stand_in, found = self._stand_in(message, shared["rawhash"])
                    findings += found
                made.append(self._event(fact, order, findings, stand_in, shared))
            except RejectedMessage as error:
                refused.append(Finding(error.code, f"{fact.type} {error.where}".strip(), _sentence(error)))
        return Making(tuple(made), refused, self._owners(translation.facts) if made else (), tuple(self._given))

    def _owners(self, facts: Sequence[Fact]) -> tuple[SubjectKeys, ...]:
        """Keys of the records that a message tells of, for what is kept of it; without those that are no records."""
        names = {(fact.record_type, fact.local_id) for fact in facts}
        found: list[SubjectKeys] = []
        for kind, local_id in names:
            try:
                subject = checked_subject(f"{kind}/{local_id}")
                found.append(self._keyring.keys_of(self._agency.name, self._records + subject, _RAW))
            except RejectedMessage:  # no record, or an erased one: its fact was refused for that
                continue
        return tuple(found) if len(found) == 1 else tuple(sorted(found, key=lambda keys: keys.key_id))

    def _count(self, counter: Ordinals, key: str | tuple[str, ...]) -> int:
        if self._known:
            ordinal = self._known.pop()
            counter.resume_at(key, ordinal)
        else:
            ordinal = counter.next_of(key)
        self._given.append(ordinal)
        return ordinal

    def _shared(self, message: Message) -> dict[str, str]:
        """Attributes that every event of the message carries."""
        shared = {
            "adapter": self._adapter,
            "lawfulbasis": self._agency.lawful_basis,
            "rawhash": hashlib.sha256(message.raw).hexdigest(),
            "rawref": f"{self._receipt_id}#{message.place}",
        }
        return shared if message.sender_id is None else {**shared, "senderid": message.sender_id}

    def _order(self, fact: Fact, here: Counter[tuple[str, ...]]) -> tuple[str | None, list[Finding]]:
        """The normal form of the fact's order, ending in its place (docs/laws.md, "Order")."""
        if fact.order is None:
            return None, []
        order = parse_order(fact.order)
        if order is None:
            return None, [Finding("bad-order", f"{fact.type} order", "not an integer or instant; taken as none")]
        if fact.order_is_whole:
            return order.text, []
        key = (fact.record_type, fact.local_id, fact.name or f"~{fact.group}", order.text)
        if fact.order_from == "file":
            return f"{order.text}/{self._count(self._places, key)}", []
        here[key] += 1
        return f"{order.text}/{here[key] - 1}", []

    def _stand_in(self, message: Message, rawhash: str) -> tuple[str, list[Finding]]:
        """What takes the order's place in the id of a sender that gives none."""
        if message.sender_id is not None:
            return f"id:{message.sender_id}", []
        if self._file_name is not None:
            return f"{_OF_A_FILE}{self._file_name}:{rawhash}:{self._count(self._rows, rawhash)}", []
        finding = Finding("no-message-id", "message", "no order, id or file name: sent again, it would be new")
        return f"receipt:{self._receipt_id}#{message.place}", [finding]

    def _event(
        self, fact: Fact, order: str | None, findings: list[Finding], stand_in: str | None, shared: Mapping[str, str]
    ) -> Made:
        subject = checked_subject(f"{fact.record_type}/{fact.local_id}")
        _check(fact)
        content, found = _content(fact)
        said = self._said(fact, subject, order)
        record = self._records + subject
        keys = self._keyring.keys_of(self._agency.name, record, TYPES[fact.type].retention)
        identity = event_id(keys, said, content, stand_in)
        # The rest is no part of the id: how it came, and what the register supplies.
        attributes: dict[str, Any] = {**said, **fact.attributes, **shared}
        if order is None and stand_in is not None and stand_in.startswith(_OF_A_FILE):
            attributes[STAND_IN] = stand_in
        attributes["dataschema"] = _SCHEMAS[fact.type]
        attributes["orderfrom"] = fact.order_from if order is not None else "arrival"
        attributes["dataclassification"] = fact.sensitivity or self._agency.default_sensitivity
        if fact.name is not None:
            attributes["factref"] = fact_token(keys, fact.name).hex()
        all_findings = (*fact.findings, *findings, *found)
        if all_findings:
            attributes["findings"] = [f"{finding.code} {finding.where}".strip() for finding in all_findings]
        if fact.action == "assert" and may_name_others(fact.type):
            content = self._without_others(fact, record, keys, identity, content, attributes)
        attributes["data"] = orjson.Fragment(content)
        return Made(identity, seal(keys, identity, self._agency.name, attributes), all_findings)

    def _without_others(
        self,
        fact: Fact,
        record: str,
        keys: SubjectKeys,
        identity: EventId,
        content: bytes,
        attributes: dict[str, Any],
    ) -> bytes:
        """The content without its third persons, who go into a box of their own beside it."""
        content, others = parted(fact.type, content)
        if others:
            retention = other_class(fact_token(keys, fact.name or ""))
            theirs = self._keyring.keys_of(self._agency.name, record, retention)
            attributes[OTHERS] = boxed(theirs, identity, others)
        return content

    def _said(self, fact: Fact, subject: str, order: str | None) -> dict[str, str]:
        """The attributes that the id covers."""
        said = {
            "source": self._urn,
            "subject": subject,
            "fact": fact.name,
            "type": fact.type,
            "action": fact.action if fact.action != "assert" else None,
            "time": _instant(fact.time, "time"),
            "recordedtime": _instant(fact.recorded_time, "recordedtime"),
            "saidby": fact.said_by,
            "dataclassification": fact.sensitivity,
            "factgroup": fact.group,
            "returnscope": fact.return_scope,
            "order": order,
        }
        return {name: value for name, value in said.items() if value is not None}


def _check(fact: Fact) -> None:
    if fact.type.startswith("hub."):
        raise RejectedMessage("type-reserved", "types that begin with hub. are the hub's own", where="type")
    if fact.action == "withdraw-group":
        if fact.name is not None or not fact.group or fact.type != _GROUP_TYPE:
            raise RejectedMessage(
                "bad-withdraw-group", f"it carries factgroup, no fact, and the type {_GROUP_TYPE}", where="action"
            )
        check_retraction(fact.payload)
        return
    if not fact.name or len(fact.name) > _FACT_NAME_MAX or "\0" in fact.name:
        raise RejectedMessage("bad-fact", f"a fact's name has 1 to {_FACT_NAME_MAX} characters", where="fact")
    if fact.action == "assert":
        check_payload(fact.type, fact.payload)
    elif fact.type not in TYPES:
        raise RejectedMessage("unknown-type", "the catalogue has no such event type", where="type")
    else:
        check_retraction(fact.payload)


def _sentence(error: RejectedMessage) -> str:
    return f"{error.what}. {error.next_step}" if error.next_step else error.what


def _content(fact: Fact) -> tuple[bytes, list[Finding]]:
    content = canonical(fact.payload)
    cleaned, had_nul = without_nul(content, fact.payload)
    if not had_nul:
        return content, []
    return canonical(cleaned), [Finding("nul-character", "data", "U+0000 was replaced by U+FFFD")]


def _instant(text: str | None, where: str) -> str | None:
    if text is None:
        return None
    instant = normal_instant(text)
    if instant is None:
        raise RejectedMessage("bad-time", "not an RFC 3339 instant with an offset", where=where)
    return instant
