"""A sister is named in somebody else's record: she can be removed from it alone, and nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.codec import read_header
from events.ids import FactToken, SubjectId, parse_fact_reference
from events.log.sqlite import PARTITION
from events.others import other_class
from hub.assembly import Hub
from hub.linkage.decisions import DecisionWriter
from hub.reading import Reading, TimelineQuestion
from hub.views import projections
from projections.engine.testing import digest
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send

SISTER = {
    "name": {"family": "Placeholder", "given": ["Wilhelmina"]},
    "relation": {"text": "sister"},
    "telecoms": [{"value": "07700 900123"}],
}
RELATION = {"other": SISTER, "roles": ["next-of-kin"], "action": "stated"}
MARKED = {"other": {"removed": True}, "roles": ["next-of-kin"], "action": "stated"}
TENANT, SISTERS = "housing:crm/tenant/1", "hospital:crm/patient/2"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with open_home(tmp_path / "home") as hub:
        send(hub, registration("1", "tenant/1", number=nhs_number(1)), named("2", RELATION))
        send(hub, registration("3", "patient/2", number=nhs_number(2), agency="hospital"))
        yield hub


def named(message_id: str, data: dict[str, Any], fact: str = "next-of-kin/1", **more: Any) -> dict[str, Any]:
    return cloudevent(message_id, "circle.relationship-changed", "tenant/1", data, fact=fact, **more)


def relations(hub: Hub) -> list[dict[str, Any]]:
    (found,) = Reading(hub).find(STEWARD, record=TENANT)["people"]
    question = TimelineQuestion(person=found["person"], type="circle.relationship-changed")
    entries: list[dict[str, Any]] = Reading(hub).timeline(STEWARD, question)["entries"]
    return entries


def remove(hub: Hub, subject: SubjectId, token: FactToken) -> None:
    """Destroys the secret, then says so: what is read again does not open any more."""
    retention = other_class(token)
    gone = hub.keys.destroy(subject, [retention])
    payload = {
        "subject": subject.hex(),
        "key_ids": [name.key_id.hex() for name in gone],
        "ground": "objection",
        "retention_class": retention,
    }
    writer = DecisionWriter(hub.keys)
    row = writer.row("hub.class-shredded", subject.hex(), payload, cause=retention, model="manual")
    (outcome,) = hub.log.append([row])
    assert hub.runner.wait_for(outcome.placed.offset, 20)


def digests(hub: Hub) -> dict[str, str]:
    with hub.store.snapshot() as db:
        return {projection.name: digest(projection, db) for projection in projections()}


def test_readers_see_her_as_sent_and_her_name_lies_in_no_body(hub: Hub) -> None:
    (entry,) = relations(hub)
    assert entry["payload"] == RELATION
    assert entry["title"] == "Person in the circle: sister (next of kin)"
    rows = list(hub.log.read(PARTITION, 0, 100))
    keys = hub.keys.keys_of("housing", TENANT, "core")
    bodies = [
        keys.cipher.open(row.nonce, row.body, b"tellonce/event-body/1\0" + row.header)
        for row in rows
        if (header := read_header(row.header)) is not None and header.key_id == keys.key_id
    ]
    assert bodies
    assert not any(b"Placeholder" in body or b"07700" in body for body in bodies)


def test_removed_she_is_gone_from_every_reader_and_the_entry_says_so(hub: Hub) -> None:
    (entry,) = relations(hub)
    remove(hub, *parse_fact_reference(entry["fact"]))
    (after,) = relations(hub)
    assert after["payload"] == MARKED
    assert after["title"] == "Person in the circle (next of kin)"
    assert "Placeholder" not in repr(Reading(hub).history(STEWARD, entry["fact"]))
    live = digests(hub)
    hub.runner.rebuild()
    assert digests(hub) == live


def test_the_message_that_named_her_sent_again_brings_nobody_back(hub: Hub) -> None:
    (entry,) = relations(hub)
    remove(hub, *parse_fact_reference(entry["fact"]))
    report = send(hub, named("2", RELATION))
    assert report.counts.duplicates == 1
    assert [each["payload"] for each in relations(hub)] == [MARKED]


def test_named_again_she_is_there_again(hub: Hub) -> None:
    """Only the agency can see to it that its record names her no more."""
    (entry,) = relations(hub)
    remove(hub, *parse_fact_reference(entry["fact"]))
    send(hub, named("7", {**RELATION, "lives_with": True}, order="7"))
    assert [each["payload"] for each in relations(hub)] == [{**RELATION, "lives_with": True}]


def test_erasing_her_own_record_leaves_what_another_record_says_of_her(hub: Hub) -> None:
    hers = hub.keys.subject_of("hospital", SISTERS)
    assert hers is not None
    hub.keys.destroy(hers)
    hub.runner.rebuild()
    assert [each["payload"] for each in relations(hub)] == [RELATION]


def test_a_home_opened_again_reads_the_same(hub: Hub, tmp_path: Path) -> None:
    before = relations(hub)
    hub.close()
    with open_home(tmp_path / "home") as again:
        again.runner.rebuild()
        assert relations(again) == before
