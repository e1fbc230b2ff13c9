"""Somebody who writes in keys.sqlite, without any key, leads no act on one record to another one, or to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from adapters.sdk.outcome import Report
from adapters.sdk.receipts import Arrival
from events.errors import BrokenKey
from hub.assembly import Hub
from hub.reading import Reading
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send

ANN, BOB, CAT = (f"housing:crm/tenant/{at}" for at in (1, 2, 3))
Change = Callable[[apsw.Connection, bytes, bytes], None]


def swapped(db: apsw.Connection, ann: bytes, bob: bytes) -> None:
    for subject, instead in ((ann, b"-"), (bob, ann), (b"-", bob)):
        db.execute("UPDATE subjects SET subject = ? WHERE subject = ?", (instead, subject))


def swapped_with_their_macs(db: apsw.Connection, ann: bytes, bob: bytes) -> None:
    macs: dict[Any, Any] = dict(db.execute("SELECT subject, mac FROM subjects").fetchall())
    swapped(db, ann, bob)
    for subject, mac in macs.items():
        db.execute("UPDATE subjects SET mac = ? WHERE subject = ?", (mac, subject))


def deleted(db: apsw.Connection, ann: bytes, bob: bytes) -> None:
    db.execute("DELETE FROM subjects WHERE subject IN (?, ?)", (ann, bob))


CHANGES = {change.__name__: change for change in (swapped, swapped_with_their_macs, deleted)}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return CHANGES[request.param]


def tenants(home: Path) -> tuple[bytes, bytes]:
    """Makes a home of three tenants; the numbers that stand for the first two."""
    with open_home(home) as hub:
        send(hub, *(registration(str(at), f"tenant/{at}", number=nhs_number(at)) for at in (1, 2, 3)))
        ann, bob = (hub.keys.subject_of("housing", record) for record in (ANN, BOB))
    assert ann is not None
    assert bob is not None
    return ann, bob


def changed(home: Path, change: Change, ann: bytes, bob: bytes) -> Hub:
    """A hub in whose key store somebody wrote while it was stopped."""
    db = apsw.Connection(str(home / "keys.sqlite"))
    change(db, ann, bob)
    db.close()
    return open_home(home)


def misled(home: Path, change: Change) -> Hub:
    return changed(home, change, *tenants(home))


def found(hub: Hub) -> list[bool]:
    return [bool(Reading(hub).find(STEWARD, record=record)["people"]) for record in (ANN, BOB, CAT)]


def a_hope(record: str) -> dict[str, Any]:
    return cloudevent(f"hope of {record}", "aboutme.statement-shared", record, {"topic": "hopes", "text": "to sing"})


def taken_in(hub: Hub, *records: str) -> Report:
    return hub.intake.receive(
        Arrival("housing", "crm", "cloudevents"), orjson.dumps([a_hope(each) for each in records])
    )


def test_no_act_on_one_record_is_done_to_another_or_to_nothing(tmp_path: Path, change: Change) -> None:
    with misled(tmp_path / "home", change) as hub:
        acts = hub.acts
        for record in (ANN, BOB):
            for act in (hub.eraser.erase, acts.hold, acts.lift, acts.restrict, acts.unrestrict):
                with pytest.raises(BrokenKey, match=r"broken-key: keys\.sqlite: .*restore it from a backup"):
                    act(record, ground="request-of-the-person")
        assert found(hub) == [True, True, True]
        assert acts.holds() == {"holds": []}
        hub.eraser.erase(CAT, ground="request-of-the-person")
        assert found(hub) == [True, True, False]


@pytest.mark.parametrize("change", [swapped, swapped_with_their_macs])
def test_nothing_comes_in_under_the_number_of_somebody_else(tmp_path: Path, change: Change) -> None:
    with misled(tmp_path / "home", change) as hub:
        report = taken_in(hub, "tenant/1", "tenant/3")
        assert [(each.state, [found.code for found in each.findings]) for each in report.outcomes] == [
            ("quarantined", ["broken-key"]),
            ("accepted", []),
        ]
        assert found(hub) == [True, True, True]


def test_what_waited_for_a_damaged_key_store_comes_in_when_that_is_mended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ann, bob = tenants(home)
    with changed(home, swapped, ann, bob) as hub:
        report = taken_in(hub, "tenant/1")
    with changed(home, swapped, ann, bob) as hub:  # twice is as before
        outcome = hub.intake.retry(report.receipt, report.outcomes[0].place)
        assert (outcome.state, outcome.findings) == ("accepted", ())
        assert hub.wait_until_read(20)
        assert found(hub) == [True, True, True]
