"""What protects somebody goes with a record only when its end is confirmed by name."""

from __future__ import annotations

import pytest

from events.errors import Refused
from hub.assembly import Hub
from hub.services import Services
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, find, hub
from tests.hub.homes import STEWARD, cloudevent, send

__all__ = ["hub"]


def test_a_consent_goes_only_when_its_end_is_confirmed_by_name(hub: Hub) -> None:
    consent = {"consent_id": "C1", "purposes": ["direct-care"]}
    send(hub, cloudevent("7", "consent.given", "tenant/1", consent, fact="consent/C1"))
    assert [rule["name"] for rule in hub.eraser.plan(ANN).document()["rules"]] == ["consent/C1"]
    with pytest.raises(Refused, match="rules-would-vanish"):
        hub.eraser.erase(ANN, ground="request")
    with pytest.raises(Refused, match="unknown-rule"):
        hub.eraser.erase(ANN, ground="request", ends=["consent/C9"])
    assert hub.eraser.erase(ANN, ground="request", ends=["consent/C1"])["rules_ended"] == 1


def test_a_consent_that_another_record_of_the_person_says_too_needs_no_word(hub: Hub) -> None:
    consent = {"consent_id": "C1", "purposes": ["direct-care"]}
    send(hub, cloudevent("7", "consent.given", "tenant/1", consent, fact="consent/C1"))
    send(hub, cloudevent("8", "consent.given", "patient/1", consent, fact="consent/C1", agency="hospital"))
    assert hub.eraser.plan(ANN).document()["rules"][0]["stands_in"] == PATIENT
    hub.eraser.erase(ANN, ground="request")


def rules_named(hub: Hub, record: str) -> list[str]:
    return [rule["name"] for rule in hub.eraser.plan(record).document()["rules"]]


def test_what_was_taken_apart_by_hand_is_joined_again_only_by_whoever_confirmed_its_end(hub: Hub) -> None:
    Services(hub).unlink(STEWARD, ANN, "shared-number")
    assert hub.wait_until_read(20)
    assert find(hub, ANN) != find(hub, PATIENT)
    for record in (ANN, PATIENT):  # of either: it is said of both
        assert rules_named(hub, record) == ["severance"]
        with pytest.raises(Refused, match="rules-would-vanish"):
            hub.eraser.erase(record, ground="request")
    assert rules_named(hub, BOB) == []
    hub.eraser.erase(ANN, ground="request", ends=["severance"])
    assert rules_named(hub, PATIENT) == []


def test_what_was_brought_back_by_hand_is_severed_no_more(hub: Hub) -> None:
    services = Services(hub)
    services.unlink(STEWARD, ANN, "shared-number")
    services.link(STEWARD, ANN, *find(hub, PATIENT), "confirmed-by-person")
    assert hub.wait_until_read(20)
    assert rules_named(hub, ANN) == rules_named(hub, PATIENT) == []


def test_persons_whose_merge_was_undone_by_hand_are_severed_until_they_are_merged_again(hub: Hub) -> None:
    services = Services(hub)
    (ann,), (bob,) = find(hub, ANN), find(hub, BOB)
    services.merge(STEWARD, ann, bob, "confirmed-by-person")
    services.unmerge(STEWARD, ann, bob, "merged-in-error")
    assert hub.wait_until_read(20)
    assert [rules_named(hub, record) for record in (ANN, BOB, PATIENT)] == [["severance"]] * 3
    services.merge(STEWARD, ann, bob, "confirmed-by-person")
    assert hub.wait_until_read(20)
    assert rules_named(hub, BOB) == []
