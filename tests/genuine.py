"""Events as a hub makes them, each with the id that follows from it; and what somebody else with the keys may write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from events.canonical import canonical
from events.catalogue import TYPES
from events.codec import Sealed, StoredRow, seal
from events.envelope import schema_urn
from events.identity import SubjectKeys, event_id, fact_token
from events.ids import EventId
from tests.keyring import stored

HOUSING = "housing.accommodation-changed"
MOVED_IN: Mapping[str, Any] = {"tenure": "social-rent", "action": "started"}
OPENED: Mapping[str, Any] = {"person": "7K2M-9QX3", "record": "north:housing/tenant/1", "subject": "ab" * 16}


def told_of(
    keys: SubjectKeys,
    kind: str = HOUSING,
    payload: Mapping[str, Any] = MOVED_IN,
    *,
    agency: str = "north",
    fact: str = "tenancy/1",
    **more: Any,
) -> dict[str, Any]:
    """The attributes of a stored event."""
    known = TYPES.get(kind)
    return {
        "source": f"urn:tellonce:source:{agency}:crm",
        "subject": "tenant/1",
        "type": kind,
        "dataschema": schema_urn(kind, known.version if known is not None else 1),
        "fact": fact,
        "factref": fact_token(keys, fact).hex(),
        "dataclassification": "confidential",
        "orderfrom": "sender",
        "data": payload,
        **more,
    }


def genuine(keys: SubjectKeys, number: int = 1, *, agency: str = "north", **told: Any) -> Sealed:
    """An event of an agency, of the order that is given."""
    attributes = told_of(keys, agency=agency, **{"order": str(number), **told})
    said = {name: value for name, value in attributes.items() if name != "dataclassification"}
    return seal(keys, event_id(keys, said, canonical(attributes["data"]), None), agency, attributes)


def decided(keys: SubjectKeys, number: int = 1) -> Sealed:
    """An opening of the hub's."""
    attributes = told_of(keys, "hub.person-opened", OPENED, agency="hub")
    return seal(keys, EventId(number.to_bytes(32, "big")), "hub", attributes)


def a_row(keys: SubjectKeys, number: int = 1, **told: Any) -> StoredRow:
    """The row of a genuine event."""
    return stored(genuine(keys, number, **told), number, number)
