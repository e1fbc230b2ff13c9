"""A home from before sealing is written anew: the same events at the same places, sealed, nothing in plain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.clock import SystemClock
from events.envelope import Event
from events.errors import WrongSettings
from events.ids import FactToken, SubjectId, new_person_number
from events.others import other_class
from hub.assembly import Hub
from hub.receipts.store import ROW_MAX_BYTES
from hub.resealing import reseal
from hub.services import Services
from hub.settings import read_settings
from tests.hub.homes import ADMIN, AUDITOR, STEWARD, cloudevent, nhs_number, open_home, registration, send
from tests.keyring import events_of
from tests.older import write_older

SON = {"other": {"name": {"family": "Fictwell", "given": ["Osric"]}}, "action": "stated", "roles": ["next-of-kin"]}
ALEX, BOBBIE = "housing:crm/tenant/1", "hospital:crm/patient/1"


class Sending:
    """Sends to a hub and remembers what."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.received: list[tuple[Arrival, bytes]] = []
        self.receipts: list[str] = []

    def send(self, *events: dict[str, Any]) -> None:
        arrival = Arrival(events[0]["source"].split(":")[3], "crm", "cloudevents")
        self.received.append((arrival, orjson.dumps(list(events))))
        self.receipts.append(self.hub.intake.receive(*self.received[-1]).receipt)
        assert self.hub.wait_until_read(60)


def a_life(sending: Sending) -> None:
    """Two agencies' records that a rule links and a human unlinks, two numbers that are merged; one long, one bad."""
    sending.send(registration("1", "tenant/1", number=nhs_number(7)))
    sending.send(registration("2", "patient/1", number=nhs_number(1), agency="hospital"))
    sending.send(registration("1b", "tenant/1", number=nhs_number(1)))  # so the other record is linked
    sending.send(
        cloudevent("3", "aboutme.statement-shared", "tenant/1", {"topic": "hopes", "text": "a palace garden"}),
        cloudevent("3b", "aboutme.statement-shared", "tenant/1", {"topic": "no such topic"}),
    )
    sending.send(registration("4", "tenant/2", number=nhs_number(2), note="x" * ROW_MAX_BYTES))
    sending.send(cloudevent("5", "circle.relationship-changed", "tenant/1", SON))
    services = Services(sending.hub)
    services.unlink(STEWARD, BOBBIE, "somebody else")
    numbers = [services.reading.find(STEWARD, record=each)["people"][0]["person"] for each in (ALEX, BOBBIE)]
    services.merge(STEWARD, *numbers, "registered-twice")


@pytest.fixture
def receipts() -> list[str]:
    """Ids of what was received, in their order."""
    return []


@pytest.fixture
def old(tmp_path: Path, receipts: list[str]) -> Path:
    with open_home(tmp_path / "source") as hub:
        sending = Sending(hub)
        a_life(sending)
        receipts += sending.receipts
        write_older(hub, tmp_path / "old", sending.received)
    return tmp_path / "old"


def link_of(hub: Hub) -> Event:
    """The one link, with what it rests on."""
    opened = hub.keys.ring.open("main-0", list(hub.log.read("main-0", 0, 1_000)), with_grounds=True)
    (link,) = (each.event for each in opened.logged if each.event.type == "hub.records-linked")
    return link


def told(hub: Hub) -> list[dict[str, Any]]:
    """What the log says, but for the leaves, the epoch, why persons were merged, and how far all was decided."""
    rows = list(Services(hub).read_log(AUDITOR))
    for row in rows:
        row |= {"leaf": "", "position": row["position"].partition(":")[2]}
        row["event"].pop("decidedto", None)
        if row["event"]["type"] == "hub.persons-merged":
            del row["event"]["data"]["reason"]
    return rows


def test_an_old_home_is_not_opened(old: Path) -> None:
    with pytest.raises(WrongSettings, match=r"home-older: .*tellonce log reseal"):
        Hub(read_settings(old, {}))


def test_every_event_is_where_it_was_and_the_log_goes_on_in_a_new_epoch(old: Path, tmp_path: Path) -> None:
    done = reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    with open_home(tmp_path / "source") as before, open_home(tmp_path / "new") as after:
        assert before.wait_until_read(60)
        assert after.wait_until_read(60)
        mine, theirs = told(after), told(before)
        for one, other in zip(mine, theirs, strict=False):
            assert one == other
        assert (done["events"], done["origin"]) == (len(theirs), "1-0123abcd")
        assert after.log.epoch == done["epoch"]
        assert done["epoch"].startswith("2-")
        (note,) = mine[len(theirs) :]
        assert note["event"]["type"] == "hub.restored"
        assert note["event"]["data"] == {"epoch": done["epoch"], "origin": "1-0123abcd", "size": len(theirs)}
        (merge,) = (each.event for each in events_of(after) if each.event.type == "hub.persons-merged")
        assert merge.payload["reason"] == "not-coded"
        for record in (ALEX, BOBBIE):
            asked = [Services(hub).reading.find(STEWARD, record=record) for hub in (before, after)]
            assert asked[0]["people"] == asked[1]["people"]


def test_what_is_sent_again_is_known_and_what_is_decided_goes_on(old: Path, tmp_path: Path) -> None:
    reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    with open_home(tmp_path / "new") as hub:
        again = send(hub, registration("1", "tenant/1", number=nhs_number(7)))
        assert (again.counts.events, again.counts.duplicates) == (0, 1)
        assert hub.wait_until_read(60)
        size = hub.log.head()["main-0"]
        send(hub, registration("9", "tenant/9", number=nhs_number(9)))
        assert hub.wait_until_read(60)
        assert hub.log.head()["main-0"] == size + 2  # the registration, and its number


def test_receipts_keep_their_ids_and_are_read_again_at_the_first_start(
    old: Path, receipts: list[str], tmp_path: Path
) -> None:
    done = reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    assert done["receipts"] == len(receipts) == 6
    with open_home(tmp_path / "new") as hub, open_home(tmp_path / "source") as before:
        assert list(hub.receipts.unfinished()) == []
        for receipt in receipts:
            now, then = (Services(each).receipt(ADMIN, receipt) for each in (hub, before))
            for told in (now, then):
                for outcome in told["outcomes"]:
                    for event in outcome["events"]:
                        del event["is_duplicate"]
                        event["position"] = event["position"].partition(":")[2]
            assert now["outcomes"] == then["outcomes"]
            assert (now["status"], now["received"]) == ("done", then["received"])
        numbers = [Services(each).quarantine(ADMIN)["quarantine"] for each in (hub, before)]
        assert [(each["number"], each["receipt"]) for each in numbers[0]] == [
            (each["number"], each["receipt"]) for each in numbers[1]
        ]
        assert send(hub, registration("8", "tenant/8", number=nhs_number(5))).receipt not in receipts


def test_third_persons_and_what_a_link_rests_on_are_forgotten_with_either(old: Path, tmp_path: Path) -> None:
    reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    with open_home(tmp_path / "new") as hub:
        (told,) = (each.event for each in events_of(hub) if each.event.type == "circle.relationship-changed")
        assert told.payload == SON
        retention = other_class(FactToken(bytes.fromhex(told.attributes["factref"])))
        secret = next(each for each in hub.keys.secrets_of(told.subject) if each.retention == retention)
        assert hub.keys.destroy(told.subject, {secret.key_id})
        (told,) = (each.event for each in events_of(hub) if each.event.type == "circle.relationship-changed")
        assert told.payload == {**SON, "other": {"removed": True}}
        link = link_of(hub)
        assert link.payload["causes"]
        assert link.payload["record"] == BOBBIE
        rests_on = hub.keys.subject_of("housing", ALEX)
        assert rests_on not in (None, link.subject)
        hub.keys.destroy(SubjectId(rests_on or b""))
        assert "causes" not in link_of(hub).payload


def test_nothing_is_decided_again(old: Path, tmp_path: Path) -> None:
    done = reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    for _ in range(2):
        with open_home(tmp_path / "new") as hub:
            assert hub.wait_until_read(60)
            assert hub.log.head()["main-0"] == done["events"] + 1


def test_the_decisions_about_a_record_are_under_its_subject_and_the_others_under_the_hubs(
    old: Path, tmp_path: Path
) -> None:
    reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    with open_home(tmp_path / "new") as hub:
        subjects = {str(each.event.record): each.event.subject for each in events_of(hub) if each.event.agency != "hub"}
        decided = [each.event for each in events_of(hub) if each.event.agency == "hub"]
        about = [event for event in decided if "record" in event.payload]
        assert {event.type for event in about} == {"hub.person-opened", "hub.records-linked", "hub.records-unlinked"}
        assert all(event.subject == subjects[event.payload["record"]] for event in about)
        others = {event.subject for event in decided if "record" not in event.payload}
        assert others.isdisjoint(subjects.values())


def test_no_file_of_the_new_home_holds_a_word_in_plain(old: Path, tmp_path: Path) -> None:
    for words in (b"a palace garden", b"they both live with Ottoline"):
        assert words in (old / "log.sqlite").read_bytes()
    reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    for path in (tmp_path / "new").rglob("*"):
        if path.is_file():
            assert b"a palace garden" not in path.read_bytes(), path.name
    assert not (tmp_path / "new.draft").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE log SET known_us = known_us + 1 WHERE position = 3", "leaf-differs"),
        ("DELETE FROM log WHERE position = 3", "log-gap"),
    ],
)
def test_an_old_log_that_does_not_hold_is_not_written_anew(old: Path, tmp_path: Path, change: str, code: str) -> None:
    db = apsw.Connection(str(old / "log.sqlite"))
    db.execute(change)
    db.close()
    with pytest.raises(WrongSettings, match=f"{code}: log, position 3"):
        reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    assert not (tmp_path / "new").exists()


def test_after_a_kill_it_is_begun_again(old: Path, tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reseal(old, read_settings(tmp_path / "new", {}), SystemClock(), stop)
    assert not (tmp_path / "new").exists()
    reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    with open_home(tmp_path / "new") as hub:
        assert hub.wait_until_read(60)
        assert Services(hub).reading.find(STEWARD, record=ALEX)["people"]


def test_a_folder_of_the_users_own_beside_it_is_left_alone(old: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "new.draft" / "thesis"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    with pytest.raises(WrongSettings, match=r"draft-in-the-way: .*new\.draft"):
        reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
    assert thesis.read_text() == "years of work"
    assert not (tmp_path / "new").exists()


def test_a_sealed_home_is_left_alone_and_nothing_is_written_over(old: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="not-older"):
        reseal(tmp_path / "source", read_settings(tmp_path / "new", {}), SystemClock())
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / new_person_number()).touch()
    with pytest.raises(WrongSettings, match="home-not-empty"):
        reseal(old, read_settings(tmp_path / "new", {}), SystemClock())
