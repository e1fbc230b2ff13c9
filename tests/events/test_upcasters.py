"""Old payloads read as new ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import upcasters
from events.catalogue import TYPES
from events.errors import RejectedMessage, WrongSettings
from events.upcasters import Content, Step, Upcasters


def rename(old: str, new: str) -> Any:
    def change(payload: Content) -> Content:
        return {new if name == old else name: value for name, value in payload.items()}

    return change


def a_referral_that_was_changed_twice() -> Upcasters:
    steps = [
        Step("referral.made", 1, 2, rename("ref", "referral_ref")),
        Step("referral.made", 2, 3, rename("referral_ref", "referral_id")),
    ]
    return Upcasters(steps, {"referral.made": 3, "person.died": 1})


def test_an_old_payload_is_led_through_every_version_to_the_current_one() -> None:
    payload = {"ref": "R1", "reason": "falls"}
    assert a_referral_that_was_changed_twice().upcast("referral.made", 1, payload) == (
        3,
        {"referral_id": "R1", "reason": "falls"},
    )
    assert payload == {"ref": "R1", "reason": "falls"}


def test_a_payload_half_way_takes_only_the_steps_that_are_left() -> None:
    chain = a_referral_that_was_changed_twice()
    assert chain.upcast("referral.made", 2, {"referral_ref": "R1"}) == (3, {"referral_id": "R1"})


@given(st.dictionaries(st.text(max_size=5), st.integers()))
def test_a_payload_of_the_current_version_is_left_as_it_is(payload: dict[str, int]) -> None:
    version, same = upcasters.upcast("person.died", 1, payload)
    assert version == 1
    assert same is payload


@pytest.mark.parametrize("version", [0, 4, 99])
def test_a_version_the_hub_does_not_know_is_refused(version: int) -> None:
    with pytest.raises(RejectedMessage, match="unknown-version") as refused:
        a_referral_that_was_changed_twice().upcast("referral.made", version, {})
    assert "upgrade" in refused.value.next_step


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(RejectedMessage, match="unknown-type"):
        upcasters.upcast("person.vanished", 1, {})


def test_a_circle_is_refused_instead_of_being_walked_for_ever() -> None:
    circle = Upcasters([Step("person.died", 1, 2, dict), Step("person.died", 2, 1, dict)], {"person.died": 3})
    with pytest.raises(RejectedMessage, match="unknown-version"):
        circle.upcast("person.died", 1, {})


def test_whole_chains_pass_the_check() -> None:
    a_referral_that_was_changed_twice().check_chains()
    upcasters.check_chains()
    assert all(upcasters.upcast(name, payload.version, {})[0] == payload.version for name, payload in TYPES.items())


@pytest.mark.parametrize(
    ("steps", "current", "fault"),
    [
        ([], 2, "person.died 1: no step leads on from there"),
        ([("person.died", 2, 3)], 3, "person.died 1: no step leads on from there"),
        ([("person.died", 1, 2), ("person.died", 2, 1)], 2, "person.died 2 to 1: leads in a circle"),
        ([("person.died", 1, 1)], 2, "person.died 1 to 1: leads in a circle"),
        ([("person.died", 1, 3)], 3, "person.died 1 to 3: leaves versions out"),
        ([("person.died", 1, 2)], 1, "person.died 1 to 2: outside of versions 1 to 1"),
        ([("person.died", 0, 1)], 1, "person.died 0 to 1: outside of versions 1 to 1"),
        ([("person.died", 1, 2), ("person.died", 1, 2)], 2, "person.died 1 to 2: a second step from there"),
        ([("person.vanished", 1, 2)], 1, "person.vanished 1 to 2: no such type"),
    ],
)
def test_a_broken_chain_stops_the_start(steps: list[tuple[str, int, int]], current: int, fault: str) -> None:
    with pytest.raises(WrongSettings) as stopped:
        Upcasters([Step(*step, dict) for step in steps], {"person.died": current}).check_chains()
    assert stopped.value.code == "broken-upcasters"
    assert fault in stopped.value.what


def test_every_fault_of_every_chain_is_told_at_once() -> None:
    with pytest.raises(WrongSettings) as stopped:
        Upcasters([Step("person.died", 1, 3, dict)], {"person.died": 3, "referral.made": 3}).check_chains()
    assert stopped.value.what.count(";") == 3
