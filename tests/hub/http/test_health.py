"""Health, readiness and figures: red when a projection stands still, and never about a person."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from events.codec import Sealed
from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.http.health import STANDSTILL_S, Pulse
from projections.timeline.fold import TimelineProjection
from tests.hub.homes import cloudevent
from tests.hub.http.serving import Served, code_of

HOPES = "aboutme.statement-shared"


def hope(message_id: str, record: str) -> dict[str, Any]:
    return cloudevent(message_id, HOPES, record, {"topic": "hopes", "text": "x"})


def test_a_hub_at_work_is_alive_and_ready(served: Served) -> None:
    assert served.client.get("/healthz").json() == {"alive": True}
    answer = served.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_a_hub_whose_folding_has_stopped_lives_but_is_not_ready(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        served.hub.runner.fault = RuntimeError("a fold fell over")
        answer = served.client.get("/readyz")
        assert (answer.status_code, code_of(answer)) == (503, "projections-stopped")
        assert "fell over" not in answer.text
        assert served.client.get("/healthz").status_code == 200
        assert served.send(hope("red-1", "tenant/red"))["events"] == 1


def test_a_record_whose_membership_stands_still_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = {"view": "membership", "at": 3, "since": "2025-03-01T09:00:00.000000Z", "code": "fold-keyerror"}
    with Served(tmp_path) as served:
        monkeypatch.setattr("hub.services.Services.halted", lambda self: [{**lane, "view": "timeline"}])
        assert served.client.get("/readyz").status_code == 200
        monkeypatch.setattr("hub.services.Services.halted", lambda self: [lane])
        answer = served.client.get("/readyz")
        assert (answer.status_code, code_of(answer)) == (503, "lanes-halted")
        assert figures(served)["tellonce_lanes_halted", "membership"] == 1


def test_a_fold_that_fails_shows_on_its_persons_timeline_and_in_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = TimelineProjection.folder

    def failing(self: TimelineProjection, db: Any) -> Any:
        folder = usual(self, db)

        def fold(batch: Any) -> None:
            if any(logged.event.attributes.get("subject") == "tenant/halt" for logged in batch):
                raise KeyError("tenant/halt")
            taken(batch)

        taken, folder.batch = folder.batch, fold
        return folder

    monkeypatch.setattr(TimelineProjection, "folder", failing)
    with Served(tmp_path) as served:
        report = served.send(hope("halt-1", "tenant/halt"))
        person = served.person_of("housing:crm/tenant/halt", after=report["position"])
        told = served.timeline_of(person)
        assert [(each["record"], each["view"]) for each in told["halted"]] == [("housing:crm/tenant/halt", "timeline")]
        assert figures(served)["tellonce_lanes_halted", "timeline"] == 1
        assert served.client.get("/readyz").status_code == 200


def test_rows_that_count_nowhere_are_counted_and_the_hub_stays_ready(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        assert served.client.get("/readyz").json()["refused_rows"] == {}
        header = b"\x01" + b"\x07housing" + bytes(range(72))  # under a key that nobody has
        (at,) = served.hub.log.append([Sealed(header, bytes(12), bytes(272))])
        assert served.hub.runner.wait_for(at.placed.offset, 60)
        answer = served.client.get("/readyz")
        assert (answer.status_code, answer.json()["refused_rows"]) == (200, {"unknown-key": 1})
        assert figures(served)["tellonce_refused_rows", "unknown-key"] == 1


# ---- lag that does not move


class Moving:
    """A hub of which only the places matter, and a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.head = 0
        self.runner = SimpleNamespace(applied=0)
        self.linker = SimpleNamespace(settled=0)
        self.log = SimpleNamespace(head=lambda: {PARTITION: self.head})
        self.pulse = Pulse(cast("Hub", self), lambda: self.now_s)

    def after(self, seconds: float) -> bool:
        self.now_s += seconds
        return self.pulse.beat()


def test_being_behind_is_no_standstill_while_it_moves() -> None:
    hub = Moving()
    hub.head = 1_000
    for applied in range(1, 6):
        hub.runner.applied = applied
        assert hub.after(STANDSTILL_S - 1)


@pytest.mark.parametrize("behind", ["runner", "linker"])
def test_being_behind_without_moving_is_a_standstill_after_a_while(behind: str) -> None:
    hub = Moving()
    hub.head = hub.runner.applied = hub.linker.settled = 10
    assert hub.after(10 * STANDSTILL_S)
    hub.head = 11
    (hub.linker if behind == "runner" else hub.runner).__dict__.update(applied=11, settled=11)
    assert hub.after(0)
    assert hub.after(STANDSTILL_S - 1)
    assert not hub.after(1)
    hub.runner.applied = hub.linker.settled = 11
    assert hub.after(0)


def test_views_that_stand_still_turn_readiness_red(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pulse, "beat", lambda self: False)
    answer = served.client.get("/readyz")
    assert (answer.status_code, code_of(answer)) == (503, "views-stand-still")


def test_a_clock_that_jumped_refuses_tokens_but_not_health(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = served.bearer("admin")
    monkeypatch.setattr(served.hub.clock, "_wall_minus_boot", lambda: 10**15)
    answer = served.client.get("/v1/status", headers=bearer)
    assert (answer.status_code, code_of(answer)) == (503, "clock-jumped")
    assert served.client.get("/healthz").status_code == 200
    assert served.client.get("/readyz").status_code == 200


# ---- the log that is stored

PATIENCE_S = 60.0
# From a process of its own: a database file that this one closes loses the locks that the hub holds on it.
REWRITE = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as db:
    (body,) = db.execute("SELECT body FROM log WHERE position = 0").fetchone()
    db.execute("UPDATE log SET body = ? WHERE position = 0", (body[::-1],))
"""


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_log_that_was_changed_beside_the_hub_turns_readiness_red_and_shows_in_the_figures(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        watch = served.hub.watch
        served.send(hope("log-1", "tenant/log"), hope("log-2", "tenant/log"))
        assert "tellonce_log_verified_age_seconds" not in {name for name, *_ in figures(served)}
        watch._between_s = 0.01
        watch.start()
        until(lambda: watch.told()["events"] >= 2)
        assert served.client.get("/readyz").status_code == 200
        told = figures(served)
        assert 0 <= told["tellonce_log_verified_age_seconds",] < PATIENCE_S
        assert told["tellonce_log_verified_events",] >= 2
        assert told["tellonce_log_not_verified",] == 0
        subprocess.run([sys.executable, "-c", REWRITE, str(tmp_path / "log.sqlite")], check=True, timeout=90)
        until(lambda: watch.told()["verified"] is False)
        answer = served.client.get("/readyz")
        assert (answer.status_code, code_of(answer)) == (503, "log-not-verified")
        assert "leaf-differs" in answer.json()["detail"]
        assert figures(served)["tellonce_log_not_verified",] == 1
        assert served.client.get("/healthz").status_code == 200


def test_the_age_in_the_figures_is_that_of_the_last_pass(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        served.send(hope("age-1", "tenant/age"))
        served.hub.watch.start()
        until(lambda: served.hub.watch.told()["verified"] is True)
        served.hub.watch._ended -= 3_600
        assert 3_600 <= figures(served)["tellonce_log_verified_age_seconds",] < 3_600 + PATIENCE_S


# ---- figures


def figures(served: Served) -> dict[tuple[str, ...], float]:
    """Each figure's value, by its name and the values of its labels."""
    answer = served.ask("admin", "GET", "/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_figures_count_what_came_in_and_what_was_asked(served: Served) -> None:
    before = figures(served)
    served.send(hope("fig-1", "tenant/fig"))
    served.send(hope("fig-1", "tenant/fig"), cloudevent("fig-2", "no.type", "tenant/fig", {}))
    after = figures(served)

    def risen(*name: str) -> float:
        return after[name] - before.get(name, 0)

    assert risen("tellonce_events_appended_total") == 1
    assert risen("tellonce_events_known_total") == 1
    assert risen("tellonce_messages_total", "accepted") == 2
    assert risen("tellonce_messages_total", "quarantined") == 1
    assert risen("tellonce_quarantine_waiting") == 1
    assert risen("tellonce_intake_seconds_count", "http") == 2
    assert risen("tellonce_log_commit_seconds_count") >= 1
    assert risen("tellonce_log_commit_seconds_sum") > 0
    assert risen("tellonce_log_events_total") >= 1
    assert after[("tellonce_fold_batches_total",)] >= 1
    assert risen("tellonce_http_requests_total", "POST", "/v1/events", "200") == 2
    assert after[("tellonce_views_stopped",)] == 0


def test_figures_name_routes_as_they_are_written_and_nobody(served: Served) -> None:
    served.timeline_of("0000-0000")
    served.client.get("/v1/Quixotewitz")
    text = served.ask("admin", "GET", "/metrics").text
    assert 'route="/v1/people/{person}/timeline"' in text
    assert "0000-0000" not in text
    assert "Quixotewitz" not in text
