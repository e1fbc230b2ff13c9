"""The person whose timeline the demo prints: known to all seven agencies, whole only in the last year."""

from __future__ import annotations

from datetime import date
from typing import Any

from adapters.sdk.adapter import Fact
from events.ids import is_nhs_number
from hub.demo.borough import Delivery, Hero, hero

SEED, END = 7, date(2025, 6, 30)
A_YEAR_AGO = date(2024, 6, 30)


def story(sent: Any, shown: Hero) -> list[tuple[Delivery, Fact]]:
    """Everything told of the hero, by the time it came."""
    return [
        (each, fact)
        for each, fact in sent.facts
        if f"{each.agency}:{each.system}/{fact.record_type}/{fact.local_id}" in shown.records
    ]


def test_the_hero_has_records_in_all_seven_agencies(sent: Any, shown: Hero) -> None:
    told = story(sent, shown)
    registered = [fact for _, fact in told if fact.type == "person.registered"]
    numbers = {number["value"] for fact in registered for number in fact.payload["identifiers"]}
    assert len({(each.agency, each.system) for each, _ in told}) == len(shown.records)
    assert len({each.agency for each, _ in told}) == 7
    assert shown.nhs_number in numbers
    assert is_nhs_number(shown.nhs_number)


def test_nobody_else_has_the_heros_number(sent: Any, shown: Hero) -> None:
    for each, fact in sent.facts:
        if fact.type == "person.registered":
            record = f"{each.agency}:{each.system}/{fact.record_type}/{fact.local_id}"
            has_it = any(number["value"] == shown.nhs_number for number in fact.payload["identifiers"])
            assert has_it == (record in shown.records)


def test_the_landlord_learns_the_birth_date_within_the_last_year(sent: Any, shown: Hero) -> None:
    told = [
        (each.at.date(), fact.payload["birth_date"])
        for each, fact in story(sent, shown)
        if each.agency == "larkmere-homes" and fact.type == "person.registered"
    ]
    before = {born for day, born in told if day <= A_YEAR_AGO}
    assert before
    assert shown.born.isoformat() not in before
    assert told[-1][1] == shown.born.isoformat()


def test_an_allergy_that_stood_a_year_ago_is_taken_back_since(sent: Any, shown: Hero) -> None:
    told = [
        (each.at.date() <= A_YEAR_AGO, fact.action) for each, fact in story(sent, shown) if fact.name == "allergy/1"
    ]
    assert told == [(True, "assert"), (False, "withdraw")]


def test_the_school_knows_the_need_years_before_anybody_else(sent: Any, shown: Hero) -> None:
    told = [
        (each.agency, each.at.date())
        for each, fact in story(sent, shown)
        if fact.type == "access.communication-need-stated"
    ]
    assert told[0][0] == "larkmere-childrens-services"
    elsewhere = [day for agency, day in told if agency != "larkmere-childrens-services"]
    assert (elsewhere[0] - told[0][1]).days > 2 * 365


def test_the_hero_repeats_herself_at_first_and_not_in_the_end(sent: Any, shown: Hero) -> None:
    repeated = [fact.payload["had_to_repeat"] for _, fact in story(sent, shown) if fact.type == "feedback.given"]
    assert repeated[0] is True
    assert repeated[-1] is False


def test_the_hero_turns_eighteen_within_the_history_and_has_an_appointment_to_come(sent: Any, shown: Hero) -> None:
    assert date(2022, 6, 30) < shown.born.replace(year=shown.born.year + 18) < END
    starts = [fact.payload["start"] for _, fact in story(sent, shown) if fact.type == "appointment.booked"]
    assert max(starts) > "2025-07-01"


def test_the_hero_does_not_depend_on_the_others(shown: Hero) -> None:
    assert hero(SEED, END, 40) == shown
