"""Bodies that redactions took out: the rows that are left are held by the redactions' events, and no others pass."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from events.checkpoints import VerifierKey
from events.clock import DrivenClock, us_text
from events.codec import Sealed, header_id, leaf_hash, read_header
from events.errors import Refused
from events.ids import SubjectId
from events.log.sqlite import PARTITION, SqliteLog
from hub.assembly import Hub
from hub.erasure.officer import Officer
from hub.erasurelist import read_unchecked
from hub.ledger import ranges, verification
from hub.ledger.ranges import Fault
from hub.ledger.verify import Verified, verify
from hub.services import Services
from hub.settings import read_settings
from tests.counts import times
from tests.hub.homes import AUDITOR, STEWARD, cloudevent, open_home, send
from tests.hub.ledger.forging import Copy

BEGIN = datetime(2024, 2, 29, 12, tzinfo=UTC)
Damage = Callable[["Home"], None]


class Home:
    """A closed home: what its tenants told at five times, the first two statements redacted, the last two by others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = Copy.of(folder / "log.sqlite")
        self.first, self.second = self.log.ask("SELECT min(position) FROM removed"), self.ask_last_removed()

    def ask_last_removed(self) -> int:
        last: int = self.log.ask("SELECT max(position) FROM removed")
        return last

    def named_by(self, at: int) -> int:
        named_by: int = self.log.ask("SELECT named_by FROM removed WHERE position = ?", at)
        return named_by

    def of_agency(self) -> int:
        """The newest row of an agency that has its body."""
        query = "SELECT max(position) FROM log WHERE substr(header, 3, 7) = CAST('housing' AS BLOB) AND length(body)"
        at: int = self.log.ask(query)
        return at

    def with_keys(self) -> Verified:
        return verification.run(read_settings(self.folder, {}))

    def without_keys(self) -> Verified:
        """What an auditor finds who has the file, and the log's public key from somewhere else."""
        return verify(self.log.path, self.key(), jobs=1)

    def key(self) -> VerifierKey:
        name = self.log.ask("SELECT value FROM meta WHERE name = 'name'")
        return verification.key_of(read_settings(self.folder, {}), name)

    def row(self, at: int) -> dict[str, Any]:
        """What `log read` tells of a row."""
        with open_home(self.folder, clock=a_clock()) as hub:
            return list(Services(hub).read_log(AUDITOR))[at]


def a_clock(hours: int = 8) -> DrivenClock:
    return DrivenClock(BEGIN + timedelta(hours=hours))


def tell(hub: Hub, clock: DrivenClock, tenant: int) -> str:
    """A statement an hour after the one before; its position."""
    clock.set(BEGIN + timedelta(hours=tenant))
    told = {"topic": "hopes", "text": "a garden"}
    report = send(hub, cloudevent(str(tenant), "aboutme.statement-shared", f"tenant/{tenant}", told))
    return report.outcomes[0].events[0].position


def make_home(folder: Path, redacted: tuple[int, ...] = (1, 2)) -> None:
    clock = DrivenClock(BEGIN)
    with open_home(folder, clock) as hub:
        places = [tell(hub, clock, tenant) for tenant in range(6)]
        for tenant in redacted:
            Officer(hub).redact(STEWARD, places[tenant], "third-person")
        told = Services(hub).verify_log(AUDITOR)
        assert (told["verified"], told["removed_bodies"]) == (True, len(redacted))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "home"
    make_home(folder)
    return folder


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Home:
    shutil.copytree(original, tmp_path / "home")
    return Home(tmp_path / "home")


def shown(found: Verified) -> tuple[str, int] | None:
    return found.fault and (found.fault.code, found.fault.first)


# ---- what stands


def test_a_redacted_row_is_held_by_the_event_of_its_redaction(home: Home) -> None:
    found = home.with_keys()
    assert (found.fault, found.state.removed, found.removals) == (None, 2, (0, 0))
    told = home.row(home.first)
    known_us = home.log.ask("SELECT known_us FROM log WHERE position = ?", home.first)
    assert (told["known"], told["event"]) == (us_text(known_us), None)
    assert told["closed"] == {"code": "removed", "agency": "housing"}


def test_whoever_has_no_keys_is_told_what_is_not_shown(home: Home) -> None:
    found = home.without_keys()
    assert (found.fault, found.state.removed, found.removals) == (None, 2, (2, 2))


def test_the_event_repeats_all_that_the_leaf_was_made_of_but_the_body(tmp_path: Path) -> None:
    clock = DrivenClock(BEGIN)
    with open_home(tmp_path / "home", clock) as hub:
        place = tell(hub, clock, 0)
        at = int(place.rpartition(":")[2])
        (before,) = hub.log.read(PARTITION, at, 1)
        Officer(hub).redact(STEWARD, place, "third-person")
        rows = list(hub.log.read(PARTITION, 0, 100))
        events = [each.event for each in hub.keys.ring.open(PARTITION, rows).logged]
        (said,) = next(event for event in events if event.type == "hub.body-removed").payload["rows"]
    header, nonce = bytes.fromhex(said["header"]), bytes.fromhex(said["nonce"])
    assert said["position"] == f"{PARTITION}:{at}"
    assert leaf_hash(at, said["known_us"], Sealed(header, nonce, before.body)) == rows[at].leaf


# ---- a row that somebody changed


@pytest.mark.parametrize("by_us", [-1, -5_000, -3_000_000_000])
def test_another_known_time_of_a_redacted_row_is_refused_and_never_shown(home: Home, by_us: int) -> None:
    home.log.run("UPDATE log SET known_us = known_us + ? WHERE position = ?", by_us, home.first)
    assert shown(home.with_keys()) == ("removed-row-differs", home.first)
    told = home.row(home.first)
    assert (told["known"], told["closed"]) == (None, {"code": "removed", "agency": None})
    found = home.without_keys()
    assert (found.fault, found.removals.on_trust) == (None, 2)


def test_a_redacted_row_given_to_another_agency_is_refused_and_never_shown(home: Home) -> None:
    header = home.log.ask("SELECT header FROM log WHERE position = ?", home.first)
    home.log.run("UPDATE log SET header = ? WHERE position = ?", header.replace(b"housing", b"hospice"), home.first)
    assert shown(home.with_keys()) == ("removed-row-differs", home.first)
    told = home.row(home.first)
    assert (told["known"], told["closed"]) == (None, {"code": "removed", "agency": None})


@pytest.mark.parametrize("draw", range(times(12, proof=80)))
@pytest.mark.parametrize("column", ["header", "nonce", "known_us"])
def test_no_changed_bit_of_a_redacted_row_passes(original: Path, home: Home, column: str, draw: int) -> None:
    chance = random.Random(draw)
    at = chance.choice([home.first, home.second])
    raw = home.log.ask(f"SELECT {column} FROM log WHERE position = ?", at)
    if isinstance(raw, int):
        changed: Any = raw ^ 1 << chance.randrange(50)
    else:
        bit = chance.randrange(len(raw) * 8)
        changed = (int.from_bytes(raw, "big") ^ 1 << bit).to_bytes(len(raw), "big")
    home.log.run(f"UPDATE log SET {column} = ? WHERE position = ?", changed, at)
    fault = home.with_keys().fault
    assert fault is not None
    assert at - 1 <= fault.first <= fault.last <= at + 1  # where times fall, the next row may be the one that tells
    assert fault.code in {"removed-row-differs", "broken-row", "known-time-not-rising"}


def test_a_nonce_put_back_is_seen_by_everybody(home: Home) -> None:
    home.log.run("UPDATE log SET nonce = x'0102030405060708090a0b0c' WHERE position = ?", home.first)
    assert shown(home.without_keys()) == ("removed-row-differs", home.first)


def test_a_header_that_is_none_is_seen_by_everybody(home: Home) -> None:
    home.log.run("UPDATE log SET header = x'' WHERE position = ?", home.first)
    assert shown(home.without_keys()) == ("broken-row", home.first)


def test_the_headers_of_two_redacted_rows_cannot_change_places(home: Home) -> None:
    places = (home.first, home.second)
    headers = [home.log.ask("SELECT header FROM log WHERE position = ?", at) for at in places]
    for at, header in zip(places, reversed(headers), strict=True):
        home.log.run("UPDATE log SET header = ? WHERE position = ?", header, at)
    assert shown(home.with_keys()) == ("removed-row-differs", home.first)


# ---- the notes of what was removed


def take_out(home: Home, at: int, named_by: int) -> None:
    """What somebody does who wants a body gone and has read how redactions are noted."""
    home.log.run("UPDATE log SET body = x'', nonce = zeroblob(12) WHERE position = ?", at)
    home.log.run("INSERT INTO removed VALUES(?, ?)", at, named_by)


def test_a_body_that_somebody_took_out_and_noted_is_told_by_whoever_has_the_keys(home: Home) -> None:
    named_by, taken = home.named_by(home.second), home.second + 1
    while not home.log.ask("SELECT substr(header, 3, 7) = CAST('housing' AS BLOB) FROM log WHERE position = ?", taken):
        taken += 1
    take_out(home, taken, named_by)
    assert shown(home.with_keys()) == ("removal-not-named", taken)
    with open_home(home.folder, clock=a_clock()) as hub:
        assert Services(hub).verify_log(AUDITOR)["fault"] == "removal-not-named"
    told = home.row(taken)
    assert (told["known"], told["closed"]) == (None, {"code": "removed", "agency": None})
    found = home.without_keys()
    assert (found.fault, found.state.removed, found.removals) == (None, 3, (3, 3))


def swapped(home: Home) -> None:
    one, two = home.named_by(home.first), home.named_by(home.second)
    home.log.run("UPDATE removed SET named_by = ? - named_by", one + two)


def taken_away(home: Home) -> None:
    home.log.run("DELETE FROM removed WHERE position = ?", home.first)


def added(home: Home) -> None:
    home.log.run("INSERT INTO removed SELECT 0, named_by FROM removed WHERE position = ?", home.first)


def added_behind_the_end(home: Home) -> None:
    home.log.run("INSERT INTO removed VALUES(1000, 2000)")


def to_an_agencys_event(home: Home) -> None:
    home.log.run("UPDATE removed SET named_by = ? WHERE position = ?", home.of_agency(), home.first)


def to_nowhere(home: Home) -> None:
    home.log.run("UPDATE removed SET named_by = 10000 WHERE position = ?", home.first)


def to_itself(home: Home) -> None:
    home.log.run("UPDATE removed SET named_by = position WHERE position = ?", home.first)


def to_the_logs_beginning(home: Home) -> None:
    home.log.run("UPDATE removed SET named_by = 0 WHERE position = ?", home.first)


def to_a_decision_about_the_record(home: Home) -> None:
    header = read_header(home.log.ask("SELECT header FROM log WHERE position = ?", home.first + 1))
    assert header is not None
    assert header.agency == "hub"
    home.log.run("UPDATE removed SET named_by = ? WHERE position = ?", home.first + 1, home.first)


def to_a_word(home: Home) -> None:
    home.log.run("UPDATE removed SET named_by = 'nobody' WHERE position = ?", home.first)


def to_another_body_that_went(home: Home) -> None:
    home.log.run("UPDATE removed SET named_by = ? WHERE position = ?", home.second, home.first)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (taken_away, "body-missing"),
        (added, "removal-not-done"),
        (added_behind_the_end, "removal-not-done"),
        (to_an_agencys_event, "removal-not-named"),
        (to_nowhere, "removal-not-named"),
        (to_itself, "removal-not-named"),
        (to_the_logs_beginning, "removal-not-named"),
        (to_a_decision_about_the_record, "removal-not-named"),
        (to_a_word, "removal-not-named"),
        (to_another_body_that_went, "removal-not-named"),
    ],
)
def test_a_note_that_cannot_be_true_is_seen_by_everybody(home: Home, damage: Damage, code: str) -> None:
    damage(home)
    for found in (home.with_keys(), home.without_keys()):
        assert found.fault is not None
        assert found.fault.code == code


def test_notes_that_changed_places_are_seen_with_the_keys(home: Home) -> None:
    swapped(home)
    assert shown(home.with_keys()) == ("removal-not-named", home.first)
    assert home.without_keys().removals == (2, 2)


def test_a_note_that_leads_to_an_erased_decision_is_seen_with_the_keys(home: Home) -> None:
    """An event of the hub about a record does not open once the record is erased: it is taken for nothing."""
    with open_home(home.folder, clock=a_clock()) as hub:
        hub.eraser.erase("housing:crm/tenant/5", ground="request", ends=())
        rows = list(hub.log.read(PARTITION, home.second, 100))
        closed = hub.keys.ring.open(PARTITION, rows).closed
        erased = next(each.offset for each in closed if each.code == "erased" and each.agency == "hub")
    home.log.run("UPDATE removed SET named_by = ? WHERE position = ?", erased, home.first)
    assert shown(home.with_keys()) == ("removal-not-named", home.first)


def test_a_body_that_is_put_back_is_seen_by_everybody(home: Home) -> None:
    """From an older copy of the file, say: the row fits its leaf, and yet nobody was to read it again."""
    at = home.of_agency()
    nonce, body = (home.log.ask(f"SELECT {part} FROM log WHERE position = ?", at) for part in ("nonce", "body"))
    with open_home(home.folder, clock=a_clock()) as hub:
        Officer(hub).redact(STEWARD, f"{hub.log.epoch}:{PARTITION}:{at}", "third-person")
    assert (home.with_keys().fault, home.without_keys().fault) == (None, None)
    home.log.run("UPDATE log SET nonce = ?, body = ? WHERE position = ?", nonce, body, at)
    assert shown(home.with_keys()) == ("removal-not-done", at)
    assert shown(home.without_keys()) == ("removal-not-done", at)


def test_a_body_that_is_put_back_with_its_note_is_seen_with_the_keys(home: Home) -> None:
    """A redaction undone from an older copy of the file, its note with it."""
    at = home.of_agency()
    nonce, body = (home.log.ask(f"SELECT {part} FROM log WHERE position = ?", at) for part in ("nonce", "body"))
    with open_home(home.folder, clock=a_clock()) as hub:
        Officer(hub).redact(STEWARD, f"{hub.log.epoch}:{PARTITION}:{at}", "third-person")
        assert Services(hub).verify_log(AUDITOR)["fault"] is None
        home.log.run("UPDATE log SET nonce = ?, body = ? WHERE position = ?", nonce, body, at)
        home.log.run("DELETE FROM removed WHERE position = ?", at)
        assert Services(hub).verify_log(AUDITOR)["fault"] == "removal-not-done"
    assert shown(home.with_keys()) == ("removal-not-done", at)
    assert home.without_keys().fault is None


def test_a_redaction_that_was_cut_off_is_no_fault_and_the_next_start_finishes_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    at = home.of_agency()
    with monkeypatch.context() as patched, open_home(home.folder, clock=a_clock()) as hub:
        patched.setattr(SqliteLog, "remove_bodies", stop)
        with pytest.raises(KeyboardInterrupt):
            Officer(hub).redact(STEWARD, f"{hub.log.epoch}:{PARTITION}:{at}", "third-person")
    assert home.log.ask("SELECT length(body) > 0 FROM log WHERE position = ?", at)
    (run,) = (home.folder / "erasing").iterdir()
    assert home.with_keys().fault is None
    kept = run.read_bytes()
    run.unlink()
    assert shown(home.with_keys()) == ("removal-not-done", at)
    run.write_bytes(kept)
    with open_home(home.folder, clock=a_clock()):
        pass
    assert not home.log.ask("SELECT length(body) FROM log WHERE position = ?", at)
    assert (home.with_keys().fault, list((home.folder / "erasing").iterdir())) == (None, [])


# ---- before, meanwhile, and after


def test_a_redaction_of_before_stays_readable_and_its_row_is_said_to_be_held_by_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.erasure.eraser.row_to_repeat", lambda log, offset: None)
    make_home(tmp_path / "home", redacted=(1,))
    home = Home(tmp_path / "home")
    found = home.with_keys()
    assert (found.fault, found.state.removed, found.removals) == (None, 1, (1, 0))
    told = home.row(home.first)
    assert (told["known"], told["closed"]) == (None, {"code": "removed", "agency": None})


@pytest.mark.parametrize("with_leaf", [False, True])
def test_what_was_changed_before_is_not_told_again_as_true(home: Home, *, with_leaf: bool) -> None:
    at = home.of_agency()
    with open_home(home.folder, clock=a_clock()) as hub:
        home.log.run("UPDATE log SET known_us = known_us - 1000 WHERE position = ?", at)
        (row,) = hub.log.read(PARTITION, at, 1)
        if with_leaf:
            leaf = leaf_hash(at, row.known_us, Sealed(row.header, row.nonce, row.body))
            home.log.run("UPDATE log SET leaf = ? WHERE position = ?", leaf, at)
        listed = read_unchecked(hub.home / "erasures.jsonl").entries
        with pytest.raises(Refused, match="row-changed"):
            Officer(hub).redact(STEWARD, f"{hub.log.epoch}:{PARTITION}:{at}", "third-person")
        (left,) = hub.log.read(PARTITION, at, 1)
        assert left.body == row.body
        assert read_unchecked(hub.home / "erasures.jsonl").entries == listed


def test_a_redaction_while_rows_are_derived_is_no_fault(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    at, named_by = home.of_agency(), home.named_by(home.first)
    real = ranges._Stretch._blocks
    taken = []

    def redacting(stretch: ranges._Stretch) -> Any:
        if not taken:
            taken.append(at)
            take_out(home, at, named_by)
        yield from real(stretch)

    monkeypatch.setattr(ranges._Stretch, "_blocks", redacting)
    size = home.log.ask("SELECT max(position) + 1 FROM log")
    part = ranges.derive(home.log.path, home.key(), 0, size, [])
    assert (part.fault, taken) == (None, [at])
    later: Fault | None = ranges.derive(home.log.path, home.key(), 0, size, []).fault
    assert later is None


def test_the_redacted_row_goes_on_with_the_subject_it_had(home: Home) -> None:
    """The event of a redaction lies under no record's key: it holds the row when the record itself is erased."""
    header = read_header(home.log.ask("SELECT header FROM log WHERE position = ?", home.first))
    assert header is not None
    with open_home(home.folder, clock=a_clock()) as hub:
        assert hub.keys.secrets_of(SubjectId(header.subject))
        hub.eraser.erase("housing:crm/tenant/1", ground="request", ends=())
        assert not hub.keys.secrets_of(SubjectId(header.subject))
    assert (home.with_keys().fault, home.with_keys().removals) == (None, (0, 0))
    home.log.run("UPDATE log SET known_us = known_us - 1 WHERE position = ?", home.first)
    assert shown(home.with_keys()) == ("removed-row-differs", home.first)
    assert header_id(home.log.ask("SELECT header FROM log WHERE position = ?", home.first)) == header.id
