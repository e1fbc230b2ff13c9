"""Views are folded again beside the live ones: the same view, while others read and write; or nothing at all."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from events.canonical import canonical
from events.catalogue import TYPES
from events.clock import us_text
from events.codec import seal
from events.identity import event_id
from hub.assembly import Hub
from hub.reading import Reading, TimelineQuestion
from hub.views import projections
from projections.engine.target import halted_lanes
from projections.engine.testing import digest
from tests.counts import times
from tests.hub.homes import STEWARD, cloudevent, nhs_number, open_home, registration, send

NUMBER = nhs_number(1)


def a_life(rng: random.Random, how_many: int) -> list[dict[str, object]]:
    """Statements that change, go and come back, about three records of one person; some share a message id."""
    events: list[dict[str, object]] = [registration(f"r{at}", f"tenant/{at}", number=NUMBER) for at in range(3)]
    for at in range(how_many):
        action = rng.choice(["assert"] * 6 + ["withdraw", "void"])
        data = {"topic": "hopes", "text": rng.choice("ABCD")} if action == "assert" else {}
        if action == "assert" and rng.random() < 0.5:
            data["effective"] = {"start": f"20{rng.randint(10, 25)}-0{rng.randint(1, 9)}"}
        more = {"order": str(rng.randint(1, 9))} if rng.random() < 0.8 else {}
        fact = f"hope/{rng.randint(1, 4)}"
        record = f"tenant/{rng.randint(0, 2)}"
        kind = "aboutme.statement-shared"
        message_id = f"m{at if rng.random() < 0.9 else rng.randrange(at + 1)}"
        events.append(cloudevent(message_id, kind, record, data, fact=fact, action=action, **more))
    return events


def digests(hub: Hub) -> dict[str, str]:
    with hub.store.snapshot() as db:
        return {projection.name: digest(projection, db) for projection in projections()}


@pytest.mark.parametrize("view", [None, "timeline", "membership", "people", "sources", "custody"])
def test_replay_is_live(tmp_path: Path, rng: random.Random, view: str | None) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, *a_life(rng, times(120, proof=2_000)))
        live = digests(hub)
        hub.runner.rebuild(view)
        assert digests(hub) == live


def test_as_of_any_moment_is_the_timeline_of_the_log_cut_there(tmp_path: Path, rng: random.Random) -> None:
    """Under today's membership, which here is one person from the first events on."""
    events = a_life(rng, times(60, proof=400))
    with open_home(tmp_path / "whole") as hub:
        known = []
        for start in range(0, len(events), 7):
            send(hub, *events[start : start + 7])
            row = next(hub.log.read("main-0", hub.log.head()["main-0"] - 1, 1))
            now = Reading(hub).timeline(STEWARD, TimelineQuestion(nhs_number=NUMBER, limit=5_000))
            known.append((row.known_us, now["entries"]))
        for known_us, entries in rng.sample(known, min(8, len(known))):
            question = TimelineQuestion(nhs_number=NUMBER, as_of=us_text(known_us), limit=5_000)
            assert Reading(hub).timeline(STEWARD, question)["entries"] == entries


@pytest.mark.long
def test_readers_and_writers_go_on_while_a_view_is_rebuilt(tmp_path: Path, rng: random.Random) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, *a_life(rng, 200))
        faults: list[BaseException] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    Reading(hub).timeline(STEWARD, TimelineQuestion(nhs_number=NUMBER))
            except BaseException as error:
                faults.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        for turn in range(3):
            send(
                hub, cloudevent(f"late{turn}", "aboutme.statement-shared", "tenant/1", {"topic": "hopes", "text": "E"})
            )
            hub.runner.rebuild()
        done.set()
        reader.join()
        assert faults == []
        found = Reading(hub).timeline(STEWARD, TimelineQuestion(nhs_number=NUMBER, limit=5_000))["entries"]
        assert sum(each["payload"].get("text") == "E" for each in found) == 3


def poison(hub: Hub) -> None:
    """Puts an event about the newest event's record into the log that no fold of facts can take."""
    row = next(hub.log.read("main-0", hub.log.head()["main-0"] - 1, 1))
    ((logged,), _) = hub.keys.ring.open("main-0", [row])
    event = logged.event
    keys = hub.keys.keys_of(event.agency, str(event.record), TYPES[event.type].retention)
    again = {**event.attributes, "order": "7", "factref": "no digest"}
    said = {name: value for name, value in again.items() if name != "dataclassification"}
    hub.log.append([seal(keys, event_id(keys, said, canonical(event.payload), None), event.agency, again)])
    assert hub.wait_until_read(60)


def test_a_rebuild_halts_the_lane_that_is_halted_and_no_other(tmp_path: Path, rng: random.Random) -> None:
    with open_home(tmp_path / "home") as hub:
        statement = {"topic": "hopes", "text": "A"}
        send(hub, *a_life(rng, 40), registration("r9", "tenant/9", number=NUMBER))
        send(hub, cloudevent("s9", "aboutme.statement-shared", "tenant/9", statement))
        poison(hub)
        send(hub, *a_life(rng, 80), cloudevent("t9", "aboutme.statement-shared", "tenant/9", statement))
        live = digests(hub)
        with hub.store.snapshot() as db:
            lanes = halted_lanes(db)
        assert [lane.projection for lane in lanes] == ["timeline"]
        for view in (None, "timeline"):
            hub.runner.rebuild(view)
            assert digests(hub) == live
            with hub.store.snapshot() as db:
                assert halted_lanes(db) == lanes


@pytest.mark.long
def test_a_rebuild_ends_although_more_keeps_coming(tmp_path: Path, rng: random.Random) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, *a_life(rng, 40))
        sent = []

        def more(done: int, of: int) -> None:
            sent.append(done)
            event = {"topic": "hopes", "text": "more"}
            send(hub, cloudevent(f"more{len(sent)}", "aboutme.statement-shared", "tenant/1", event))
            assert len(sent) < 100

        hub.runner.rebuild(progress=more)
        assert sent
        assert hub.wait_until_read()
        swapped = digests(hub)
        hub.runner.rebuild()
        assert digests(hub) == swapped


@pytest.mark.long
def test_rebuilds_asked_for_at_once_take_turns(tmp_path: Path, rng: random.Random) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, *a_life(rng, 40))
        live = digests(hub)
        threads = [threading.Thread(target=hub.runner.rebuild) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        assert digests(hub) == live


def test_a_swap_that_the_disk_refuses_leaves_the_live_views_moving(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, *a_life(rng, 20))
        files = sorted(path.name for path in hub.home.glob("views-*.sqlite"))
        with monkeypatch.context() as patch:
            patch.setattr(hub.store, "swap", no_room)
            with pytest.raises(OSError, match="no room"):
                hub.runner.rebuild()
        assert sorted(path.name for path in hub.home.glob("views-*.sqlite")) == files
        send(hub, cloudevent("late", "aboutme.statement-shared", "tenant/1", {"topic": "hopes", "text": "E"}))
        hub.runner.rebuild()


def no_room(path: Path) -> None:
    raise OSError("no room")
