"""`keys rotate`: every secret under a new key of its agency, nothing else changed, whenever it is killed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from events.identity import SubjectKeys
from hub.vault import rotating
from hub.vault.agencies import BrokenKey
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from tests.genuine import a_row

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
    return KeyStore(path, LocalKms(path.with_name("kms.key")))


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
    steps = rotating.rotated(keys._db, keys._agencies, "north", keys._committing)
    next(steps)
    keys.destroy(hers.subject)
    list(steps)
    keys.rotate("north")
    assert keys.secrets_of(hers.subject) == []
    assert keys.keys_of("north", RECORDS[1], "housing") == his


@pytest.mark.parametrize("steps", range(9))
def test_killed_after_any_step_it_is_finished_by_the_next(
    keys: KeyStore, path: Path, tmp_path: Path, steps: int
) -> None:
    """Each statement that would be durable is one step."""
    before = everything(keys)
    keys.commit()
    left = tmp_path / "left"
    left.mkdir()
    commits = 0

    def stop_at(db: apsw.Connection) -> bool:
        nonlocal commits
        commits += 1
        if commits == steps + 1:  # what lies on the disk before this commit is what a kill leaves
            for file in path.parent.glob("k*"):
                shutil.copy(file, left / file.name)
        return False

    keys._db.set_commit_hook(lambda: stop_at(keys._db))
    keys.rotate("north")
    keys._db.set_commit_hook(None)
    if not list(left.iterdir()):
        assert steps >= commits
        return
    again = opened(left / "keys.sqlite")
    assert everything(again) == before
    again.rotate("north")
    assert everything(again) == before
    live = rows_of(left / "keys.sqlite", "SELECT 1 FROM agency_keys WHERE agency = 'north' AND wrapped <> zeroblob(60)")
    assert len(live) == 1
    again.close()


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
