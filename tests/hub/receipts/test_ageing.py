"""Old receipts are forgotten while a hub is open, but for no clock that the log would refuse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.clock import DrivenClock
from tests.hub.homes import cloudevent
from tests.stories.watched import NOW, open_hub


@pytest.mark.parametrize(("days", "is_there"), [(29, True), (31, False), (365, True)])
def test_what_nobody_could_read_is_gone_at_the_next_start(tmp_path: Path, days: int, is_there: bool) -> None:
    clock = DrivenClock(NOW)
    with open_hub(tmp_path / "home", clock) as hub:
        strange = orjson.dumps(cloudevent("1", "no.type", "tenant/1", {}))
        receipt = hub.intake.receive(Arrival("housing", "crm", "cloudevents"), strange).receipt
    clock.set(NOW + timedelta(days=days))
    with open_hub(tmp_path / "home", clock) as hub:
        (batch,) = hub.receipts.kept(receipt)
        assert (batch.kept[0].part is not None) is is_there
