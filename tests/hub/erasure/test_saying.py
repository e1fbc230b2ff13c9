"""What officers decided about a record outlives the log's end: a restore and the start after a kill say it again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from events.clock import us_text
from events.errors import Refused, TryAgainLater
from events.log.sqlite import SqliteLog
from hub import backup, erasurelist
from hub.assembly import Hub
from hub.backup import back_up
from hub.erasurelist import DECISIONS, Line, append, places_of, read_list, read_unchecked
from hub.restore import declare, restore
from hub.settings import Settings, read_settings
from hub.vault.kms import LocalKms
from projections.custody import queries as custody
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, events_of, fill, find, shown
from tests.hub.homes import nhs_number, open_home, registration, send


class Killed(BaseException):
    """Nobody catches it, as nobody catches kill -9."""


class Office:
    """A home with a second place for its list, and a copy of it that was made before anything was decided."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.second = folder / "home", folder / "second"
        self.second.mkdir()
        (self.second / "erasures.jsonl").touch()
        with open_home(self.home) as hub:
            fill(hub)

    def open(self, home: str = "home") -> Hub:
        return Hub(self.settings(home))

    def settings(self, home: str = "home") -> Settings:
        told = {"TELLONCE_KMS": str(self.home / "kms.key"), "TELLONCE_ERASURES": str(self.second)}
        return read_settings(self.folder / home, told)

    def back_up(self, name: str = "copy") -> Path:
        with self.open() as hub:
            back_up(hub, self.folder / name)
        return self.folder / name

    def restored(self, **more: bool) -> dict[str, Any]:
        return restore(self.folder / "copy", self.settings("again"), **more)

    def decided(self, home: str = "home") -> list[tuple[str, str | None]]:
        """Decisions that the list of a home holds, with their references."""
        return [(each.act, each.why and each.why.reference) for each in decisions(self.folder / home)]


def decisions(home: Path) -> list[Line]:
    return [each for each in read_unchecked(home / "erasures.jsonl").entries if each.act in DECISIONS]


def acts_of(hub: Hub) -> list[str]:
    """What the log tells of holds and restrictions."""
    kinds = ("hub.hold-", "hub.subject-restricted", "hub.subject-unrestricted")
    return [each.event.type for each in events_of(hub) if each.event.type.startswith(kinds)]


def is_held(hub: Hub, record: str) -> bool:
    """Tried out: what is not held goes."""
    try:
        hub.eraser.erase(record, ground="request", ends=[each.name for each in hub.eraser.plan(record).rules])
    except Refused as error:
        return error.code == "held"
    return False


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


# ---- after a restore


def test_what_is_held_and_restricted_since_the_backup_stays_so(office: Office) -> None:
    office.back_up()
    with office.open() as hub:
        hub.acts.hold(ANN, ground="litigation", reference="C-1")
        hub.acts.restrict(BOB, ground="accuracy-contested", reference="C-2")
    told = office.restored()
    assert [(each["act"], each["ground"], each["reference"]) for each in told["decisions"]] == [
        ("held", "litigation", "C-1"),
        ("restricted", "accuracy-contested", "C-2"),
    ]
    assert told["decisions_lost"] == []
    for _ in range(2):
        with office.open("again") as hub:
            assert [each["reference"] for each in hub.acts.holds()["holds"]] == ["C-1"]
            assert find(hub, BOB) == []
            assert is_held(hub, ANN)
            assert acts_of(hub) == ["hub.hold-placed", "hub.subject-restricted"]


def test_what_was_lifted_since_the_backup_is_not_held(office: Office) -> None:
    with office.open() as hub:
        hub.acts.hold(ANN, ground="litigation", reference="C-1")
        hub.acts.hold(ANN, ground="inquiry", reference="C-2")
        hub.acts.restrict(ANN, ground="accuracy-contested")
    office.back_up()
    with office.open() as hub:
        hub.acts.lift(ANN, ground="settled", reference="C-1")
        hub.acts.unrestrict(ANN, ground="resolved")
    assert [each["act"] for each in office.restored()["decisions"]] == ["lifted", "unrestricted"]
    with office.open("again") as hub:
        assert [each["reference"] for each in hub.acts.holds()["holds"]] == ["C-2"]
        assert len(shown(hub, ANN)) == 3
        hub.acts.lift(ANN, ground="settled", reference="C-2")
        assert not is_held(hub, ANN)


def test_what_was_placed_and_lifted_since_the_backup_is_not_held(office: Office) -> None:
    office.back_up()
    with office.open() as hub:
        hub.acts.hold(ANN, ground="litigation", reference="C-1")
        hub.acts.lift(ANN, ground="settled", reference="C-1")
    office.restored()
    with office.open("again") as hub:
        assert hub.acts.holds() == {"holds": []}
        assert not is_held(hub, ANN)


def test_a_hold_on_a_person_comes_back_on_each_record_and_on_those_linked_later(office: Office) -> None:
    office.back_up()
    with office.open() as hub:
        (person,) = find(hub, ANN)
        hub.acts.hold_person(person, ground="inquiry", reference="C-1")
    assert [each["person"] for each in office.restored()["decisions"]] == [person, person]
    with office.open("again") as hub:
        hub.decisions.link(BOB, person, reason="the same", by="sam")
        assert is_held(hub, BOB)
        hub.acts.lift_person(person, ground="settled", reference="C-1")
        assert not is_held(hub, BOB)


def test_it_is_told_which_records_are_lost_with_what_was_decided_about_them(office: Office) -> None:
    office.back_up()
    with office.open() as hub:
        for number in (7, 8, 9):
            send(hub, registration(f"n{number}", f"tenant/{number}", number=nhs_number(number)))
            hub.acts.hold(f"housing:crm/tenant/{number}", ground="litigation", reference=f"C-{number}")
        hub.acts.lift("housing:crm/tenant/8", ground="settled", reference="C-8")
        hub.acts.lift("housing:crm/tenant/9", ground="settled", reference="C-9")
        hub.eraser.erase("housing:crm/tenant/9", ground="request")
    told = office.restored()
    assert told["decisions"] == []
    assert [(each["act"], each["reference"]) for each in told["decisions_lost"]] == [("held", "C-7")]
    with office.open("again") as hub:
        assert acts_of(hub) == []


def test_a_record_that_the_receipts_bring_back_is_restricted_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message came in while the copy was made: the copied receipts hold it, the copied log does not."""

    def copied_slowly(source: Path, target: Path) -> None:
        copy(source, target)
        if source.name == "log.sqlite":
            send(hub, registration("n7", "tenant/7", number=nhs_number(7)))

    copy = backup.copy_database
    monkeypatch.setattr(backup, "copy_database", copied_slowly)
    with office.open() as hub:
        back_up(hub, office.folder / "copy")
        hub.acts.restrict("housing:crm/tenant/7", ground="accuracy-contested", reference="C-7")
    monkeypatch.undo()
    told = office.restored()
    assert [each["reference"] for each in told["decisions"]] == ["C-7"]
    assert told["decisions_lost"] == []
    with office.open("again") as hub:
        assert find(hub, "housing:crm/tenant/7") == []
        hub.acts.unrestrict("housing:crm/tenant/7", ground="resolved")
        assert len(find(hub, "housing:crm/tenant/7")) == 1


def test_what_was_redacted_and_then_held_is_redacted_and_held_again(office: Office) -> None:
    office.back_up()
    with office.open() as hub:
        (told,) = [each for each in events_of(hub) if each.event.attributes.get("senderid") == "2"]
        hub.eraser.redact("housing", told.event.subject, told.offset, ground="third-person", reference=None)
        hub.acts.hold(ANN, ground="litigation")
    assert office.restored()["not_redacted"] == []
    with office.open("again") as hub:
        assert (ANN, "hope/2") not in shown(hub, ANN)
        assert is_held(hub, ANN)


def test_a_restore_that_was_killed_before_it_said_them_says_them_at_the_next_start(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.back_up()
    with office.open() as hub:
        hub.acts.hold(ANN, ground="litigation", reference="C-1")
        hub.acts.hold(BOB, ground="litigation", reference="C-2")
    real = erasurelist.append
    calls: list[object] = []

    def dying(*given: Any, **named: Any) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise Killed
        return real(*given, **named)

    monkeypatch.setattr("hub.erasure.saying.append", dying)
    with pytest.raises(Killed):
        office.restored()
    monkeypatch.undo()
    with office.open("again") as hub:
        assert is_held(hub, ANN)
        assert is_held(hub, BOB)
        assert [each.event.type for each in events_of(hub)].count("hub.restored") == 1


def test_without_the_list_nothing_is_said_again(office: Office) -> None:
    office.back_up()
    with office.open() as hub:
        hub.acts.hold(ANN, ground="litigation")
    for place in (office.home, office.second):
        (place / "erasures.jsonl").unlink()
    assert office.restored(accepts_lost_erasures=True)["decisions"] == []
    with office.open("again") as hub:
        assert not is_held(hub, ANN)


# ---- killed


def die(*given: object, **named: object) -> Any:
    raise Killed


def die_after(real: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*given: Any, **named: Any) -> Any:
        done = real(*given, **named)
        if hasattr(done, "result"):
            done.result()
        raise Killed

    return dying


GAPS = {
    "before the second place": (erasurelist, "_write", die, False),
    "before the home": (erasurelist, "_write", die_after(erasurelist._write), True),
    "before the event": (SqliteLog, "submit", die, True),
    "after the event": (SqliteLog, "submit", die_after(SqliteLog.submit), True),
}


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("act", ["hold", "lift", "restrict", "unrestrict"])
def test_what_was_decided_is_done_or_not_wherever_it_is_killed(
    office: Office, monkeypatch: pytest.MonkeyPatch, act: str, gap: str
) -> None:
    ends = act in ("lift", "unrestrict")
    with office.open() as hub:
        if ends:
            (hub.acts.hold if act == "lift" else hub.acts.restrict)(ANN, ground="litigation")
        where, name, how, is_done = GAPS[gap]
        monkeypatch.setattr(where, name, how)
        with pytest.raises(Killed):
            getattr(hub.acts, act)(ANN, ground="litigation")
        monkeypatch.undo()
    lies = is_done != ends
    for _ in range(2):
        with office.open() as hub:
            is_of_hold = act in ("hold", "lift")
            assert bool(hub.acts.holds()["holds"]) == (lies and is_of_hold)
            assert (find(hub, ANN) == []) == (lies and not is_of_hold)
            assert len(acts_of(hub)) == ends + is_done
    assert read_unchecked(office.second / "erasures.jsonl") == read_unchecked(office.home / "erasures.jsonl")


def test_of_a_record_that_is_erased_nothing_is_said_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with office.open() as hub:
        monkeypatch.setattr(SqliteLog, "submit", die)
        with pytest.raises(Killed):
            hub.acts.hold(ANN, ground="litigation")
        monkeypatch.undo()
        hub.eraser.erase(ANN, ground="request")
    with office.open() as hub:
        assert acts_of(hub) == []
        assert find(hub, ANN) == []


def test_a_hub_that_cannot_say_what_is_restricted_shows_nothing(office: Office) -> None:
    copied = office.back_up()
    with office.open() as hub:
        hub.acts.restrict(ANN, ground="accuracy-contested")
        hub.continuity.stop()
    for path in office.home.glob("log.sqlite*"):
        path.unlink()
    shutil.copyfile(copied / "log.sqlite", office.home / "log.sqlite")
    with pytest.raises(TryAgainLater, match="log-behind"):
        office.open()
    assert [each["act"] for each in declare(office.settings())["decisions"]] == ["restricted"]
    with office.open() as hub:
        assert find(hub, ANN) == []


# ---- lists of before, and places out of reach


def test_what_lies_on_records_since_before_lists_had_such_lines_is_listed_at_the_next_start(office: Office) -> None:
    with office.open() as hub:
        (person,) = find(hub, ANN)
        hub.acts.hold_person(person, ground="inquiry", reference="C-1")
        hub.acts.hold(BOB, ground="litigation")
        hub.acts.lift(BOB, ground="settled")
        hub.acts.restrict(BOB, ground="accuracy-contested", reference="C-2")
        said, lines = acts_of(hub), decisions(office.home)
    for place in (office.home, office.second):
        (place / "erasures.jsonl").unlink()
    for _ in range(2):
        with office.open() as hub:
            assert acts_of(hub) == said
        stand = [each for each in lines if each.act in ("held", "restricted") and (each.why and each.why.reference)]
        assert [each.what for each in decisions(office.home)] == [
            each._replace(at=other.at).what for each, other in zip(stand, decisions(office.home), strict=True)
        ]


def test_nothing_is_held_where_the_list_cannot_say_so(office: Office) -> None:
    with office.open() as hub:
        shutil.rmtree(office.second)
        for act in (hub.acts.hold, hub.acts.restrict):
            with pytest.raises(TryAgainLater, match="erasure-list-unwritten"):
                act(ANN, ground="litigation")
        assert hub.acts.holds() == {"holds": []}
    office.second.mkdir()
    with office.open() as hub, hub.store.snapshot() as db:
        assert custody.restrictions(db) == []
        assert office.decided() == []


def test_a_decision_is_not_taken_back_by_a_void_erasure(tmp_path: Path) -> None:
    [place] = places_of([tmp_path / "erasures.jsonl"], LocalKms(tmp_path / "kms.key"))
    about = ("housing", bytes(16), (), bytes(32))
    held = Line("held", *about, us_text(1), bytes(32), erasurelist.Why("litigation"))
    append([place], held, Line("erased", *about, us_text(2)), Line("void", *about, us_text(3)))
    assert [each.act for each in read_list(place).standing] == ["held"]


# ---- who was erased, in a log from before


def test_a_hold_that_was_lifted_before_its_record_was_erased_lies_on_nobody_after_a_restore(office: Office) -> None:
    """The backup knows of the hold, and neither of its end nor of the erasure."""
    with office.open() as hub:
        (person,) = find(hub, ANN)
        hub.acts.hold_person(person, ground="litigation", reference="CASE-1")
        hub.acts.restrict(ANN, ground="accuracy-contested")
        back_up(hub, office.folder / "copy")
        hub.acts.lift_person(person, ground="settled", reference="CASE-1")
        hub.acts.unrestrict(ANN, ground="resolved")
        hub.eraser.erase(ANN, ground="request")
        subject = read_unchecked(office.second / "erasures.jsonl").entries[-1].subject
    office.restored()
    with office.open("again") as hub:
        assert hub.wait_until_read(20)
        assert hub.acts.holds() == {"holds": []}
        with hub.store.snapshot() as db:
            assert custody.restrictions(db) == []
            told = custody.erased(db, subject)
        assert told is not None
        assert (told.ground, told.completed_us is not None) == ("restored-backup", True)
        hub.decisions.link(BOB, *find(hub, PATIENT), reason="confirmed-by-person", by="somebody")
        assert hub.wait_until_read(20)
        assert not is_held(hub, BOB)


def test_nothing_is_listed_again_and_again(office: Office) -> None:
    with office.open() as hub:
        hub.acts.hold(ANN, ground="litigation", reference="CASE-1")
        back_up(hub, office.folder / "copy")
        hub.acts.lift(ANN, ground="settled", reference="CASE-1")
        hub.eraser.erase(ANN, ground="request")
    office.restored()
    lines = read_unchecked(office.second / "erasures.jsonl").entries
    for _ in range(2):
        with office.open("again") as hub:
            assert hub.wait_until_read(20)
            told = [each.event.type for each in events_of(hub)].count("hub.subject-erased")
        assert told == 1
    assert read_unchecked(office.second / "erasures.jsonl").entries == lines
