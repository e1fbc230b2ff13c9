"""A whole agency is erased: its intake closes first, its own key goes last, and no copy brings either back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from adapters.sdk.receipts import Arrival
from events.errors import Refused
from events.log.sqlite import PARTITION
from hub import erasurelist
from hub.assembly import Hub
from hub.backup import back_up
from hub.erasure import steps
from hub.erasurelist import read_unchecked
from hub.restore import restore
from hub.settings import Settings, read_settings
from hub.vault import destroying
from hub.vault.kms import LocalKms
from hub.vault.tables import EMPTY
from tests.hub.erasure.test_eraser import ANN, BOB, PATIENT, events_of, fill, find, hope, shown
from tests.hub.erasure.test_saying import Killed, die, die_after
from tests.hub.homes import nhs_number, open_home, registration, send


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two tenants of housing, and a patient of the hospital; closed."""
    with open_home(tmp_path / "home") as hub:
        fill(hub)
    return tmp_path / "home"


def wrapping(home: Path) -> list[str]:
    """The names of the keys in a home's file of wrapping keys."""
    return sorted(json.loads((home / "kms.key").read_bytes())["wrapping"])


def live_keys(home: Path) -> set[str]:
    """Agencies whose own key the key store holds."""
    db = apsw.Connection(str(home / "keys.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = {agency for (agency,) in db.execute("SELECT agency FROM agency_keys WHERE wrapped <> ?", (EMPTY,))}
    db.close()
    return found


def sent(hub: Hub) -> int:
    """How many events of housing's next message are taken in."""
    message = orjson.dumps([registration("new", "tenant/77", number=nhs_number(7))])
    return hub.intake.receive(Arrival("housing", "crm", "cloudevents"), message).counts.events


def assert_gone(home: Path, settings: Settings | None = None) -> None:
    """Nothing of housing opens, nothing of it comes in, and the hospital's patient is as she was."""
    with Hub(settings) if settings else open_home(home) as hub:
        assert hub.wait_until_read(20)
        assert find(hub, ANN) == find(hub, BOB) == []
        assert shown(hub, PATIENT) == [(PATIENT, "demographics")]
        assert not any(each.event.agency == "housing" for each in events_of(hub))
        assert sent(hub) == 0
        assert hub.eraser.under_way() == []
    assert live_keys(home) == {"hub", "hospital"}
    assert "agency/housing" not in wrapping(home)


def test_the_agencys_own_key_is_gone_and_the_answer_and_the_certificate_say_so(home: Path) -> None:
    key = json.loads((home / "kms.key").read_bytes())["wrapping"]["agency/housing"]
    with open_home(home) as hub:
        hub.keys.rotate("housing")
        told = hub.eraser.erase_agency("housing", ground="contract-ended", reference="A-1")
        assert (told["records"], told["kept"], told["key_destroyed"]) == (2, [], True)
        said = json.loads(_unpacked(told["certificate"].split(".")[1]))
        assert (said["records"], said["kept"], said["key_destroyed"]) == (2, 0, True)
        assert "own key is destroyed" in said["says"]
        digests = {each.event.payload.get("certificate") for each in events_of(hub) if _completes(each.event.type)}
        assert digests == {_digest(told["certificate"])}
    assert_gone(home)
    assert not any(key.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_nobody_erases_the_hub_itself(home: Path) -> None:
    with open_home(home) as hub, pytest.raises(Refused, match="unknown-agency"):
        hub.eraser.erase_agency("hub", ground="contract-ended")


@pytest.mark.parametrize("is_first_alone", [False, True])
def test_a_closed_agency_stays_closed_under_its_name_and_no_record_of_it_is_admitted(
    home: Path, *, is_first_alone: bool
) -> None:
    with open_home(home) as hub:
        if is_first_alone:
            hub.eraser.erase(ANN, ground="request")
        hub.eraser.erase_agency("housing", ground="contract-ended")
    with open_home(home) as hub:  # registered, as before
        assert sent(hub) == 0
        with pytest.raises(Refused, match="not-erased"):
            hub.acts.readmit(ANN, ground="came-back")
        assert sent(hub) == 0


# ---- holds


def hold_who_is_left(hub: Hub) -> str:
    """A hold on one of the agency's records that are there still."""
    for record in (ANN, BOB):
        try:
            hub.acts.hold(record, ground="litigation", reference="C-1")
        except Refused:
            continue
        return record
    raise AssertionError("both are gone")


def test_a_record_that_is_held_meanwhile_is_named_and_keeps_the_agencys_key_until_it_is_erased_too(home: Path) -> None:
    held: list[str] = []
    with open_home(home) as hub:
        told = hub.eraser.erase_agency(
            "housing", ground="contract-ended", progress=lambda done, of: held.append(hold_who_is_left(hub))
        )
        assert (told["records"], told["key_destroyed"]) == (1, False)
        assert [(each["record"], each["reference"]) for each in told["kept"]] == [(held[0], "C-1")]
        assert "not finished" in json.loads(_unpacked(told["certificate"].split(".")[1]))["says"]
        with pytest.raises(Refused, match="held"):
            hub.eraser.erase_agency("housing", ground="contract-ended")
    with open_home(home) as hub:
        assert len(shown(hub, held[0])) >= 2
        assert "agency/housing" in wrapping(home)
        assert sent(hub) == 0
        hub.acts.restrict(held[0], ground="accuracy-contested")
        assert find(hub, held[0]) == []
        hub.acts.lift(held[0], ground="settled", reference="C-1")
        assert hub.eraser.erase_agency("housing", ground="contract-ended")["key_destroyed"]
    assert_gone(home)


def test_a_hold_on_a_person_keeps_the_records_that_were_linked_later(home: Path) -> None:
    with open_home(home) as hub:
        (person,) = find(hub, PATIENT)
        hub.acts.hold_person(person, ground="inquiry")
        hub.acts.lift(ANN, ground="settled")
        hub.decisions.link(BOB, person, reason="the same", by="sam")
        with pytest.raises(Refused, match="held"):
            hub.eraser.erase_agency("housing", ground="contract-ended")
        assert (BOB, "hope/6") in shown(hub, BOB)


# ---- killed


GAPS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "before it is listed": (erasurelist, "_write", die),
    "when it is listed": (destroying, "destroy_agency", die),
    "when the key store let go": (destroying, "leave_no_trace", die),
    "before the Kms": (LocalKms, "destroy", die),
    "after the Kms": (LocalKms, "destroy", die_after(LocalKms.destroy)),
    "before the certificate": (steps.certificate, "keep", die),
    "after the certificate": (steps.certificate, "keep", die_after(steps.certificate.keep)),
}


@pytest.mark.parametrize("gap", GAPS)
def test_the_key_is_gone_after_the_next_start_wherever_it_was_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch, gap: str
) -> None:
    def killed(done: int, of: int) -> None:
        if done == of:
            monkeypatch.setattr(*GAPS[gap])

    with open_home(home) as hub:
        with pytest.raises(Killed):
            hub.eraser.erase_agency("housing", ground="contract-ended", progress=killed)
        monkeypatch.undo()
    assert_gone(home)
    with open_home(home) as hub:
        assert [each.event.type for each in events_of(hub)].count("hub.erasure-completed") == 2


def test_a_hold_that_comes_while_an_erasure_that_met_a_fault_waits_keeps_the_record(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """His is the one that was listed by then; the log did not tell of it."""
    with open_home(home) as hub:
        monkeypatch.setattr(steps.Steps, "_tell", die)
        with pytest.raises(Killed):
            hub.eraser.erase_agency("housing", ground="contract-ended")
        monkeypatch.undo()
        assert [each.act for each in read_unchecked(home / "erasures.jsonl").entries] == ["erased"] * 2
        listed = read_unchecked(home / "erasures.jsonl").entries[1].subject
        kept, other = (ANN, BOB) if hub.keys.subject_of("housing", ANN) == listed else (BOB, ANN)
        hub.acts.hold(kept, ground="litigation")
    for _ in range(2):
        with open_home(home) as hub:
            assert hub.wait_until_read(20)
            assert (len(find(hub, kept)), len(find(hub, other))) == (1, 0)
            assert "housing" in {each.event.agency for each in events_of(hub)}, "his keys are there"
            assert hub.eraser.under_way() == []


def test_an_erasure_that_was_cut_off_is_told_as_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of who was listed by then too: under its ground, and under its certificate."""
    with open_home(home) as hub, monkeypatch.context() as cut:
        cut.setattr(steps.Steps, "_tell", die)
        with pytest.raises(Killed):
            hub.eraser.erase_agency("housing", ground="contract-ended", reference="C-1")
    with open_home(home) as hub:
        assert hub.wait_until_read(20)
        payloads = [each.event.payload for each in events_of(hub) if each.event.type == "hub.subject-erased"]
        assert [(each["ground"], each["reference"]) for each in payloads] == [("contract-ended", "C-1")] * 2
        certificates = [each.event.payload.get("certificate") for each in events_of(hub) if _completes(each.event.type)]
        assert len(certificates) == 2
        assert None not in certificates


def test_the_list_is_read_once_for_many_records(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_home(home) as hub:
        for number in range(100, 140):
            send(hub, registration(f"many-{number}", f"tenant/{number}", number=nhs_number(number)))
        read: list[Path] = []
        monkeypatch.setattr(erasurelist, "_lines", _noting(erasurelist._lines, read))
        hub.eraser.erase_agency("housing", ground="contract-ended")
    assert len(read) < 5


# ---- copies


def settings_of(tmp_path: Path, home: str) -> Settings:
    return read_settings(
        tmp_path / home,
        {"TELLONCE_KMS": str(tmp_path / "home" / "kms.key"), "TELLONCE_ERASURES": str(tmp_path / "second")},
    )


@pytest.mark.parametrize("which", ["current", "lost"])
@pytest.mark.parametrize("is_old_kms", [False, True])
def test_no_backup_brings_the_key_back(home: Path, tmp_path: Path, which: str, is_old_kms: bool) -> None:
    """With the current list; and, where that is lost and this is accepted, by what the file of wrapping keys knows."""
    (tmp_path / "second").mkdir()
    with Hub(settings_of(tmp_path, "home")) as hub:
        back_up(hub, tmp_path / "copy")
        shutil.copyfile(home / "kms.key", tmp_path / "old.key")
        hub.eraser.erase_agency("housing", ground="contract-ended")
        acts = [each.act for each in read_unchecked(home / "erasures.jsonl").entries]
        assert (acts[0], acts[-1]) == ("erased", "key-destroyed")
    if is_old_kms:
        shutil.copyfile(tmp_path / "old.key", home / "kms.key")
    if which == "lost":
        (tmp_path / "second" / "erasures.jsonl").unlink()
    settings = settings_of(tmp_path, "again")
    restore(tmp_path / "copy", settings, accepts_lost_erasures=which == "lost")
    if which == "lost" and is_old_kms:
        with Hub(settings) as hub:  # then nobody knows of it: that is what was accepted
            assert len(find(hub, ANN)) == 1
        return
    with Hub(settings) as hub:
        assert hub.wait_until_read(20)
        assert find(hub, ANN) == find(hub, BOB) == []
        closed = hub.keys.ring.open(PARTITION, list(hub.log.read(PARTITION, 0, 1_000))).closed
        assert {each.code for each in closed} == {"erased"}
        assert shown(hub, PATIENT) == [(PATIENT, "demographics")]
        assert sent(hub) == 0
    assert live_keys(tmp_path / "again") == {"hub", "hospital"}
    assert "agency/housing" not in wrapping(home)


# ---- the views


@pytest.mark.parametrize(("within_s", "is_renewed"), [(0.0, True), (3_600.0, False)])
def test_the_views_let_go_of_the_first_records_while_others_are_erased(
    home: Path, monkeypatch: pytest.MonkeyPatch, within_s: float, is_renewed: bool
) -> None:
    monkeypatch.setattr(steps, "CLEARED_WITHIN_S", within_s)
    with open_home(home) as hub:
        send(hub, hope("c", "tenant/1"))
        current = home / "views.current"
        seen = [current.read_text()]
        hub.eraser.erase_agency(
            "housing", ground="contract-ended", progress=lambda done, of: seen.append(current.read_text())
        )
        assert (len(set(seen)) == 3) == is_renewed
        assert current.read_text() not in seen


def test_the_views_of_what_a_kill_left_are_renewed_before_the_hub_serves(home: Path) -> None:
    def killed(done: int, of: int) -> None:
        raise Killed

    with open_home(home) as hub, pytest.raises(Killed):
        hub.eraser.erase_agency("housing", ground="contract-ended", progress=killed)
    before = (home / "views.current").read_text()
    open_home(home).close()
    assert (home / "views.current").read_text() != before


def _noting(real: Callable[[Path], Any], read: list[Path]) -> Callable[[Path], Any]:
    def noting(path: Path) -> Any:
        read.append(path)
        return real(path)

    return noting


def _completes(kind: str) -> bool:
    return kind == "hub.erasure-completed"


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def _unpacked(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
