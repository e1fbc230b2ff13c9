"""One CloudEvent of an agency to one fact (docs/adapters/cloudevents.md has every attribute)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

from adapters.sdk.adapter import Action, Fact, Finding, OrderFrom, Setting, Translation
from events.canonical import strict_loads
from events.catalogue import TYPES, Sensitivity
from events.catalogue.shapes import SaidBy
from events.errors import RejectedMessage
from events.order import normal_instant
from events.upcasters import upcast

ID_MAX_CHARACTERS = 512
# Documented extensions that are carried as they are.
CARRIED = frozenset(
    {
        "art10condition",
        "art9condition",
        "causationid",
        "correlationid",
        "datacategory",
        "dataref",
        "expirytime",
        "lawfulbasis",
        "partitionkey",
        "purpose",
        "sequence",
        "traceparent",
        "validuntil",
    }
)
# What the hub itself says of an event: an event read from a hub may carry these, and they count for nothing.
OF_THE_HUB = frozenset({"adapter", "factref", "findings", "keyid", "rawhash", "rawref", "sealed", "senderid"})
_READ = frozenset(
    {
        "action",
        "data",
        "data_base64",
        "dataclassification",
        "datacontenttype",
        "dataschema",
        "fact",
        "factgroup",
        "id",
        "order",
        "orderfrom",
        "recordedtime",
        "returnscope",
        "saidby",
        "source",
        "specversion",
        "subject",
        "time",
        "type",
    }
)
_REQUIRED = frozenset({"id", "source", "type", "subject"})
_LISTS: Mapping[str, frozenset[str]] = {
    "action": frozenset(get_args(Action)),
    "orderfrom": frozenset(get_args(OrderFrom)),
    "saidby": frozenset(get_args(SaidBy)),
    "dataclassification": frozenset(get_args(Sensitivity)),
}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")  # CloudEvents 1.0.2, "Type System": not allowed in attributes
_JSON_TYPE = re.compile(r"[\w.-]+/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SCHEMA = re.compile(r"(?:urn:tellonce:schema:([a-z.-]+):|(?:.*/)?events/([a-z.-]+)/)([1-9]\d{0,3})(?:\.json)?")
_GROUP_TYPE = "record.retracted"


def translated(raw: bytes, setting: Setting) -> Translation:
    """The fact that an event asserts, withdraws or voids, or why it cannot be taken."""
    try:
        event = strict_loads(raw)
        if not isinstance(event, dict):
            raise _refused("not-an-event", "event", "an event is a JSON object")
        findings = _checked(event, raw, setting)
        return Translation((_fact(event, findings),))
    except RejectedMessage as error:
        return Translation(quarantined=Finding(error.code, error.where or "event", _sentence(error)))


def _checked(event: dict[str, Any], raw: bytes, setting: Setting) -> list[Finding]:
    """What is odd about the envelope; raises RejectedMessage for what makes it unreadable. Drops nulls."""
    if event.get("specversion") != "1.0":
        raise _refused("unknown-specversion", "specversion", "CloudEvents 1.0 says specversion 1.0")
    kinds = list(map(type, event.values()))
    if kinds.count(str) != len(kinds) - 1 or type(event.get("data")) is not dict:
        for name, value in list(event.items()):
            if type(value) is not str and name != "data":
                _settle(event, name, value)
    if "" in event.values() or not event.keys() >= _REQUIRED:
        _refuse_empty(event)
    if event["source"] != f"urn:tellonce:source:{setting.agency}:{setting.system}":
        raise _refused("source-not-yours", "source", f"sent as {setting.agency}/{setting.system}, which it must name")
    if b"\\" in raw:
        _refuse_control_characters(event)
    _check_values(event)
    return [] if _READ.issuperset(event) else _left_over(event)


def _settle(event: dict[str, Any], name: str, value: object) -> None:
    """CloudEvents attributes are texts, integers or booleans; null means absent."""
    if value is None:
        del event[name]
    elif name in CARRIED and isinstance(value, int):
        event[name] = str(value).lower()
    elif name not in OF_THE_HUB and name in _READ | CARRIED:
        raise _refused("bad-attribute", name, "must be a text")


def _refuse_empty(event: Mapping[str, Any]) -> None:
    for name in sorted(_REQUIRED):
        if not event.get(name):
            raise _refused("missing-attribute", name, "every event names its id, source, type and subject")
    for name in sorted(_READ):
        if event.get(name) == "":
            raise _refused("bad-attribute", name, "is empty: leave it out")


def _refuse_control_characters(event: Mapping[str, Any]) -> None:
    for name, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            shown = name if name in _READ | CARRIED else "an attribute"
            raise _refused("control-character", shown, "attributes hold no control characters")


def _check_values(event: Mapping[str, Any]) -> None:
    get = event.get
    if len(event["id"]) > ID_MAX_CHARACTERS:
        raise _refused("bad-attribute", "id", f"may have {ID_MAX_CHARACTERS} characters at most")
    if not event["subject"].partition("/")[2]:
        raise _refused("bad-record", "subject", "a record is named <record-type>/<local id>")
    for name, allowed in _LISTS.items():
        if (value := get(name)) is not None and value not in allowed:
            raise _refused("bad-attribute", name, f"must be one of {', '.join(sorted(allowed))}")
    for name in ("time", "recordedtime"):
        if (value := get(name)) is not None and not _is_instant(value):
            raise _refused("bad-time", name, "must be an RFC 3339 instant with its offset; less exact dates: effective")


def _is_instant(text: str) -> bool:
    if normal_instant(text) is not None:
        return True
    try:  # one that an offset leads out of the years 1 to 9999: refused with its event, when that is made
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return _INSTANT.fullmatch(text) is not None


def _left_over(event: Mapping[str, Any]) -> list[Finding]:
    """Findings for attributes that are not carried. Their names come from a stranger: only plain ones are repeated."""
    findings = []
    for name in sorted(event.keys() - _READ - CARRIED):
        shown = name if len(name) <= 20 and name.isascii() and name.isalnum() and name.islower() else "an attribute"
        if name in OF_THE_HUB:
            findings.append(Finding("reserved-attribute", shown, "the hub says this itself; what was sent is left out"))
        else:
            findings.append(Finding("unknown-attribute", shown, "not among the documented extensions; left out"))
    return findings


def _fact(event: Mapping[str, Any], findings: list[Finding]) -> Fact:
    get = event.get
    kind: str = event["type"]
    action: Action = get("action", "assert")
    name = _fact_name(event, kind, action)
    payload = _payload(event, kind, action, findings)
    order, order_from = _order(get("order"), get("orderfrom"))
    record_type, _, local_id = event["subject"].partition("/")
    return Fact(
        record_type,
        local_id,
        kind,
        name,
        payload,
        action,
        order,
        order_from,
        True,
        get("time"),
        get("recordedtime"),
        get("saidby"),
        get("dataclassification"),
        get("factgroup"),
        get("returnscope"),
        tuple(findings),
        {} if CARRIED.isdisjoint(event) else {each: event[each] for each in CARRIED & event.keys()},
    )


def _fact_name(event: Mapping[str, Any], kind: str, action: Action) -> str | None:
    if kind not in TYPES or kind.startswith("hub."):
        if kind.startswith("hub."):
            raise _refused("type-reserved", "type", "types that begin with hub. are the hub's own")
        raise _refused("unknown-type", "type", "the catalogue has no such event type; `tellonce schemas` lists them")
    name: str | None = event.get("fact")
    if action != "withdraw-group":
        return name or f"{kind}/{event['id']}"
    if name is not None or "factgroup" not in event or kind != _GROUP_TYPE:
        raise _refused("bad-withdraw-group", "action", f"it carries factgroup, no fact, and the type {_GROUP_TYPE}")
    return None


def _order(order: str | None, order_from: OrderFrom | None) -> tuple[str | None, OrderFrom]:
    if order is None:
        if order_from in ("sender", "file"):
            raise _refused("contradictory-order", "orderfrom", "says where the order comes from, and there is none")
        return None, "arrival"
    if order_from == "arrival":
        raise _refused("contradictory-order", "orderfrom", "says that arrival is the order, and there is an order")
    return order, order_from or "sender"


def _payload(event: Mapping[str, Any], kind: str, action: Action, findings: list[Finding]) -> Mapping[str, Any]:
    if "data_base64" in event or not _is_json_type(event.get("datacontenttype", "application/json")):
        raise _refused("data-not-json", "data", "the payload is a JSON object in `data`; send documents by reference")
    payload = event.get("data")
    if payload is None and action != "assert":
        return {}
    if not isinstance(payload, dict):
        raise _refused("data-not-object", "data", "the payload is a JSON object")
    if "dataschema" in event and action == "assert":
        return _at_present_version(payload, event["dataschema"], kind, findings)
    return payload


def _at_present_version(
    payload: Mapping[str, Any], schema: str, kind: str, findings: list[Finding]
) -> Mapping[str, Any]:
    """The payload as the type's present version tells it. Raises RejectedMessage `unknown-version`."""
    found = _SCHEMA.fullmatch(schema)
    if found is None:
        findings.append(Finding("unknown-schema", "dataschema", "not one of ours; read as the type's present version"))
        return payload
    if (found[1] or found[2]) != kind:
        raise _refused("schema-mismatch", "dataschema", "names another type than `type`")
    return upcast(kind, int(found[3]), payload)[1]


@lru_cache(maxsize=64)
def _is_json_type(content_type: str) -> bool:
    return _JSON_TYPE.fullmatch(content_type.strip()) is not None


def _refused(code: str, where: str, what: str) -> RejectedMessage:
    return RejectedMessage(code, what, where=where)


def _sentence(error: RejectedMessage) -> str:
    return f"{error.what}. {error.next_step}".strip() if error.next_step else error.what
