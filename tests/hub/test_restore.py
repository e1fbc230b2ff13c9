"""What a restore may bring back, and what it may not: keys of the erased, half a home, a damaged backup."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import apsw
import orjson
import pytest

from events.clock import us_text
from events.codec import read_header
from events.errors import TryAgainLater, WrongSettings
from events.ids import SubjectId
from events.log.sqlite import PARTITION
from hub import restore as restoring
from hub.assembly import Hub
from hub.backup import back_up, copy_database
from hub.erasurelist import Line, append, places_of, read_unchecked
from hub.reading import Reading
from hub.receipts.reopening import reopen_lost
from hub.restore import restore
from hub.services import Services
from hub.settings import MANIFEST_FILE, Settings, read_settings
from hub.vault.kms import LocalKms
from tests.counts import times
from tests.hub.homes import AUDITOR, STEWARD, nhs_number, open_home, registration, send
from tests.hub.ledger.forging import Copy
from tests.keyring import opened

KEYS = "keys.sqlite"


class Officer:
    """A home with two tenants, a second place for its list of erasures, and an officer who erases the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.second = folder / "home", folder / "second"
        self.second.mkdir(parents=True)
        (self.second / "erasures.jsonl").touch()
        with open_home(self.home) as hub:
            for number in (1, 2):
                send(hub, registration(str(number), f"tenant/{number}", number=nhs_number(number)))
            keys = hub.keys.keys_of("housing", "housing:crm/tenant/1", "core")
            self.subject, self.key_id = keys.subject, keys.key_id
            self.token = hub.keys.suppression_of("housing", "housing:crm/tenant/1")

    def erase(self, *, tells_log: bool = True) -> None:
        """Lists the first tenant's erasure, and tells the log."""
        settings = self.settings("home")
        places = places_of(settings.erasure_lists, LocalKms(settings.kms_file))
        append(places, Line("erased", "housing", self.subject, (self.key_id,), self.token, us_text(1)))
        if not tells_log:
            return
        with Hub(settings) as hub:
            payload = {"subject": self.subject.hex(), "key_ids": [self.key_id.hex()], "ground": "request"}
            row = hub._decision_writer.row("hub.subject-erased", "1", payload, cause="1", model="test")
            hub.log.append([row])
            assert hub.wait_until_read(60)

    def back_up(self, name: str) -> Path:
        with Hub(self.settings("home")) as hub:
            back_up(hub, self.folder / name)
        return self.folder / name

    def settings(self, home: str, *, second: bool = True) -> Settings:
        told = {"TELLONCE_KMS": str(self.home / "kms.key")}
        if second:
            told["TELLONCE_ERASURES"] = str(self.second)
        return read_settings(self.folder / home, told)

    def opens(self, home: str) -> list[bool]:
        """Whether each tenant's events open in a home."""
        with Hub(self.settings(home)) as hub:
            rows = list(hub.log.read(PARTITION, 0, 1_000))
            found = hub.keys.ring.open(PARTITION, rows)
            assert {each.code for each in found.closed} <= {"erased"}
            texts = orjson.dumps([each.event.payload for each in found.logged])
            return [nhs_number(number).encode() in texts for number in (1, 2)]


@pytest.fixture
def officer(tmp_path: Path) -> Officer:
    return Officer(tmp_path)


# ---- an old backup, and somebody was erased since


def test_with_the_current_list_what_was_erased_since_stays_so(officer: Officer) -> None:
    copy = officer.back_up("copy")
    officer.erase()
    told = restore(copy, officer.settings("again"))
    assert not told["lost_erasures_accepted"]
    assert officer.opens("again") == [False, True]
    assert read_unchecked(officer.folder / "again" / "erasures.jsonl") == read_unchecked(
        officer.second / "erasures.jsonl"
    )
    with Hub(officer.settings("again")) as hub:
        assert officer.token in {token for (token,) in hub.keys._reader.execute("SELECT token FROM suppressed")}


def test_without_the_list_it_is_refused_unless_that_is_accepted_and_recorded(officer: Officer) -> None:
    copy = officer.back_up("copy")
    officer.erase()
    without = officer.settings("again", second=False)
    with pytest.raises(WrongSettings, match="erasure-list-missing"):
        restore(copy, without)
    assert not (officer.folder / "again" / "log.sqlite").exists()
    told = restore(copy, without, accepts_lost_erasures=True)
    assert told["lost_erasures_accepted"]
    with Hub(without) as hub:
        row = next(hub.log.read(PARTITION, told["events"], 1))
        assert opened(hub.keys.ring, [row])[0].event.payload["lost_erasures_accepted"] is True


def test_a_list_that_is_older_than_the_backup_is_refused(officer: Officer) -> None:
    shutil.copyfile(officer.second / "erasures.jsonl", officer.folder / "old")
    officer.erase()
    copy = officer.back_up("copy")
    shutil.copyfile(officer.folder / "old", officer.second / "erasures.jsonl")
    with pytest.raises(WrongSettings, match="erasure-list-old"):
        restore(copy, officer.settings("again"))
    restore(copy, officer.settings("again"), accepts_lost_erasures=True)
    assert officer.opens("again") == [False, True], "the backup's own list counts too"


@pytest.mark.parametrize("which", ["current", "old", "missing"])
def test_an_old_key_store_under_a_current_log_starts_silently_with_the_current_list_alone(
    officer: Officer, which: str
) -> None:
    old_keys, old_list = officer.back_up("copy") / KEYS, (officer.second / "erasures.jsonl").read_bytes()
    officer.erase()
    with Hub(officer.settings("home")) as hub:
        assert hub.continuity.fault is None
    for path in officer.home.glob(f"{KEYS}*"):
        path.unlink()
    shutil.copyfile(old_keys, officer.home / KEYS)
    for place in officer.settings("home").erasure_lists:
        if which == "old":
            place.write_bytes(old_list)
        elif which == "missing":
            place.unlink()
    with Hub(officer.settings("home")) as hub:
        fault = hub.continuity.fault
        assert (fault and fault.code) == (None if which == "current" else "erasure-list-old")
    if which == "current":
        assert officer.opens("home") == [False, True]


def test_an_erasure_that_only_the_log_tells_of_is_done_again(officer: Officer) -> None:
    copy = officer.folder / "copy"
    officer.erase()
    officer.back_up("copy")
    for place in (officer.second / "erasures.jsonl", copy / "erasures.jsonl"):
        place.write_bytes(b"")
    manifest = orjson.loads((copy / MANIFEST_FILE).read_bytes())
    manifest["erasures"], manifest["erasures_hash"] = 0, bytes(32).hex()
    manifest["files"]["erasures.jsonl"] = sha256(b"").hexdigest()
    (copy / MANIFEST_FILE).write_bytes(orjson.dumps(manifest))
    with pytest.raises(WrongSettings, match="erasure-list-old"):
        restore(copy, officer.settings("again"))
    restore(copy, officer.settings("again"), accepts_lost_erasures=True)
    with Hub(officer.settings("again")) as hub:
        assert hub.continuity.fault is None
        rows = list(hub.log.read(PARTITION, 0, 1_000))
        closed = hub.keys.ring.open(PARTITION, [row for row in rows if officer.subject in row.header]).closed
        assert {each.code for each in closed} == {"erased"}


def test_a_list_that_is_lost_is_noticed_later_where_the_views_could_not_say_at_the_start(officer: Officer) -> None:
    officer.erase()
    with Hub(officer.settings("home")) as hub:
        assert hub.wait_until_read(60)
        for folder in (officer.home, officer.second):
            (folder / "erasures.jsonl").unlink()
        hub._is_list_unchecked = True  # as a start leaves it whose views are behind
        size = hub.log.head()[PARTITION]
        with pytest.raises(TryAgainLater, match="erasure-list-old"):
            send(hub, registration("9", "tenant/9", number=nhs_number(9)))
        assert hub.continuity.fault is not None
        assert hub.log.head()[PARTITION] == size


def test_what_was_redacted_since_is_redacted_again(officer: Officer) -> None:
    copy = officer.back_up("copy")
    with Hub(officer.settings("home")) as hub:
        [hers] = [row for row in hub.log.read(PARTITION, 0, 100) if b"housing" + officer.subject in _joined(row.header)]
        hub.eraser.redact("housing", SubjectId(officer.subject), hers.offset, ground="third-person", reference=None)
    told = restore(copy, officer.settings("again"))
    assert told["not_redacted"] == []
    with Hub(officer.settings("again")) as hub:
        [row] = hub.log.read(PARTITION, hers.offset, 1)
        assert (row.leaf, row.body) == (hers.leaf, b"")
        assert hub.wait_until_read(60)
        assert Reading(hub).find(STEWARD, nhs_number=nhs_number(1))["people"] == []
        verified = Services(hub).verify_log(AUDITOR)
        assert (verified["verified"], verified["removed_bodies"], verified["removed_not_held"]) == (True, 1, 0)
    log = Copy.of(officer.settings("again").home / "log.sqlite")
    log.run("UPDATE log SET header = ? WHERE position = ?", hers.header.replace(b"housing", b"hospice"), hers.offset)
    with Hub(officer.settings("again")) as hub:
        assert Services(hub).verify_log(AUDITOR)["fault"] == "removed-row-differs"


def _joined(header: bytes) -> bytes:
    """Agency and subject of a clear header, side by side."""
    found = read_header(header)
    return found.agency.encode() + found.subject if found else b""


@pytest.mark.parametrize("step", ["_erasures", "_made_ready", "_move_in"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_is_erased_while_a_backup_is_restored_is_not_in_the_restored_home(
    officer: Officer, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    copy = officer.back_up("copy")
    real: Callable[..., object] = getattr(restoring, step)

    def erasing(*given: object, **named: object) -> object:
        if when == "before":
            officer.erase()
        found = real(*given, **named)
        if when == "after":
            officer.erase()
        return found

    monkeypatch.setattr(restoring, step, erasing)
    restore(copy, officer.settings("again"))
    assert officer.opens("again") == [False, True]


# ---- whole, or not at all


STEPS = ("copy_home", "erasures_told", "destroy_listed", "begin_epoch", "reopen_lost", "_move_in")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_restore_that_is_cut_off_leaves_no_home_and_can_be_given_again(
    officer: Officer, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    copy = officer.back_up("copy")
    real: Callable[..., object] = getattr(restoring, step)

    def dying(*given: object, **named: object) -> object:
        if when == "after":
            real(*given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, step, dying)
    with pytest.raises(KeyboardInterrupt):
        restore(copy, officer.settings("again"))
    monkeypatch.undo()
    if (step, when) != ("_move_in", "after"):
        with pytest.raises(WrongSettings, match="restore-interrupted"):
            Hub(officer.settings("again"))
        restore(copy, officer.settings("again"))
    assert officer.opens("again") == [True, True]


def test_a_restore_that_is_cut_off_while_files_are_moved_in_can_be_given_again(
    officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = officer.back_up("copy")
    real, moved = Path.replace, []

    def dying(path: Path, target: Path) -> Path:
        if path.parent.name == "restoring":
            moved.append(path.name)
            if len(moved) == 4:
                raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        restore(copy, officer.settings("again"))
    monkeypatch.undo()
    with pytest.raises(WrongSettings, match="restore-interrupted"):
        Hub(officer.settings("again"))
    restore(copy, officer.settings("again"))
    assert officer.opens("again") == [True, True]


def test_a_damaged_or_unfinished_backup_is_refused(officer: Officer) -> None:
    copy = officer.back_up("copy")
    raw = bytearray((copy / KEYS).read_bytes())
    raw[-1] ^= 1
    (copy / KEYS).write_bytes(raw)
    with pytest.raises(WrongSettings, match="backup-damaged"):
        restore(copy, officer.settings("again"))
    (copy / MANIFEST_FILE).unlink()
    with pytest.raises(WrongSettings, match="no-backup"):
        restore(copy, officer.settings("again"))


def test_what_was_killed_before_its_event_was_recorded_is_recorded_at_the_next_start(
    officer: Officer, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = officer.back_up("copy")
    monkeypatch.setattr(restoring, "_opened", lambda *given: {})
    restore(copy, officer.settings("again"))
    for _ in range(2):
        with Hub(officer.settings("again")) as hub:
            assert hub.wait_until_read(60)
            rows = list(hub.log.read(PARTITION, 0, 1_000))
            kinds = [each.event.attributes["type"] for each in opened(hub.keys.ring, rows)]
            assert kinds.count("hub.restored") == 1


# ---- receipts and the log beside them


def test_receipts_are_opened_again_for_what_the_log_does_not_hold_and_for_nothing_else(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as hub:
        send(hub, registration("1", "tenant/1", number=nhs_number(1)))
        copy_database(tmp_path / "home" / "log.sqlite", tmp_path / "early.sqlite")
        for number in (2, 3):
            send(hub, registration(str(number), f"tenant/{number}", number=nhs_number(number)))
        hub.receipts.settle()
        for name in ("log.sqlite", "receipts.sqlite"):
            copy_database(tmp_path / "home" / name, tmp_path / name)
    receipts = tmp_path / "receipts.sqlite"
    assert reopen_lost(receipts, tmp_path / "log.sqlite") == 0
    assert reopen_lost(receipts, tmp_path / "early.sqlite") == 2
    db = apsw.Connection(str(tmp_path / "log.sqlite"))
    db.execute("UPDATE log SET body = zeroblob(256) WHERE position = 1")
    db.close()
    assert reopen_lost(receipts, tmp_path / "log.sqlite") == 1


def test_parts_of_the_erased_are_dropped_from_what_is_restored(officer: Officer) -> None:
    copy = officer.back_up("copy")
    officer.erase()
    restore(copy, officer.settings("again"))
    with Hub(officer.settings("again")) as hub:
        assert hub.receipts.drop_parts(officer.subject) == 0


# ---- under load


def test_a_backup_under_load_opens_all_that_it_holds(tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "erasures.jsonl").touch()
    acknowledged: list[str] = []
    is_over = threading.Event()

    def sending(hub: Hub, name: str) -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            send(hub, registration(f"{name}{number}", f"tenant/{name}{number}", number=nhs_number(1)))
            acknowledged.append(f"{name}{number}")

    with open_home(tmp_path / "home") as hub:
        senders = [threading.Thread(target=sending, args=(hub, name)) for name in "abcd"]
        for sender in senders:
            sender.start()
        before = []
        for round_at in range(times(3, proof=30)):
            before.append(list(acknowledged))
            back_up(hub, tmp_path / f"copy{round_at}")
        is_over.set()
        for sender in senders:
            sender.join()
    for round_at, sent in enumerate(before):
        told = {"TELLONCE_KMS": str(tmp_path / "home" / "kms.key"), "TELLONCE_ERASURES": str(second)}
        settings = read_settings(tmp_path / f"again{round_at}", told)
        restore(tmp_path / f"copy{round_at}", settings)
        with Hub(settings) as hub:
            assert hub.wait_until_read(60)
            rows = list(hub.log.read(PARTITION, 0, 100_000))
            found = hub.keys.ring.open(PARTITION, rows)
            assert found.closed == []
            have = {each.event.attributes["subject"] for each in found.logged}
            assert {f"tenant/{each}" for each in sent} <= have
            for each in sent:
                assert hub.receipts.find(sender_id=each)
            assert Services(hub).verify_log(AUDITOR)["verified"]
