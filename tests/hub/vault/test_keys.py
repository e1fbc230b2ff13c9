"""The key store: one subject a record, one secret a class, durable before any event that uses them."""

import hashlib
import hmac
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from events.clock import DrivenClock
from events.errors import BrokenKey, TryAgainLater, WrongSettings
from events.identity import SubjectKeys, subject_keys
from events.ids import SubjectId
from events.sealing import Cipher, SecretName, key_id_of, unwrap
from hub.vault import keys as keys_module
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from tests.small_disk import mounted

RECORD = "north:housing/tenant/1"
OpenKeys = Callable[[], KeyStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.sqlite"


@pytest.fixture
def open_keys(path: Path) -> Iterator[OpenKeys]:
    opened: list[KeyStore] = []

    def open_it() -> KeyStore:
        opened.append(KeyStore(path, kms_of(path)))
        return opened[-1]

    yield open_it
    for keys in opened:
        keys.close()


def kms_of(path: Path) -> LocalKms:
    return LocalKms(path.with_name("kms.key"))


def stored(path: Path, query: str) -> list[tuple[Any, ...]]:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    rows = list(db.execute(query))
    db.close()
    return rows


def rewritten(path: Path, statement: str) -> None:
    db = apsw.Connection(str(path))
    db.execute(statement)
    db.close()


def test_a_record_has_the_same_keys_each_time(open_keys: OpenKeys) -> None:
    keys = open_keys()
    first = keys.keys_of("north", RECORD, "housing")
    assert keys.keys_of("north", RECORD, "housing") == first
    keys.commit()
    assert keys.keys_of("north", RECORD, "housing") == first


def test_keys_are_the_same_after_reopening(open_keys: OpenKeys) -> None:
    keys = open_keys()
    first = [keys.keys_of("north", f"{RECORD}{n}", kind) for n in range(20) for kind in ("core", "health")]
    keys.commit()
    keys.close()
    keys = open_keys()
    assert [keys.keys_of("north", f"{RECORD}{n}", kind) for n in range(20) for kind in ("core", "health")] == first


def test_a_record_has_one_subject_and_a_secret_for_each_class(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    core, health = keys.keys_of("north", RECORD, "core"), keys.keys_of("north", RECORD, "health")
    keys.commit()
    later = keys.keys_of("north", RECORD, "safeguarding")
    keys.commit()
    assert core.subject == health.subject == later.subject
    assert len({each.id_key for each in (core, health, later)}) == 3
    assert len(stored(path, "SELECT * FROM subjects")) == 1
    assert len(stored(path, "SELECT * FROM secrets")) == 3


def test_the_hub_has_a_secret_of_its_own_of_each_record(open_keys: OpenKeys) -> None:
    keys = open_keys()
    hers, about = keys.keys_of("north", RECORD, "core"), keys.keys_about("north", RECORD, "core")
    assert about.subject == hers.subject
    assert len({hers.key_id, about.key_id}) == 2
    keys.commit()
    keys.close()
    again = open_keys()
    assert (again.keys_of("north", RECORD, "core"), again.keys_about("north", RECORD, "core")) == (hers, about)


def test_the_hubs_service_keys_are_new_each_month(path: Path) -> None:
    clock = DrivenClock(datetime(2026, 11, 1, tzinfo=UTC))
    keys = KeyStore(path, kms_of(path), clock=clock)
    november = keys.service_keys("core")
    clock.set(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    assert keys.service_keys("core") == november
    clock.set(datetime(2026, 12, 1, tzinfo=UTC))
    december = keys.service_keys("core")
    assert december.subject != november.subject
    assert december.key_id != november.key_id
    keys.close()


def test_the_largest_checkpoint_of_an_origin_stays_noted(open_keys: OpenKeys) -> None:
    keys = open_keys()
    assert keys.noted_checkpoint("log/1") is None
    keys.note_checkpoint("log/1", 10, b"a" * 32)
    keys.note_checkpoint("log/1", 7, b"b" * 32)
    keys.note_checkpoint("log/2", 3, b"c" * 32)
    keys.close()
    assert open_keys().noted_checkpoint("log/1") == (10, b"a" * 32)


def test_the_keys_of_a_days_intake_are_durable_and_gone_for_good(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    made = {day: keys.intake_key(day) for day in ("2026-10-01", "2026-10-02", "2026-11-01")}
    keys.close()
    keys = open_keys()
    assert {day: keys.intake_key(day) for day in made} == made
    ((wrapped,),) = stored(path, "SELECT wrapped FROM intake_keys WHERE day = '2026-10-02'")
    assert keys.destroy_intake_keys("2026-10-03") == 2
    assert [keys.intake_key(day) for day in ("2026-09-30", "2026-10-01", "2026-10-02")] == [None, None, None]
    assert keys.intake_key("2026-11-01") == made["2026-11-01"]
    assert keys.intake_key("2026-10-03") is not None
    keys.close()
    assert wrapped not in path.read_bytes()


def test_different_records_share_nothing(open_keys: OpenKeys) -> None:
    keys = open_keys()
    names = [(a, r, c) for a in ("a", "a-b", "b") for r in ("", "1", "b\0001", "é") for c in ("core", "care")]
    made = {name: keys.keys_of(*name) for name in names}
    keys.commit()
    assert len({each.id_key for each in made.values()}) == len(names)
    assert len({each.subject for each in made.values()}) == len({name[:2] for name in names})


def test_the_file_names_nobody(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    subject = keys.keys_of("north", RECORD, "core").subject
    keys.commit()
    ((wrapped,),) = stored(path, "SELECT wrapped FROM hub_keys WHERE name = 'look-up'")
    look_up_key = kms_of(path).unwrap("hub", wrapped)
    expected = hmac.new(look_up_key, b"north\0" + RECORD.encode(), hashlib.sha256).digest()
    assert stored(path, "SELECT lookup, subject FROM subjects") == [(expected, subject)]
    keys.close()
    assert b"tenant" not in path.read_bytes()


def test_each_home_has_a_look_up_key_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        KeyStore(tmp_path / name, kms_of(tmp_path / name)).close()
    assert stored(tmp_path / "one", "SELECT * FROM hub_keys") != stored(tmp_path / "two", "SELECT * FROM hub_keys")


def test_keys_are_derived_from_the_stored_secret(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    made = keys.keys_of("north", RECORD, "core")
    keys.commit()
    ((*name, wrapped),) = stored(path, "SELECT agency, subject, class, key_id, wrapped FROM secrets")
    ((agency, wrapped_key),) = stored(path, "SELECT agency, wrapped FROM agency_keys")
    secret = unwrap(Cipher(kms_of(path).unwrap(f"agency/{agency}", wrapped_key)), SecretName(*name), wrapped)
    assert (name[0], name[2], name[3]) == ("north", "core", key_id_of(secret))
    assert subject_keys(SubjectId(name[1]), secret) == made
    keys.close()
    assert secret not in path.read_bytes()


# ---- pending and durable


def test_without_a_commit_nothing_is_kept(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    lost = keys.keys_of("north", RECORD, "core")
    assert stored(path, "SELECT * FROM subjects") == []
    keys.close()
    assert open_keys().keys_of("north", RECORD, "core").subject != lost.subject


def test_a_commit_with_nothing_new_writes_nothing(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    keys.keys_of("north", RECORD, "core")
    keys.commit()
    wal = path.with_name("keys.sqlite-wal").stat()
    keys.keys_of("north", RECORD, "core")
    keys.commit()
    assert path.with_name("keys.sqlite-wal").stat().st_mtime_ns == wal.st_mtime_ns


def test_looking_up_makes_no_subject(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    keys.look_up([("north", RECORD), ("south", RECORD)])
    keys.commit()
    assert stored(path, "SELECT * FROM subjects") == []
    keys.keys_of("north", RECORD, "core")
    keys.commit()
    assert len(stored(path, "SELECT * FROM subjects")) == 1


def test_a_full_disk_keeps_keys_pending_until_there_is_room(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, size_mb=2) as disk:
        keys = KeyStore(folder / "keys.sqlite", kms_of(tmp_path / "keys.sqlite"))
        keys.keys_of("north", RECORD, "core")
        keys.commit()
        disk.fill()
        made = {n: keys.keys_of("north", f"{RECORD}{n}", "core") for n in range(2_000)}
        with pytest.raises(TryAgainLater, match=r"disk-full: keys\.sqlite: .*Make room"):
            keys.commit()
        assert keys.keys_of("north", f"{RECORD}7", "core") == made[7]
        assert keys.keys_of("north", f"{RECORD}7", "health").subject == made[7].subject
        disk.empty()
        keys.commit()
        keys.close()
        keys = KeyStore(folder / "keys.sqlite", kms_of(tmp_path / "keys.sqlite"))
        assert {n: keys.keys_of("north", f"{RECORD}{n}", "core") for n in range(2_000)} == made
        keys.close()


def test_keys_made_during_a_commit_wait_for_the_next(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    store = keys._store
    made: list[SubjectKeys] = []

    def storing(*what: Any) -> None:
        made.append(keys.keys_of("north", f"{RECORD}/late", "core"))
        made.append(keys.keys_of("north", RECORD, "health"))
        store(*what)

    keys.keys_of("north", RECORD, "core")
    keys._store = storing  # type: ignore[method-assign]
    keys.commit()
    assert len(stored(path, "SELECT * FROM subjects")) == 1
    keys._store = store  # type: ignore[method-assign]
    keys.commit()
    assert len(stored(path, "SELECT * FROM subjects")) == 2
    assert len(stored(path, "SELECT * FROM secrets")) == 3
    keys.close()
    keys = open_keys()
    assert keys.keys_of("north", f"{RECORD}/late", "core") == made[0]
    assert keys.keys_of("north", RECORD, "health") == made[1]


def test_looking_many_records_up_at_once_makes_none_and_changes_no_key(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    made = {
        (number, kind): keys.keys_of("north", f"{RECORD}{number}", kind)
        for number in range(0, 40, 2)
        for kind in ("core", "health")
    }
    keys.look_up([("north", f"{RECORD}{number}") for number in range(40)])  # some wait for the disk, some are unknown
    keys.commit()
    keys.close()
    keys = open_keys()
    keys.look_up([("north", f"{RECORD}{number}") for number in range(40)])
    keys.commit()
    assert len(stored(path, "SELECT * FROM subjects")) == 20
    assert {(number, kind): keys.keys_of("north", f"{RECORD}{number}", kind) for number, kind in made} == made
    new = keys.keys_of("north", f"{RECORD}1", "core")
    keys.look_up([("north", f"{RECORD}1")])
    assert keys.keys_of("north", f"{RECORD}1", "core") == new


def test_more_records_than_the_cache_holds_are_looked_up_at_once(
    open_keys: OpenKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "CACHE_MAX", 10)
    keys = open_keys()
    names = [f"{RECORD}{number}" for number in range(60)]
    made = {name: keys.keys_of("north", name, "core") for name in names}
    for start in (0, 30, 7):
        keys.look_up([("north", name) for name in names[start:]])
        assert {name: keys.keys_of("north", name, "core") for name in names} == made
    keys.commit()
    keys.look_up([("north", name) for name in names])
    assert {name: keys.keys_of("north", name, "core") for name in names} == made


# ---- many threads


def test_a_race_of_threads_makes_one_subject_a_record(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    barrier = threading.Barrier(16)

    def ask(thread: int) -> list[SubjectKeys]:
        barrier.wait()
        made = []
        for number in range(100):
            made.append(keys.keys_of("north", f"{RECORD}{number}", "core"))
            if number % 10 == thread % 10:
                keys.commit()
        return made

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    keys.commit()
    assert all(answer == answers[0] for answer in answers)
    assert len(stored(path, "SELECT * FROM subjects")) == len(stored(path, "SELECT * FROM secrets")) == 100


def test_what_the_cache_forgot_is_found_in_the_file(open_keys: OpenKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "CACHE_MAX", 10)
    keys = open_keys()
    made = {}
    for number in range(60):
        made[number] = keys.keys_of("north", f"{RECORD}{number}", "core")
        if number % 7 == 0:
            keys.commit()
        assert keys.keys_of("north", f"{RECORD}0", "core") == made[0]
    assert {number: keys.keys_of("north", f"{RECORD}{number}", "core") for number in range(60)} == made
    assert len(keys._young) + len(keys._old) <= 10


# ---- the file


def test_the_file_is_private_and_forgets_what_is_deleted(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    keys.keys_of("north", RECORD, "core")
    keys.commit()
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert keys._db.pragma("secure_delete") == 1
    assert keys._db.pragma("synchronous") == 2
    assert keys._db.pragma("journal_mode") == "wal"


def test_a_file_opened_too_widely_is_made_private(open_keys: OpenKeys, path: Path) -> None:
    open_keys().close()
    path.chmod(0o644)
    open_keys()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_a_newer_format_is_refused(open_keys: OpenKeys, path: Path) -> None:
    open_keys().close()
    rewritten(path, "UPDATE meta SET value = '4' WHERE name = 'format'")
    with pytest.raises(WrongSettings, match=r"home-newer: keys\.sqlite: .* format 4, this program reads 3"):
        open_keys()


@pytest.mark.parametrize("older", [1, 2])
def test_a_file_of_an_older_format_is_refused(open_keys: OpenKeys, path: Path, older: int) -> None:
    open_keys().close()
    rewritten(path, f"UPDATE meta SET value = '{older}' WHERE name = 'format'")
    with pytest.raises(WrongSettings, match=rf"home-older: keys\.sqlite: .* format {older}, .*log reseal"):
        open_keys()


def test_a_file_that_is_no_key_store_is_refused_and_left_alone(open_keys: OpenKeys, path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(WrongSettings, match=r"broken-file: keys\.sqlite: .*from a backup"):
        open_keys()
    assert path.read_bytes() == b"no database" * 1_000


def test_keys_that_another_program_holds_stay_pending(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    keys._db.set_busy_timeout(10)
    made = keys.keys_of("north", RECORD, "core")
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TryAgainLater, match=r"file-locked: keys\.sqlite"):
        keys.commit()
    other.execute("ROLLBACK")
    other.close()
    keys.commit()
    keys.close()
    assert open_keys().keys_of("north", RECORD, "core") == made


def test_a_damaged_secret_is_told_instead_of_used(open_keys: OpenKeys, path: Path) -> None:
    keys = open_keys()
    keys.keys_of("north", RECORD, "core")
    keys.commit()
    keys.close()
    rewritten(path, "UPDATE secrets SET wrapped = randomblob(60)")
    with pytest.raises(BrokenKey, match=r"broken-key: keys\.sqlite: .*restore it from a backup"):
        open_keys().keys_of("north", RECORD, "core")
