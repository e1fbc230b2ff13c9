"""A record is erased in six steps, whatever happens in between; everybody else's stays as it was."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.envelope import Logged
from events.errors import Refused
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.erasure.runs import FOLDER
from hub.erasurelist import read_unchecked
from hub.ledger.verification import opener_of
from hub.reading import Reading, TimelineQuestion
from hub.settings import read_settings
from hub.views import projections
from projections.engine.store import ViewStore
from projections.engine.target import Target
from projections.engine.testing import digest
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send

ANN, BOB = "housing:crm/tenant/1", "housing:crm/tenant/2"
PATIENT = "hospital:crm/patient/1"


def hope(message_id: str, record: str, **more: Any) -> dict[str, Any]:
    data = {"topic": "hopes", "text": f"hope {message_id}"}
    return cloudevent(message_id, "aboutme.statement-shared", record, data, fact=f"hope/{message_id}", **more)


def fill(hub: Hub) -> None:
    """Ann is a tenant and, linked by number, a patient; Bob is another tenant."""
    send(hub, registration("1", "tenant/1", number=nhs_number(1)), hope("2", "tenant/1"), hope("3", "tenant/1"))
    send(hub, registration("4", "patient/1", number=nhs_number(1), agency="hospital"))
    send(hub, registration("5", "tenant/2", number=nhs_number(2)), hope("6", "tenant/2"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with open_home(tmp_path / "home") as hub:
        fill(hub)
        yield hub


def find(hub: Hub, record: str) -> list[str]:
    return [each["person"] for each in Reading(hub).find(STEWARD, record=record)["people"]]


def page(hub: Hub, person: str) -> dict[str, Any]:
    return Reading(hub).timeline(STEWARD, TimelineQuestion(person=person))


def shown(hub: Hub, record: str) -> list[tuple[str, str]]:
    (person,) = find(hub, record)
    return [(each["record"], each["name"]) for each in page(hub, person)["entries"] if each["record"] == record]


def events_of(hub: Hub) -> list[Logged]:
    """Whatever of the log still opens; the rest was erased."""
    found = hub.keys.ring.open(PARTITION, list(hub.log.read(PARTITION, 0, 1 << 40)))
    assert {each.code for each in found.closed} <= {"erased"}
    return found.logged


def types_of(hub: Hub) -> list[str]:
    return [logged.event.type for logged in events_of(hub)]


def assert_views_are_those_of_a_fresh_fold(hub: Hub, folder: Path) -> None:
    folder.mkdir()
    store = ViewStore(folder, projections())
    target = Target(store.writer(), projections(), hub.log.epoch, hub.log, hub.keys.ring)
    target.apply(PARTITION, list(hub.log.read(PARTITION, 0, hub.runner.applied)))
    with hub.store.snapshot() as live:
        for projection in projections():
            assert digest(projection, live) == digest(projection, target.db), projection.name
    target.db.close()


def assert_erased(hub: Hub, folder: Path) -> None:
    """Nothing of Ann the tenant, everything of Ann the patient and of Bob."""
    assert hub.wait_until_read(60)
    assert find(hub, ANN) == []
    assert shown(hub, PATIENT) == [(PATIENT, "demographics")]
    assert shown(hub, BOB) == [(BOB, "demographics"), (BOB, "hope/6")]
    assert not any("tenant/1" in str(logged.event.attributes) for logged in events_of(hub))
    assert types_of(hub).count("hub.subject-erased") == types_of(hub).count("hub.erasure-completed") == 1
    assert list((hub.home / FOLDER).iterdir()) == []
    assert_views_are_those_of_a_fresh_fold(hub, folder)


def test_an_erased_record_is_on_no_page_and_all_others_are(hub: Hub, tmp_path: Path) -> None:
    (person,) = find(hub, ANN)
    before = page(hub, person)["position"]
    told = hub.eraser.erase(ANN, ground="request", reference="DSR-7")
    assert told["events"] == 4  # three of hers, and the opening of her number
    assert_erased(hub, tmp_path / "fresh")
    # The number that was opened for her leads to the record that stays.
    assert [each["record"] for each in page(hub, person)["entries"]] == [PATIENT]
    assert before is not None


def test_the_dry_run_names_what_would_go_and_changes_nothing(hub: Hub) -> None:
    before = types_of(hub)
    plan = hub.eraser.plan(ANN).document()
    assert plan["by_type"] == [
        {"type": "aboutme.statement-shared", "many": 2},
        {"type": "person.registered", "many": 1},
    ]
    assert (plan["events"], plan["decisions"]) == (4, 1)  # her number was opened
    assert plan["others"] == [PATIENT]
    assert {each["holder"] for each in plan["keys"]} == {"housing", "hub"}
    assert types_of(hub) == before


def test_what_is_sent_about_an_erased_record_is_understood_and_not_kept(hub: Hub) -> None:
    hub.eraser.erase(ANN, ground="request")
    events = len(types_of(hub))
    again = [registration("1", "tenant/1", number=nhs_number(1)), hope("9", "tenant/1"), hope("10", "tenant/2")]
    report = hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps(again))
    assert (report.counts.quarantined, report.counts.not_mapped, report.counts.events) == (0, 2, 1)
    assert [each.reason for each in report.outcomes] == ["subject-erased", "subject-erased", ""]
    assert [each.findings[0].code for each in report.outcomes[:2]] == ["subject-erased"] * 2
    assert len(types_of(hub)) == events + 1
    assert hub.wait_until_read(60)
    assert find(hub, ANN) == []


def test_a_record_that_is_admitted_again_is_another_to_the_hub(hub: Hub) -> None:
    (before,) = find(hub, ANN)
    hub.eraser.erase(ANN, ground="request")
    hub.acts.readmit(ANN, ground="came-back")
    send(hub, registration("1", "tenant/1", number=nhs_number(3)))
    assert shown(hub, ANN) == [(ANN, "demographics")]
    assert find(hub, ANN) != [before]
    assert [each.act for each in read_unchecked(hub.home / "erasures.jsonl").entries] == ["erased", "readmitted"]
    with pytest.raises(Refused, match="not-erased"):
        hub.acts.readmit(ANN, ground="came-back")


def test_a_record_is_erased_once(hub: Hub) -> None:
    hub.eraser.erase(ANN, ground="request")
    for record in (ANN, "housing:crm/tenant/999"):
        with pytest.raises(Refused, match="unknown-record"):
            hub.eraser.erase(record, ground="request")


def decisions(hub: Hub) -> list[tuple[str, str]]:
    kinds = ("hub.person-opened", "hub.records-linked", "hub.records-unlinked", "hub.review-opened")
    return [(each.event.type, each.event.id.hex()) for each in events_of(hub) if each.event.type in kinds]


def test_nothing_is_decided_anew_after_an_erasure(tmp_path: Path) -> None:
    """The newest decision was about her: what came since its cause is looked at again at the next start."""
    with open_home(tmp_path) as hub:
        fill(hub)
        send(hub, hope("8", "tenant/2"), hope("9", "tenant/1"))
        send(hub, registration("10", "tenant/3", number=nhs_number(1)))
        before = decisions(hub)
        hub.eraser.erase("housing:crm/tenant/3", ground="request")
        assert hub.wait_until_read(60)
        left = decisions(hub)
        assert set(left) < set(before)
    with open_home(tmp_path) as hub:
        assert hub.wait_until_read(60)
        send(hub, hope("11", "tenant/2"))
        assert decisions(hub) == left
        assert find(hub, ANN) == find(hub, PATIENT)


# ---- holds


def test_a_held_record_is_not_erased_until_the_hold_is_lifted(hub: Hub, tmp_path: Path) -> None:
    hub.acts.hold(ANN, ground="litigation", reference="C-1")
    with pytest.raises(Refused, match="held"):
        hub.eraser.erase(ANN, ground="request")
    assert len(shown(hub, ANN)) == 3
    with pytest.raises(Refused, match="not-held"):
        hub.acts.lift(ANN, ground="settled", reference="C-2")
    hub.acts.lift(ANN, ground="settled", reference="C-1")
    hub.eraser.erase(ANN, ground="request")
    assert_erased(hub, tmp_path / "fresh")


def test_a_hold_on_a_person_lies_on_records_that_are_linked_later(hub: Hub) -> None:
    (person,) = find(hub, ANN)
    hub.acts.hold_person(person, ground="inquiry")
    hub.decisions.link(BOB, person, reason="the same", by="sam")
    for record in (ANN, PATIENT, BOB):
        with pytest.raises(Refused, match="held"):
            hub.eraser.erase(record, ground="request")
    assert sorted(hub.acts.lift_person(person, ground="closed")["records"]) == [PATIENT, ANN]
    hub.eraser.erase(BOB, ground="request")


def test_a_hold_outlasts_a_restart(tmp_path: Path) -> None:
    with open_home(tmp_path) as hub:
        fill(hub)
        hub.acts.hold(ANN, ground="litigation")
    with open_home(tmp_path) as hub, pytest.raises(Refused, match="held"):
        hub.eraser.erase(ANN, ground="request")


def test_of_a_hold_and_an_erasure_at_once_one_comes_first(hub: Hub) -> None:
    results: dict[str, str] = {}

    def attempt(name: str, act: Any) -> None:
        try:
            act()
            results[name] = "done"
        except Refused as error:
            results[name] = error.code

    threads = [
        threading.Thread(target=attempt, args=("erase", lambda: hub.eraser.erase(ANN, ground="request"))),
        threading.Thread(target=attempt, args=("hold", lambda: hub.acts.hold(ANN, ground="litigation"))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results.values()) in (["done", "held"], ["done", "unknown-record"], ["done", "subject-erased"])
    assert (results["hold"] == "done") == bool(find(hub, ANN))
    assert list((hub.home / FOLDER).glob("*")) == []


# ---- restrictions


def test_a_restricted_record_is_read_by_nobody_of_no_time(hub: Hub) -> None:
    (person,) = find(hub, ANN)
    (fact,) = [each["fact"] for each in page(hub, person)["entries"] if each["name"] == "hope/2"]
    then = Reading(hub).history(STEWARD, fact)["versions"][-1]["known"]
    hub.acts.restrict(ANN, ground="accuracy-contested")
    reading = Reading(hub)
    assert {each["record"] for each in page(hub, person)["entries"]} == {PATIENT}
    past = reading.timeline(STEWARD, TimelineQuestion(person=person, as_of=then))
    assert {each["record"] for each in past["entries"]} <= {PATIENT}
    assert [each["record"] for each in reading.person(STEWARD, person)["records"]] == [PATIENT]
    assert find(hub, ANN) == []
    with pytest.raises(Refused, match="unknown-fact"):
        reading.history(STEWARD, fact)
    hub.acts.unrestrict(ANN, ground="resolved")
    assert len(shown(hub, ANN)) == 3
    with pytest.raises(Refused, match="not-restricted"):
        hub.acts.unrestrict(ANN, ground="resolved")


def test_a_verification_that_looked_at_her_before_opens_nothing_of_hers_after(hub: Hub) -> None:
    """It is another process, which nobody tells of the erasure: what the certificate says of such holds."""
    subject = hub.keys.subject_of("housing", ANN)
    assert subject is not None
    assert hub.wait_until_read(20)
    hers = [row for row in hub.log.read(PARTITION, 0, 1_000) if subject in row.header]
    with opener_of(read_settings(hub.home, {})) as ring:
        assert ring is not None
        assert len(ring.open(PARTITION, hers).logged) == len(hers) > 2
        told = hub.eraser.erase(ANN, ground="request")
        opened = ring.open(PARTITION, hers)
    assert (opened.logged, {each.code for each in opened.closed}) == ([], {"erased"})
    assert "looks at each use" in told["leases"]


# ---- killed in between


class Killed(Exception):
    """What a kill is in a test."""


@pytest.mark.parametrize("step", range(1, 7))
def test_an_erasure_that_was_cut_off_is_finished_before_the_hub_serves(tmp_path: Path, step: int) -> None:
    def killed(done: int, of: int) -> None:
        if done == step:
            raise Killed

    home = tmp_path / "home"
    with open_home(home) as hub:
        fill(hub)
        with pytest.raises(Killed):
            hub.eraser.erase(ANN, ground="request", progress=killed)
    with open_home(home) as hub:
        assert_erased(hub, tmp_path / "fresh")
        (listed,) = read_unchecked(home / "erasures.jsonl").entries
        assert listed.act == "erased"


@pytest.mark.parametrize("step", range(1, 6))
def test_an_erasure_that_met_a_fault_goes_on_when_it_is_asked_for_again(hub: Hub, tmp_path: Path, step: int) -> None:
    def killed(done: int, of: int) -> None:
        if done == step:
            raise Killed

    with pytest.raises(Killed):
        hub.eraser.erase(ANN, ground="request", progress=killed)
    hub.eraser.erase(ANN, ground="request")
    assert_erased(hub, tmp_path / "fresh")


# ---- while others write and rebuild


def test_nothing_about_her_is_accepted_above_the_erasure(hub: Hub, tmp_path: Path) -> None:
    outcomes: list[tuple[int | None, str]] = []
    stopping = threading.Event()

    def sender(number: int) -> None:
        at = 0
        while not stopping.is_set():
            event = hope(f"t{number}-{at}", "tenant/1")
            report = hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps([event]))
            (outcome,) = report.outcomes
            placed = [int(each.position.rpartition(":")[2]) for each in outcome.events]
            codes = [finding.code for finding in outcome.findings]
            outcomes.append((placed[0] if placed else None, codes[0] if codes else outcome.reason))
            at += 1

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    rebuilding = threading.Thread(target=hub.runner.rebuild)
    rebuilding.start()
    told = hub.eraser.erase(ANN, ground="request")
    while all(at is not None for at, _ in outcomes):
        time.sleep(0.01)
    stopping.set()
    for thread in (*threads, rebuilding):
        thread.join(60)
    erased_at = told["proof"]["index"]
    assert {code for at, code in outcomes if at is None} <= {"subject-erased"}
    assert max((at for at, _ in outcomes if at is not None), default=0) < erased_at
    assert any(at is None for at, _ in outcomes)
    assert_erased(hub, tmp_path / "fresh")
    assert told["events"] == 4 + sum(at is not None for at, _ in outcomes)


# ---- an agency


def test_an_agency_goes_with_all_its_records_and_its_intake_closes(hub: Hub, tmp_path: Path) -> None:
    assert hub.eraser.erase_agency("housing", ground="contract-ended")["records"] == 2
    assert find(hub, ANN) == find(hub, BOB) == []
    assert shown(hub, PATIENT) == [(PATIENT, "demographics")]
    report = hub.intake.receive(Arrival("housing", "crm", "cloudevents"), orjson.dumps([hope("9", "tenant/77")]))
    assert report.counts.events == 0
    assert types_of(hub).count("hub.erasure-completed") == 2
    assert list((hub.home / FOLDER).iterdir()) == []
    assert_views_are_those_of_a_fresh_fold(hub, tmp_path / "fresh")
    with pytest.raises(Refused, match="unknown-agency"):
        hub.eraser.erase_agency("housing", ground="contract-ended")


def test_one_agency_goes_after_the_other(hub: Hub) -> None:
    for agency in ("housing", "hospital"):
        hub.eraser.erase_agency(agency, ground="contract-ended")
        report = hub.intake.receive(
            Arrival(agency, "crm", "cloudevents"), orjson.dumps([hope("9", "tenant/77", agency=agency)])
        )
        assert report.counts.events == 0
    assert find(hub, PATIENT) == []


def test_an_agency_of_which_a_record_is_held_stays(hub: Hub) -> None:
    hub.acts.hold(BOB, ground="litigation")
    with pytest.raises(Refused, match="held"):
        hub.eraser.erase_agency("housing", ground="contract-ended")
    assert len(shown(hub, ANN)) == 3


@pytest.mark.parametrize("done", [1, 2])
def test_an_agency_that_was_half_erased_is_finished_at_the_next_start(tmp_path: Path, done: int) -> None:
    def killed(number: int, of: int) -> None:
        if number == done:
            raise Killed

    home = tmp_path / "home"
    with open_home(home) as hub:
        fill(hub)
        with pytest.raises(Killed):
            hub.eraser.erase_agency("housing", ground="contract-ended", progress=killed)
    with open_home(home) as hub:
        assert hub.wait_until_read(60)
        assert find(hub, ANN) == find(hub, BOB) == []
        assert types_of(hub).count("hub.subject-erased") == types_of(hub).count("hub.erasure-completed") == 2
        assert_views_are_those_of_a_fresh_fold(hub, tmp_path / "fresh")
