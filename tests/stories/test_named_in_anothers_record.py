"""A sister is named in somebody else's record: she can be removed from it alone, and nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from events.codec import read_header
from events.errors import Refused
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.erasure.officer import Officer
from hub.erasure.steps import Steps
from hub.erasurelist import read_unchecked
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


def remove(hub: Hub, entry: dict[str, Any]) -> None:
    Officer(hub).redact(STEWARD, entry["position"], "objection", third_persons=True)


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
    remove(hub, entry)
    (after,) = relations(hub)
    assert after["payload"] == MARKED
    assert after["title"] == "Person in the circle (next of kin)"
    assert "Placeholder" not in repr(Reading(hub).history(STEWARD, entry["fact"]))
    live = digests(hub)
    hub.runner.rebuild()
    assert digests(hub) == live


def test_what_was_received_holds_her_no_more(hub: Hub, tmp_path: Path) -> None:
    (entry,) = relations(hub)
    raw = hub.keys.ciphers_of("housing", [subject_of(hub, TENANT)], "raw")
    assert raw
    remove(hub, entry)
    assert not hub.keys.ciphers_of("housing", [subject_of(hub, TENANT)], "raw")
    (listed,) = read_unchecked(tmp_path / "home" / "erasures.jsonl").entries
    assert listed.act == "shredded"
    assert len(listed.key_ids) == 2  # hers, and that of the raw messages


def test_where_nobody_is_named_nobody_is_removed(hub: Hub) -> None:
    (entry,) = relations(hub)
    remove(hub, entry)
    for position in (entry["position"], demographics(hub)["position"]):
        with pytest.raises(Refused, match="nobody-named"):
            Officer(hub).redact(STEWARD, position, "objection", third_persons=True)


def test_a_hold_keeps_her_there(hub: Hub) -> None:
    hub.acts.hold(TENANT, ground="litigation", reference="CASE-1")
    (entry,) = relations(hub)
    with pytest.raises(Refused, match="held"):
        remove(hub, entry)
    assert [each["payload"] for each in relations(hub)] == [RELATION]


@pytest.mark.parametrize("step", ["_enlist", "_tell", "destroy", "clear_views"])
def test_a_removal_that_was_cut_off_is_finished_before_anything_is_served(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (entry,) = relations(hub)
    with monkeypatch.context() as cut:
        cut.setattr(Steps, step, _cut_off)
        with pytest.raises(KeyboardInterrupt):
            remove(hub, entry)
    hub.close()
    with open_home(tmp_path / "home") as again:
        assert [each["payload"] for each in relations(again)] == [MARKED]
        live = digests(again)
        again.runner.rebuild()
        assert digests(again) == live


def test_whoever_is_named_anew_before_a_removal_is_finished_stays(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = relations(hub)
    with monkeypatch.context() as cut:
        cut.setattr(Steps, "clear_views", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            remove(hub, entry)
    anew = {**RELATION, "lives_with": True}
    send(hub, named("7", anew, order="7"))
    remove(hub, entry)
    assert [each["payload"] for each in relations(hub)] == [anew]
    live = digests(hub)
    hub.runner.rebuild()
    assert digests(hub) == live


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def subject_of(hub: Hub, record: str) -> SubjectId:
    subject = hub.keys.subject_of(record.partition(":")[0], record)
    assert subject is not None
    return subject


def demographics(hub: Hub) -> dict[str, Any]:
    (found,) = Reading(hub).find(STEWARD, record=TENANT)["people"]
    question = TimelineQuestion(person=found["person"], type="person.registered")
    entry: dict[str, Any] = Reading(hub).timeline(STEWARD, question)["entries"][0]
    return entry


def test_the_message_that_named_her_sent_again_brings_nobody_back(hub: Hub) -> None:
    (entry,) = relations(hub)
    remove(hub, entry)
    report = send(hub, named("2", RELATION))
    assert report.counts.duplicates == 1
    assert [each["payload"] for each in relations(hub)] == [MARKED]


def test_named_again_she_is_there_again(hub: Hub) -> None:
    """Only the agency can see to it that its record names her no more."""
    (entry,) = relations(hub)
    remove(hub, entry)
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
