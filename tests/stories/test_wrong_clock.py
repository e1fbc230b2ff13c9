"""While the clock is wrong nothing is stored, and what was refused adds nothing later."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from events.clock import DrivenClock
from events.errors import TryAgainLater
from hub.services import Services
from tests.stories.watched import EVENT, NOW, Watched, assert_is_clear, open_hub, sender


@pytest.mark.parametrize(
    ("moved", "code"),
    [(-timedelta(minutes=10), "clock-behind"), (timedelta(days=365), "clock-far-ahead")],
    ids=["ten minutes back", "a year ahead"],
)
@pytest.mark.parametrize("when", ["while it runs", "at its start"])
def test_a_wrong_clock_is_refused_and_nothing_is_stored(tmp_path: Path, moved: timedelta, code: str, when: str) -> None:
    clock = DrivenClock(NOW)
    home = tmp_path / "home"
    hub = open_hub(home, clock)
    watched = Watched(hub)
    if when == "at its start":
        hub.close()
        clock.set(NOW + moved)
        hub = open_hub(home, clock)
    clock.set(NOW + moved)
    head = hub.log.head()
    with pytest.raises(TryAgainLater) as refused:
        Services(hub).intake(sender(), EVENT, agency="housing", system="crm", adapter="cloudevents")
    assert_is_clear(refused.value, code)
    assert hub.log.head() == head
    clock.set(NOW + timedelta(minutes=1))
    watched = Watched(hub)
    assert watched.send(EVENT)["accepted"] == 1
    hub.close()
    with open_hub(home, clock) as again:  # the receipt of what was refused is finished, and adds nothing
        watched = Watched(again)
        with watched.unharmed():
            pass
        assert len(watched.timeline("housing:crm/tenant/1")) == 1
