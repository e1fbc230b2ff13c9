"""`keys rotate`: every secret under a new key of its agency, nothing else changed, whenever it is killed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from events.clock import DrivenClock
from events.errors import BrokenKey, WrongSettings
from events.identity import SubjectKeys
from hub.vault import rotating
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from hub.vault.tables import KEYS_KEPT_DAYS
from tests.genuine import a_row

BEGUN, MONTH = datetime(2026, 11, 1, tzinfo=UTC), 32
RECORDS = [f"north:housing/tenant/{number}" for number in range(12)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.sqlite"


@pytest.fixture
def keys(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyStore]:
    monkeypatch.setattr(rotating, "_BATCH", 5)
    store = opened(path)
    yield store
    store.close()


def opened(path: Path) -> KeyStore:
    return KeyStore(path, LocalKms(path.with_name("kms.key")), clock=DrivenClock(BEGUN))


def days_later(keys: KeyStore, days: int) -> None:
    keys._clock = DrivenClock(BEGUN + timedelta(days=days))


def rotate_all(keys: KeyStore) -> None:
    for agency in keys.agencies:
        keys.rotate(agency)


def held_by_wrapping_keys(path: Path) -> set[bytes]:
    query = "SELECT wrapped FROM agency_keys WHERE wrapped <> zeroblob(60) UNION SELECT wrapped FROM hub_keys"
    return {bytes(each) for (each,) in rows_of(path, query)}  # type: ignore[call-overload]


def assert_not_opened(path: Path, kms_file: Path) -> None:
    """By nobody who has these wrapping keys and all of the key store."""
    kms = LocalKms(kms_file)
    for name in ("hub", "agency/hub", "agency/north", "agency/south"):
        for wrapped in held_by_wrapping_keys(path):
            with pytest.raises(WrongSettings, match="kms-differs"):
                kms.unwrap(name, wrapped)


def everything(keys: KeyStore) -> list[SubjectKeys]:
    made = [keys.keys_of("north", record, "housing") for record in RECORDS]
    made += [keys.keys_about("north", record, "core") for record in RECORDS]
    return [*made, keys.keys_of("south", "south:crm/tenant/1", "core")]


def rows_of(path: Path, query: str) -> list[tuple[object, ...]]:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    rows = db.execute(query).fetchall()
    db.close()
    return rows


def test_the_keys_are_the_same_and_the_old_key_of_the_agency_is_gone(keys: KeyStore, path: Path) -> None:
    before = everything(keys)
    keys.commit()
    wrapped = {bytes(each) for (each,) in rows_of(path, "SELECT wrapped FROM secrets WHERE agency = 'north'")}  # type: ignore[call-overload]
    (old,) = (bytes(each) for (each,) in rows_of(path, "SELECT wrapped FROM agency_keys WHERE agency = 'north'"))  # type: ignore[call-overload]
    assert keys.agencies == ["hub", "north", "south"]
    assert keys.rotate("north") == len(RECORDS)
    assert everything(keys) == before
    keys.close()
    held = path.read_bytes()
    assert [each for each in (old, *wrapped) if each in held] == []
    assert len(rows_of(path, "SELECT 1 FROM secrets WHERE agency = 'north'")) == len(RECORDS)
    again = opened(path)
    assert everything(again) == before
    again.close()


def test_new_secrets_come_under_the_new_key_and_it_is_rotated_again(keys: KeyStore) -> None:
    everything(keys)
    keys.commit()
    keys.rotate("north")
    new = keys.keys_of("north", "north:housing/tenant/new", "housing")
    keys.commit()
    assert keys.rotate("north") == len(RECORDS) + 1
    assert keys.keys_of("north", "north:housing/tenant/new", "housing") == new


def test_rows_are_opened_and_sealed_while_keys_are_wrapped_anew(keys: KeyStore, path: Path) -> None:
    made = everything(keys)[: len(RECORDS)]
    keys.commit()
    rows = [a_row(each, number) for number, each in enumerate(made)]
    done = threading.Event()
    faults: list[object] = []

    def read() -> None:
        while not done.is_set():
            ring = Ring(path, LocalKms(path.with_name("kms.key")))
            faults.extend(ring.open("main-0", rows).closed)
            ring.close()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            keys.keys_of("north", f"north:housing/tenant/late-{number}", "housing")
            keys.commit()

    threads = [threading.Thread(target=work) for work in (read, write)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        keys.rotate("north")
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(rows_of(path, "SELECT 1 FROM agency_keys WHERE agency = 'north' AND wrapped <> zeroblob(60)")) == 1


def test_what_was_destroyed_meanwhile_does_not_come_back(keys: KeyStore) -> None:
    hers, his = (keys.keys_of("north", record, "housing") for record in RECORDS[:2])
    keys.commit()
    steps = rotating.rotated(keys._db, keys._agencies, "north", keys._committing, 0)
    next(steps)
    keys.destroy(hers.subject)
    list(steps)
    keys.rotate("north")
    assert keys.secrets_of(hers.subject) == []
    assert keys.keys_of("north", RECORDS[1], "housing") == his


@pytest.mark.parametrize("steps", range(20))
def test_killed_after_any_step_it_is_finished_by_the_next(
    keys: KeyStore, path: Path, tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each statement, and each writing of the wrapping keys, that would be durable is one step."""
    before = everything(keys)
    keys.commit()
    left, stolen = tmp_path / "left", tmp_path / "stolen.key"
    shutil.copy(path.with_name("kms.key"), stolen)
    left.mkdir()
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done == steps + 1:  # what lies on the disk before this step is what a kill leaves
            for file in path.parent.glob("k*"):
                shutil.copy(file, left / file.name)

    def write(self: LocalKms) -> None:
        step()
        whole(self)

    whole = LocalKms._write
    with monkeypatch.context() as patch:
        patch.setattr(LocalKms, "_write", write)
        keys._db.set_commit_hook(lambda: bool(step()))
        rotate_all(keys)
        days_later(keys, MONTH)
        keys.retire_wrapping_keys()
        keys._db.set_commit_hook(None)
    if not list(left.iterdir()):
        assert 10 < done <= steps
        return
    again = opened(left / "keys.sqlite")
    assert everything(again) == before
    rotate_all(again)
    assert everything(again) == before
    live = rows_of(left / "keys.sqlite", "SELECT 1 FROM agency_keys WHERE agency = 'north' AND wrapped <> zeroblob(60)")
    assert len(live) == 1
    days_later(again, MONTH)
    again.retire_wrapping_keys()
    again.close()
    again = opened(left / "keys.sqlite")
    assert everything(again) == before
    again.close()
    assert_not_opened(left / "keys.sqlite", stolen)


# ---- the wrapping keys


def test_a_copy_of_the_wrapping_keys_from_before_opens_nothing_any_more(
    keys: KeyStore, path: Path, tmp_path: Path
) -> None:
    before = everything(keys)
    keys.commit()
    stolen = shutil.copy(path.with_name("kms.key"), tmp_path / "stolen.key")
    wrapped = held_by_wrapping_keys(path)
    rotate_all(keys)
    assert everything(keys) == before
    keys.close()
    assert_not_opened(path, stolen)
    assert [each for each in wrapped if each in path.read_bytes()] == []
    assert held_by_wrapping_keys(path).isdisjoint(wrapped)


def test_a_copy_of_the_keys_from_before_opens_with_the_new_file_for_as_long_as_backups_are_kept(
    keys: KeyStore, path: Path, tmp_path: Path
) -> None:
    before = everything(keys)
    keys.commit()
    backup, late = tmp_path / "k-backup", tmp_path / "k-late"
    for copy in (backup, late):
        copy.mkdir()
        db = apsw.Connection(str(path))
        db.execute("VACUUM INTO ?", (str(copy / "keys.sqlite"),))
        db.close()
    rotate_all(keys)
    days_later(keys, KEYS_KEPT_DAYS)
    assert keys.retire_wrapping_keys() == 0
    shutil.copy(path.with_name("kms.key"), backup / "kms.key")
    restored = opened(backup / "keys.sqlite")
    assert everything(restored) == before
    days_later(restored, 2 * MONTH)
    assert (
        restored.retire_wrapping_keys() == 4
    )  # of three agencies and the look-up key; what they wrapped came over first
    restored.close()
    restored = opened(backup / "keys.sqlite")
    assert everything(restored) == before
    restored.close()
    days_later(keys, KEYS_KEPT_DAYS + 2)
    assert keys.retire_wrapping_keys() == 4
    assert everything(keys) == before
    shutil.copy(path.with_name("kms.key"), late / "kms.key")
    with pytest.raises(WrongSettings, match=r"kms-differs: .* a backup of more than 30 days one of its time"):
        opened(late / "keys.sqlite")


def test_a_secret_that_does_not_open_stops_it_and_the_old_key_stays(keys: KeyStore, path: Path) -> None:
    before = everything(keys)
    keys.commit()
    db = apsw.Connection(str(path))
    db.execute("UPDATE secrets SET wrapped = randomblob(60) WHERE seq = 23")  # of the last record
    db.close()
    with pytest.raises(BrokenKey):
        keys.rotate("north")
    keys.close()
    again = opened(path)
    assert [again.keys_of("north", record, "housing") for record in RECORDS[:11]] == before[:11]
    again.close()
