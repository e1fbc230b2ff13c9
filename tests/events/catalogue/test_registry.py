"""What the catalogue as a whole promises."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from events.catalogue import TYPES, Payload, Retention, Sensitivity, retention_of
from events.catalogue.rules import Rule
from tests.events.catalogue.payloads import LEAST

PUBLISHED = {
    "person.registered",
    "person.identifier-changed",
    "person.died",
    "circle.relationship-changed",
    "document.shared",
    "assessment.started",
    "assessment.completed",
    "need.recorded",
    "care.indicator-recorded",
    "service.changed",
    "appointment.booked",
    "appointment.outcome-recorded",
    "episode.started",
    "episode.ended",
    "episode.changed",
    "housing.accommodation-changed",
    "health.condition-recorded",
    "health.allergy-recorded",
    "health.immunisation-recorded",
    "health.result-recorded",
    "record.corrected",
    "record.retracted",
    "hub.person-opened",
    "hub.records-linked",
    "hub.records-unlinked",
    "hub.persons-merged",
    "hub.persons-unmerged",
    "hub.return-closed",
    "hub.log-opened",
    "hub.restored",
}


def test_the_catalogue_holds_every_type_once_by_its_name() -> None:
    assert len(TYPES) == 75
    assert set(TYPES) == set(LEAST)
    assert all(payload.type == name for name, payload in TYPES.items())
    assert len(set(TYPES.values())) == len(TYPES)


def test_nobody_can_add_a_type_at_run_time() -> None:
    writable: Any = TYPES
    with pytest.raises(TypeError):
        writable["person.vanished"] = Payload


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_named_area_dot_past_tense_and_says_all_of_itself(name: str) -> None:
    payload = TYPES[name]
    assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", name)
    assert payload.version >= 1
    assert payload.retention in get_args(Retention)
    assert payload.sensitivity in get_args(Sensitivity)
    assert payload.fhir
    assert (payload.__doc__ or "").rstrip().endswith(".")
    assert all(isinstance(rule, Rule) for rule in payload.all_rules())


def test_types_with_a_producer_are_published_and_no_others() -> None:
    assert {name for name, payload in TYPES.items() if payload.published} == PUBLISHED


@pytest.mark.parametrize(
    ("families", "retention"),
    [
        ("person circle access aboutme record feedback hub", "core"),
        ("health", "health"),
        ("risk safeguarding", "safeguarding"),
        ("housing", "housing"),
        ("education", "education"),
        ("benefits", "benefits"),
        ("consent", "consent"),
        (
            "contact telling assessment need care plan budget service referral appointment episode transition document",
            "care",
        ),
    ],
)
def test_the_family_decides_the_retention_class(families: str, retention: str) -> None:
    for family in families.split():
        types = [payload for name, payload in TYPES.items() if name.startswith(f"{family}.")]
        assert types
        assert {payload.retention for payload in types} == {retention}
        assert retention_of(f"{family}.anything") == retention


def test_health_and_safeguarding_are_special_category_data() -> None:
    special = {name.partition(".")[0] for name, payload in TYPES.items() if payload.sensitivity == "special-category"}
    assert special == {"health", "safeguarding"}


def test_turning_points_are_key_events_and_results_are_not() -> None:
    key_events = {name for name, payload in TYPES.items() if payload.key_event}
    assert {"person.died", "episode.started", "housing.accommodation-changed", "consent.withdrawn"} <= key_events
    assert not key_events & {"health.result-recorded", "contact.occurred", "person.registered"}
    assert not any(name.startswith("hub.") for name in key_events)


def test_only_the_hubs_own_types_lack_what_agencies_may_say() -> None:
    shared = {"effective", "said_by", "coded", "recorded_by", "note"}
    for name, payload in TYPES.items():
        assert (shared <= set(payload.json_names())) is not name.startswith("hub.")
