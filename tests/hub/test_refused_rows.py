"""Rows that somebody with all keys wrote into the log: refused and shown, while their record's lane goes on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.canonical import canonical
from events.catalogue.base import retention_of
from events.codec import Sealed, seal
from events.identity import event_id
from events.ids import EventId
from hub.assembly import Hub
from hub.reading import Reading, TimelineQuestion
from hub.services import Services
from hub.views import projections
from projections.engine.target import halted_lanes, refused_rows
from projections.engine.testing import digest
from tests.genuine import told_of
from tests.hub.homes import ADMIN, STEWARD, cloudevent, nhs_number, open_home, registration, send

NUMBER = nhs_number(1)
SAID = "aboutme.statement-shared"
RECORD = "housing:crm/tenant/1"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with open_home(tmp_path / "home") as hub:
        send(hub, registration("r1", "tenant/1", number=NUMBER), statement("s1", "before"))
        yield hub


def statement(message_id: str, text: str) -> dict[str, Any]:
    return cloudevent(message_id, SAID, "tenant/1", {"topic": "hopes", "text": text}, fact=message_id)


def forged(hub: Hub, *, identity: bytes | None = None, **told: Any) -> Sealed:
    """About her record, under its keys: with the id that follows from it, unless another is given."""
    keys = hub.keys.keys_of("housing", RECORD, retention_of(told.get("kind", SAID)))
    attributes = told_of(
        keys, **{"kind": SAID, "payload": {"topic": "hopes", "text": "forged"}, "agency": "housing", **told}
    )
    said = {name: value for name, value in attributes.items() if name != "dataclassification"}
    own = event_id(keys, said, canonical(attributes["data"]), None)
    return seal(keys, EventId(identity) if identity is not None else own, "housing", attributes)


def of_hub(hub: Hub) -> Sealed:
    """What the hub's own key says of her record, of a type that there is not."""
    keys = hub.keys.keys_about("housing", RECORD, "core")
    attributes = told_of(keys, "hub.sold", {"to": "nobody"}, agency="hub")
    return seal(keys, EventId(b"h" * 32), "hub", attributes)


def texts(hub: Hub) -> list[str]:
    entries = Reading(hub).timeline(STEWARD, TimelineQuestion(nhs_number=NUMBER, limit=5_000))["entries"]
    return sorted(each["payload"]["text"] for each in entries if "text" in each["payload"])


def refused(hub: Hub) -> list[str]:
    return [each["code"] for each in reversed(Services(hub).sources(ADMIN)["refused"])]


def state(hub: Hub) -> tuple[dict[str, str], list[Any]]:
    with hub.store.snapshot() as db:
        return {projection.name: digest(projection, db) for projection in projections()}, refused_rows(db, 1_000)


FORGED = {
    "wrong-id": {"identity": b"i" * 32, "order": "1"},
    "unknown-type": {"kind": "aboutme.sold", "order": "2"},
    "unknown-version": {"dataschema": f"urn:tellonce:schema:{SAID}:9", "order": "3"},
    "bad-payload": {"payload": {"topic": "hopes", "text": 7}, "order": "4"},
    "foreign-key": {"source": "urn:tellonce:source:hospital:crm", "order": "5"},
    "broken-row": {"action": "erase", "order": "6"},
    "bad-record": {"subject": "nobody", "order": "7"},
}


@pytest.mark.parametrize("code", FORGED)
def test_a_row_that_does_not_count_is_shown_and_the_next_one_is_on_the_timeline(hub: Hub, code: str) -> None:
    hub.log.append([forged(hub, **FORGED[code])])
    send(hub, statement("s2", "after"))
    assert texts(hub) == ["after", "before"]
    assert refused(hub) == [code]
    assert hub.runner.fault is None
    with hub.store.snapshot() as db:
        assert halted_lanes(db) == []


def test_an_unknown_type_under_the_hubs_own_key_stops_neither_views_nor_linkage(hub: Hub) -> None:
    hub.log.append([of_hub(hub)])
    his = {"topic": "hopes", "text": "of a second record"}
    send(hub, registration("r2", "tenant/2", number=NUMBER), cloudevent("s2", SAID, "tenant/2", his))
    assert texts(hub) == ["before", "of a second record"]  # which was linked to her
    assert refused(hub) == ["unknown-type"]
    assert hub.runner.fault is None


def test_a_rebuild_refuses_the_same_rows(hub: Hub, rng: random.Random) -> None:
    rows = [*(forged(hub, **told) for told in FORGED.values()), of_hub(hub)]
    for number, row in enumerate(rng.sample(rows, len(rows))):
        hub.log.append([row])
        send(hub, statement(f"m{number}", f"{number}"))
    live = state(hub)
    assert sorted(each.code for each in live[1]) == sorted([*FORGED, "unknown-type"])
    for view in (None, "timeline"):
        hub.runner.rebuild(view)
        assert state(hub) == live


def test_erased_with_her_record_they_are_shown_no_more(hub: Hub) -> None:
    hub.log.append([forged(hub, **told) for told in FORGED.values()])
    assert hub.wait_until_read(60)
    assert len(refused(hub)) == len(FORGED)
    hub.eraser.erase(RECORD, ground="request")
    assert hub.wait_until_read(60)
    assert refused(hub) == []
