"""Whether an opened event is what its id, its type and its envelope say; what is not counts for nobody.

Who wrote a row may have had its key and still not be a hub that checks what it writes. So whoever opens one looks
again. It is a function of bytes and keys alone: each reader, and each rebuild, finds the same. Pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

import orjson

from events.catalogue.checking import check_payload, check_retraction
from events.catalogue.registry import TYPES
from events.envelope import ACTIONS, SCHEMA_PREFIX, Event, schema_urn
from events.errors import RejectedMessage
from events.identity import is_id_of
from events.ids import checked_subject, parse_source
from events.upcasters import Content, upcast

BROKEN_ROW = "broken-row"
_CURRENT = {name: schema_urn(name, kind.version) for name, kind in TYPES.items()}
_REQUIRED = frozenset({"source", "subject", "type", "dataschema", "orderfrom", "data"})
_OF_A_FACT = _REQUIRED | {"fact", "factref"}
_HUB = "hub"
_VERSION = re.compile(r"[1-9]\d{0,3}", re.ASCII)


def fault_of(event: Event) -> str | None:
    """The code of why an event may not count; None for one that may, if its id is its own (`has_own_id`)."""
    try:
        return _fault_of_envelope(event) or _fault_of_payload(event)
    except RejectedMessage as error:
        return error.code


def has_own_id(event: Event, id_key: bytes) -> bool:
    """Whether an agency's event, with every third person that it was sent with, has the id that follows from it."""
    content = orjson.dumps(event.payload, option=orjson.OPT_SORT_KEYS)  # canonical: what was read back holds no NaN
    return is_id_of(event.id, id_key, event.attributes, content)


def _fault_of_envelope(event: Event) -> str | None:
    """Raises RejectedMessage."""
    told = event.attributes
    is_of_hub = event.agency == _HUB
    action = told.get("action", "assert")
    wanted = _REQUIRED if is_of_hub or action == "withdraw-group" else _OF_A_FACT
    # Counted, not gone through: it is done for every event that is ever read.
    texts = list(map(type, told.values())).count(str)
    if not told.keys() >= wanted or texts != len(told) - 1 - ("findings" in told) or type(told["data"]) is not dict:
        return BROKEN_ROW
    if action not in ACTIONS or type(told.get("findings", [])) is not list:
        return BROKEN_ROW
    agency = _agency_of(told["source"])
    if is_of_hub:
        return None  # what it says of a source may name that one as its own, as the closing of a return does
    checked_subject(told["subject"])
    return None if agency == event.agency else "foreign-key"


def _fault_of_payload(event: Event) -> str | None:
    """Raises RejectedMessage: what an older version told has to fit as the current one tells it."""
    told = event.attributes
    kind, payload = told["type"], told["data"]
    if told["dataschema"] != _CURRENT.get(kind):
        payload = _as_current(kind, told["dataschema"], payload)
    if told.get("action", "assert") == "assert":
        check_payload(kind, payload)
    else:
        check_retraction(payload)
    return None


def _as_current(kind: str, urn: str, payload: Content) -> Content:
    """Raises RejectedMessage `unknown-type`, `unknown-version`, `bad-payload`."""
    version = urn.removeprefix(f"{SCHEMA_PREFIX}{kind}:")
    if kind in TYPES and _VERSION.fullmatch(version) is None:
        raise RejectedMessage("unknown-version", "the schema named is none of the type's", where="dataschema")
    try:
        return upcast(kind, int(version) if kind in TYPES else 0, payload)[1]
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # a step takes what its version allows
        raise RejectedMessage("bad-payload", f"the payload does not fit {kind}", where="data") from error


@lru_cache(maxsize=1024)
def _agency_of(urn: str) -> str:
    """Raises RejectedMessage `bad-source`."""
    return parse_source(urn).agency
