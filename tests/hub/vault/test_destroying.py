"""What was destroyed is gone: from memory, from the file and what SQLite keeps beside it; and all else stays."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.codec import Sealed, seal
from events.errors import RejectedMessage, TryAgainLater
from events.identity import SubjectKeys, derive
from events.ids import EventId
from events.sealing import key_id_of
from hub.vault import destroying
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from tests.counts import times

HER, HIM = "north:housing/tenant/1", "north:housing/tenant/2"
CLASSES = ("core", "health", "housing")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.sqlite"


@pytest.fixture
def open_keys(path: Path) -> Iterator[Callable[[], KeyStore]]:
    opened: list[KeyStore] = []

    def open_it() -> KeyStore:
        opened.append(KeyStore(path, LocalKms(path.with_name("kms.key"))))
        return opened[-1]

    yield open_it
    for keys in opened:
        keys.close()


@pytest.fixture
def keys(open_keys: Callable[[], KeyStore]) -> KeyStore:
    return open_keys()


def made_for(keys: KeyStore, record: str) -> dict[str, SubjectKeys]:
    """The keys of a record in some classes, and the one that the hub holds."""
    found = {retention: keys.keys_of("north", record, retention) for retention in CLASSES}
    return {**found, "hub": keys.keys_about("north", record, "core")}


def bytes_of(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob("keys.sqlite*")))


# ---- whole subjects, classes, suppression


def test_a_destroyed_subject_has_no_secret_and_nobody_finds_it(keys: KeyStore) -> None:
    hers, his = made_for(keys, HER), made_for(keys, HIM)
    keys.commit()
    subject = hers["core"].subject
    gone = keys.destroy(subject)
    assert {name.key_id for name in gone} == {each.key_id for each in hers.values()}
    assert keys.secrets_of(subject) == []
    assert keys.subject_of("north", HER) is None
    assert made_for(keys, HIM) == his
    again = made_for(keys, HER)
    assert again["core"].subject != subject


def test_what_is_destroyed_by_name_leaves_the_others_and_what_comes_after_it(keys: KeyStore) -> None:
    hers = made_for(keys, HER)
    keys.commit()
    wanted = {hers["core"].key_id, hers["health"].key_id}
    gone = keys.destroy(hers["core"].subject, wanted)
    assert {name.key_id for name in gone} == wanted
    again = made_for(keys, HER)
    keys.destroy(hers["core"].subject, wanted)
    assert made_for(keys, HER) == again
    assert (again["housing"], again["hub"]) == (hers["housing"], hers["hub"])
    assert again["core"].subject == hers["core"].subject
    assert again["core"].key_id != hers["core"].key_id


def test_what_was_never_durable_is_destroyed_too(keys: KeyStore, open_keys: Callable[[], KeyStore]) -> None:
    hers = made_for(keys, HER)
    gone = keys.destroy(hers["core"].subject)
    assert {name.key_id for name in gone} == {each.key_id for each in hers.values()}
    keys.commit()
    keys.close()
    assert open_keys().subject_of("north", HER) is None


def test_destroying_again_changes_nothing_and_names_the_same(keys: KeyStore) -> None:
    subject = made_for(keys, HER)["core"].subject
    keys.commit()
    assert keys.destroy(subject) == keys.destroy(subject)


def test_a_suppressed_record_gets_no_keys_until_it_is_admitted_again(
    keys: KeyStore, open_keys: Callable[[], KeyStore]
) -> None:
    hers = made_for(keys, HER)
    keys.commit()
    token = keys.suppression_of("north", HER)
    assert len(token) == 32
    keys.suppress(token)
    for _ in range(2):
        for asked in (keys.keys_of, keys.keys_about):
            with pytest.raises(RejectedMessage, match="subject-erased"):
                asked("north", HER, "core")
        assert keys.is_suppressed("north", HER)
        assert not keys.is_suppressed("north", HIM)
        made_for(keys, HIM)
        keys.commit()
        keys.close()
        keys = open_keys()
    keys.destroy(hers["core"].subject)
    keys.readmit(token)
    assert keys.keys_of("north", HER, "core").subject != hers["core"].subject


def test_an_open_reader_is_waited_for_and_told(keys: KeyStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destroying, "_TRIES", 2)
    keys._db.set_busy_timeout(10)
    subject = made_for(keys, HER)["core"].subject
    keys.commit()
    other = apsw.Connection(str(path))
    reading = other.execute("BEGIN; SELECT * FROM secrets")
    next(reading)
    with pytest.raises(TryAgainLater, match=r"file-locked: keys\.sqlite"):
        keys.destroy(subject)
    assert keys.secrets_of(subject) == []
    reading.close()
    other.close()
    keys.destroy(subject)


# ---- no trace


def test_no_file_holds_what_was_destroyed_however_often_the_tables_were_balanced(
    keys: KeyStore, path: Path, rng: random.Random
) -> None:
    """With rows that are deleted, one in thousands of these leaves a copy behind."""
    records = [f"north:housing/tenant/{number}" for number in range(times(1_000, proof=60_000))]
    for start in range(0, len(records), 60):
        for record in records[start : start + 60]:
            keys.keys_of("north", record, rng.choice(CLASSES))
        keys.commit()
    doomed = rng.sample(records, times(20, proof=1_000))
    traces: list[bytes] = []
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    for record in doomed:
        subject = keys.subject_of("north", record)
        traces += [keys._lookup(("north", record))]
        traces += [wrapped for (wrapped,) in db.execute("SELECT wrapped FROM secrets WHERE subject = ?", (subject,))]
    db.close()
    assert all(trace in bytes_of(path) for trace in traces)
    for record in doomed:
        subject = keys.subject_of("north", record)
        assert subject is not None
        keys.destroy(subject)
    held = bytes_of(path)
    assert [trace for trace in traces if trace in held] == []


def test_a_copy_that_sqlite_left_behind_is_found_and_the_file_made_anew(keys: KeyStore, path: Path) -> None:
    hers = made_for(keys, HER)["core"].subject
    keys.commit()
    lookup = keys._lookup(("north", HER))
    with path.open("r+b") as file:  # as if a cell had been moved, and where it was is free
        held = file.read()
        free = held.rfind(bytes(40))
        file.seek(free + 4)
        file.write(lookup)
    assert destroying.is_left(path, [lookup])
    keys.destroy(hers)
    assert lookup not in bytes_of(path)


# ---- with every file and the wrapping keys


def opens(home: bytes, kms: LocalKms, agency: str, sealed: Sealed) -> bool:
    """Whether any 48 bytes of these files are a secret, wrapped in a way that the wrapping keys open, for this body.

    48 bytes are a wrapped secret without its nonce, which stands before it; what is bound to it is known to whoever
    has the files.
    """
    (wrapped_key,) = {
        row for (row,) in apsw_rows(home, "SELECT wrapped FROM agency_keys WHERE agency = ?", (agency,)) if any(row)
    }
    aead = AESGCM(kms.unwrap(f"agency/{agency}", wrapped_key))
    header = sealed.header
    subject, key_id = header[-40:-24], header[-24:]
    for at in range(12, len(home) - 48):
        window = home[at : at + 48]
        if not any(window):
            continue
        for retention in CLASSES:
            lengths = bytes((len(agency), len(retention)))
            about = b"tellonce/wrapped-secret/1\0" + lengths + agency.encode() + subject + retention.encode() + key_id
            try:
                secret = aead.decrypt(home[at - 12 : at], window, about)
            except InvalidTag:
                continue
            if key_id_of(secret) == key_id:
                (key,) = derive(secret, b"sealing/1")
                AESGCM(key).decrypt(sealed.nonce, sealed.body, b"tellonce/event-body/1\0" + header)
                return True
    return False


def apsw_rows(content: bytes, query: str, values: tuple[str, ...]) -> list[tuple[bytes]]:
    db = apsw.Connection(":memory:")
    db.deserialize("main", content)
    rows = db.execute(query, values).fetchall()
    db.close()
    return rows  # type: ignore[return-value]


def test_with_every_file_and_the_wrapping_keys_her_bodies_stay_closed(keys: KeyStore, path: Path) -> None:
    bodies = {}
    for record in (HER, HIM):
        of_housing = made_for(keys, record)["housing"]
        bodies[record] = seal(of_housing, EventId(os.urandom(32)), "north", {"type": "housing.x", "text": record})
    keys.commit()
    subject = keys.subject_of("north", HER)
    assert subject is not None
    keys.suppress(keys.suppression_of("north", HER))
    keys.destroy(subject)
    keys.close()
    home = path.read_bytes()
    as_file = home[:18] + b"\x01\x01" + home[20:]  # a database in memory knows no write-ahead log
    kms = LocalKms(path.with_name("kms.key"))
    assert opens(as_file, kms, "north", bodies[HIM])
    assert not opens(as_file, kms, "north", bodies[HER])
