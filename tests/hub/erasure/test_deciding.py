"""From the line in the list to the event in the log nothing else is decided about a record: the list says enough."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from events.errors import Refused, TryAgainLater
from hub.assembly import Hub
from hub.erasure.runs import FOLDER
from hub.erasure.steps import Steps
from hub.erasurelist import read_unchecked
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, find, shown
from tests.hub.erasure.test_saying import Killed, Office, is_held, office
from tests.hub.erasure.test_second_place import redact

__all__ = ["office"]
Act = Callable[[Hub], Any]
ACTS: dict[str, Act] = {
    "erase": lambda hub: hub.eraser.erase(ANN, ground="request"),
    "erase an agency": lambda hub: hub.eraser.erase_agency("housing", ground="contract-ended"),
    "expire": lambda hub: hub.eraser.expire([("housing", subject_of(hub), None)]),
    "expire a class": lambda hub: hub.eraser.expire([("housing", subject_of(hub), "core")]),
    "redact": redact,
}


def subject_of(hub: Hub) -> Any:
    return hub.keys.subject_of("housing", ANN)


def hold(hub: Hub) -> None:
    """On the person: a record whose own erasure waits is found by nobody any more who names it."""
    (person,) = find(hub, PATIENT)
    hub.acts.hold_person(person, ground="litigation", reference="CASE-1")


def said_of(office: Office, subject: bytes) -> list[str]:
    return [each.act for each in read_unchecked(office.second / "erasures.jsonl").entries if each.subject == subject]


def log_is_full(*given: object, **named: object) -> object:
    raise TryAgainLater("log-full", "no room", where="log")


def log_is_full_for(subject: bytes) -> Callable[..., Any]:
    tell = Steps._tell

    def told(self: Steps, run: Any, listed: Any, **named: Any) -> Any:
        return log_is_full() if run.subject_bytes == subject else tell(self, run, listed, **named)

    return told


@pytest.mark.parametrize("act", ACTS)
def test_what_is_held_while_the_log_had_no_room_for_an_erasure_outlives_a_restore_by_the_list(
    office: Office, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    office.back_up()
    with office.open() as hub:
        subject = subject_of(hub)
        before = shown(hub, ANN)
        with monkeypatch.context() as full:
            full.setattr(Steps, "_tell", log_is_full_for(subject))
            with pytest.raises(TryAgainLater, match="log-full"):
                ACTS[act](hub)
        hold(hub)
        assert said_of(office, subject)[-2:] == ["void", "held"]
        assert not hub.keys.is_erased("housing", ANN), "what is sent about the record is taken in"
    told = office.restored()  # the home is lost just then
    assert {(each["act"], each["reference"]) for each in told["decisions"]} == {("held", "CASE-1")}
    assert told["decisions_lost"] == []
    with office.open("again") as hub:
        assert shown(hub, ANN) == before
        assert is_held(hub, ANN)


@pytest.mark.parametrize("act", ["erase", "expire", "redact"])
@pytest.mark.parametrize("is_asked_again", [True, False])
def test_an_erasure_that_was_overtaken_ends_without_another_line(
    office: Office, monkeypatch: pytest.MonkeyPatch, act: str, is_asked_again: bool
) -> None:
    with office.open() as hub:
        subject = subject_of(hub)
        with monkeypatch.context() as full:
            full.setattr(Steps, "_tell", log_is_full)
            with pytest.raises(TryAgainLater, match="log-full"):
                ACTS[act](hub)
        hold(hub)
        lines = said_of(office, subject)
        if is_asked_again:
            with pytest.raises(Refused, match="held"):
                hub.eraser.erase(ANN, ground="request")
    with office.open() as hub:
        assert said_of(office, subject) == lines
        assert list((hub.home / FOLDER).glob("*")) == []
        assert not hub.keys.is_suppressed("housing", ANN)
        hub.acts.lift_person(*find(hub, ANN), ground="settled", reference="CASE-1")
        hub.eraser.erase(ANN, ground="request")
        assert find(hub, ANN) == []
        assert said_of(office, subject)[-1] == "erased"


def test_a_hold_waits_for_an_erasure_that_is_listed_and_finds_no_record(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.back_up()
    results: list[str] = []

    def attempt() -> None:
        try:
            hub.acts.hold(ANN, ground="litigation")
            results.append("held")
        except Refused as error:
            results.append(error.code)

    tell = Steps._tell
    holding: list[threading.Thread] = []

    def told(self: Steps, *given: Any, **named: Any) -> int:
        holding.append(threading.Thread(target=attempt))
        holding[0].start()
        holding[0].join(0.5)
        assert results == [], "it is not refused or accepted before the log tells of the erasure"
        return tell(self, *given, **named)

    with office.open() as hub:
        subject = subject_of(hub)
        monkeypatch.setattr(Steps, "_tell", told)
        ACTS["expire"](hub)
        holding[0].join(60)
        assert results == ["unknown-record"]
        assert said_of(office, subject) == ["erased"], "nothing in the list makes the erasure doubtful"
    office.restored()
    with office.open("again") as hub:
        assert (find(hub, ANN), len(find(hub, BOB))) == ([], 1)


def test_a_hold_that_was_listed_and_not_accepted_does_not_stand_before_a_later_erasure(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log took the erasure again, and after it nothing; the home is lost then."""
    office.back_up()
    with office.open() as hub:
        with monkeypatch.context() as full:
            full.setattr(Steps, "_tell", log_is_full)
            with pytest.raises(TryAgainLater, match="log-full"):
                ACTS["expire"](hub)
            full.setattr(hub.log, "append", log_is_full)
            with pytest.raises(TryAgainLater, match="log-full"):
                hub.acts.hold(ANN, ground="litigation")
        hub.eraser.erase(ANN, ground="request")
        assert find(hub, ANN) == []
    told = office.restored()
    assert told["decisions"] == []
    with office.open("again") as hub:
        assert find(hub, ANN) == []


def test_a_restore_of_a_killed_home_says_the_hold_that_came_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the hold's line and its event: nobody was told that it is held, and all the same it is."""
    office.back_up()
    with office.open() as hub:
        with monkeypatch.context() as full:
            full.setattr(Steps, "_tell", log_is_full)
            with pytest.raises(TryAgainLater, match="log-full"):
                ACTS["expire"](hub)

        def die(*given: object, **named: object) -> object:
            raise Killed

        monkeypatch.setattr(hub.log, "append", die)
        with pytest.raises(Killed):
            hub.acts.hold(ANN, ground="litigation")
        monkeypatch.undo()
    told = office.restored()
    assert [each["act"] for each in told["decisions"]] == ["held"]
    with office.open("again") as hub:
        assert is_held(hub, ANN)
