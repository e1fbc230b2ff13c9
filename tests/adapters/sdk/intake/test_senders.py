"""Who may send; who may not leaves nothing."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from events.clock import DrivenClock
from events.errors import Refused
from tests.adapters.sdk.scripted import REGISTER, Bench, a_fact, a_message


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ({"agency": "nowhere"}, "unknown-agency"),
        ({"system": "payroll"}, "unknown-system"),
        ({"agency": "south", "system": "adt"}, "unknown-system"),
    ],
)
def test_who_is_not_registered_leaves_nothing(bench: Bench, sender: dict[str, str], code: str) -> None:
    with pytest.raises(Refused, match=code):
        bench.send(a_message(a_fact()), **sender)
    assert bench.events() == []
    assert bench.receipts.counts_by_day() == []


@pytest.mark.parametrize(
    ("day", "is_taken"),
    [
        (datetime(2023, 12, 31, 23, 59, tzinfo=UTC), False),
        (datetime(2024, 1, 1, tzinfo=UTC), True),
        (datetime(2024, 6, 30, 23, 59, tzinfo=UTC), True),
        (datetime(2024, 7, 1, tzinfo=UTC), False),
    ],
)
def test_both_days_of_an_agreement_are_included(tmp_path: Path, day: datetime, is_taken: bool) -> None:
    bench = Bench(tmp_path / "home", DrivenClock(day))
    if is_taken:
        assert bench.send(a_message(a_fact()), agency="south").counts.events == 1
    else:
        with pytest.raises(Refused, match=r"agreement-out-of-date: agency south: .*2024-01-01 to 2024-06-30"):
            bench.send(a_message(a_fact()), agency="south")
        assert bench.receipts.counts_by_day() == []
    bench.close()


def test_a_change_of_the_register_takes_effect_at_once(bench: Bench) -> None:
    bench.register(REGISTER.replace('name = "south"', 'name = "east"'))
    with pytest.raises(Refused, match="unknown-agency"):
        bench.send(a_message(a_fact()), agency="south")
    assert bench.send(a_message(a_fact()), agency="east").counts.events == 1


def test_an_adapter_nobody_has_is_told_before_anything_is_stored(bench: Bench) -> None:
    def none_of_that_name(name: str) -> Any:
        raise Refused("unknown-adapter", "no adapter of this name")

    bench.intake._adapter_of = none_of_that_name
    with pytest.raises(Refused, match="unknown-adapter"):
        bench.send(a_message(a_fact()))
    assert bench.receipts.counts_by_day() == []
