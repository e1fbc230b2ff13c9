"""The ring: opens what its keys still open, says why of the rest, and uses no key that was not looked at lately."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from events.codec import Sealed, StoredRow, seal
from events.errors import TryAgainLater
from events.identity import SubjectKeys, subject_keys
from events.ids import EventId, SubjectId
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from tests.counts import times
from tests.genuine import a_row as row
from tests.genuine import decided, told_of
from tests.keyring import stored

RECORD = "north:housing/tenant/1"


class Boot:
    """Time since boot, as told."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def boot() -> Boot:
    return Boot()


@pytest.fixture
def keys(tmp_path: Path, boot: Boot) -> Iterator[KeyStore]:
    store = KeyStore(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key"), boot_s=boot)
    yield store
    store.close()


@pytest.fixture
def another(tmp_path: Path, keys: KeyStore, boot: Boot) -> Iterator[Callable[[], Ring]]:
    """Rings of other processes: they know what is durable and no more."""
    opened: list[Ring] = []

    def open_it() -> Ring:
        opened.append(Ring(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key"), boot))
        return opened[-1]

    yield open_it
    for ring in opened:
        ring.close()


def forged(keys: SubjectKeys, number: int = 1, agency: str = "north", **told: Any) -> StoredRow:
    """A row of somebody who has the keys, and does not write what a hub would."""
    sealed = seal(keys, EventId(number.to_bytes(32, "big")), agency, {**told_of(keys, agency=agency), **told})
    return stored(sealed, number, number)


def codes(ring: Ring, *rows: StoredRow) -> list[str]:
    opened = ring.open("main-0", rows)
    closed = {each.offset: each.code for each in opened.closed}
    return [closed.get(each.offset, "opened") for each in rows]


def test_it_opens_what_the_key_store_sealed(keys: KeyStore, another: Callable[[], Ring]) -> None:
    rows = [row(keys.keys_of("north", f"{RECORD}{at}", "housing"), at) for at in range(50)]
    keys.commit()
    for ring in (keys.ring, another()):
        assert [each.offset for each in ring.open("main-0", rows).logged] == list(range(50))


def test_a_row_without_a_key_says_so(keys: KeyStore) -> None:
    never = subject_keys(SubjectId(b"s" * 16), b"k" * 32)
    assert codes(keys.ring, row(never)) == ["unknown-key"]


def test_what_was_destroyed_is_erased_and_nothing_else_is(keys: KeyStore, another: Callable[[], Ring]) -> None:
    hers, his = (keys.keys_of("north", f"{RECORD}{at}", "housing") for at in (1, 2))
    rows = [row(hers, 1), row(his, 2)]
    keys.commit()
    ring = another()
    assert codes(ring, *rows) == ["opened", "opened"]
    assert [name.key_id for name in keys.destroy(hers.subject)] == [hers.key_id]
    for each in (keys.ring, another()):
        assert codes(each, *rows) == ["erased", "opened"]


def test_a_plain_row_is_refused(keys: KeyStore) -> None:
    header = bytes([1, 5]) + b"north" + bytes(32) + b"s" * 16 + bytes(24)
    assert codes(keys.ring, stored(Sealed(header, bytes(12), b"{}".ljust(256)), 1)) == ["unsealed-row"]


def test_a_row_under_another_agencys_key_is_refused(keys: KeyStore) -> None:
    mine = keys.keys_of("north", RECORD, "housing")
    assert codes(keys.ring, forged(mine, agency="south")) == ["foreign-key"]


def test_a_row_under_another_subjects_key_is_refused(keys: KeyStore) -> None:
    mine, other = (keys.keys_of("north", f"{RECORD}{at}", "housing") for at in (1, 2))
    theirs = SubjectKeys(other.subject, mine.key_id, mine.id_key, mine.fact_key, mine.cipher)
    assert codes(keys.ring, row(theirs)) == ["foreign-key"]


def test_the_hubs_keys_open_no_agencys_words_and_no_agencys_key_the_hubs(keys: KeyStore) -> None:
    hubs, hers = keys.keys_about("north", RECORD, "core"), keys.keys_of("north", RECORD, "core")
    said: dict[str, Any] = {"kind": "person.registered", "payload": {"identifiers": [{"value": "T-1"}]}}
    opening = stored(decided(hubs), 1, 1)
    assert codes(keys.ring, opening, row(hers, 2, **said)) == ["opened", "opened"]
    of_service = stored(decided(keys.service_keys("core")), 1, 1)
    assert codes(keys.ring, of_service) == ["opened"]
    foreign = [row(hubs, 1, agency="hub", **said), stored(decided(hers), 2, 2), forged(hers, type="hub.person-opened")]
    assert codes(keys.ring, *foreign) == ["foreign-key"] * 3


def test_a_row_under_the_key_of_another_class_is_refused(keys: KeyStore) -> None:
    core = keys.keys_of("north", RECORD, "core")
    assert codes(keys.ring, row(core)) == ["wrong-class"]
    assert codes(keys.ring, row(keys.keys_of("north", RECORD, "raw"))) == ["wrong-class"]


@pytest.mark.parametrize("told", [{"type": None}, {"type": 7}])
def test_what_says_no_type_is_broken(keys: KeyStore, told: dict[str, Any]) -> None:
    assert codes(keys.ring, forged(keys.keys_of("north", RECORD, "housing"), **told)) == ["broken-row"]


def test_a_wrapped_secret_that_was_touched_opens_nothing(
    keys: KeyStore, another: Callable[[], Ring], tmp_path: Path, rng: random.Random
) -> None:
    """A bit of hers flipped, his in her place, the id of hers changed to his: each is told, and harms nobody else."""
    hers, his = (keys.keys_of("north", f"{RECORD}{at}", "housing") for at in (1, 2))
    rows = [row(hers, 1), row(his, 2)]
    keys.commit()
    db = apsw.Connection(str(tmp_path / "keys.sqlite"))
    wrapped: dict[Any, Any] = dict(db.execute("SELECT key_id, wrapped FROM secrets"))
    spoilt = [flipped(wrapped[hers.key_id], rng.randrange(480)) for _ in range(times(20, proof=480))]
    for touched in (wrapped[his.key_id], *spoilt):
        db.execute("UPDATE secrets SET wrapped = ? WHERE key_id = ?", (touched, hers.key_id))
        assert codes(another(), *rows) == ["broken-key", "opened"]
    db.execute("UPDATE secrets SET wrapped = ? WHERE key_id = ?", (wrapped[hers.key_id], hers.key_id))
    assert codes(another(), *rows) == ["opened", "opened"]
    db.execute("UPDATE secrets SET class = 'health' WHERE key_id = ?", (hers.key_id,))
    assert codes(another(), *rows) == ["broken-key", "opened"]
    db.close()


def flipped(raw: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(raw))


# ---- the lease


def test_a_ring_that_was_stopped_while_a_key_was_destroyed_opens_nothing_with_it(
    keys: KeyStore, another: Callable[[], Ring], boot: Boot
) -> None:
    hers, his = (keys.keys_of("north", f"{RECORD}{at}", "housing") for at in (1, 2))
    rows = [row(hers, 1), row(his, 2)]
    keys.commit()
    ring = another()
    assert codes(ring, *rows) == ["opened", "opened"]
    keys.destroy(hers.subject)
    boot.now_s += 70
    assert codes(ring, *rows) == ["erased", "opened"]


def test_a_ring_that_is_stopped_in_the_middle_of_a_page_stops_there(
    keys: KeyStore, another: Callable[[], Ring], boot: Boot
) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    keys.commit()
    ring = another()
    codes(ring, row(hers))

    class Page(list[StoredRow]):
        """A page between whose rows the process sleeps and the key goes."""

        def __iter__(self) -> Iterator[StoredRow]:
            for at, each in enumerate(super().__iter__()):
                if at == 2 and not getattr(self, "is_first", True):
                    keys.destroy(hers.subject)
                    boot.now_s += 70
                yield each
            self.is_first = False

    opened = ring.open("main-0", Page(row(hers, number) for number in range(4)))
    assert [each.offset for each in opened.logged] == [0, 1]
    assert {each.code for each in opened.closed} == {"erased"}


def test_within_its_lease_a_ring_need_not_look(keys: KeyStore, another: Callable[[], Ring], boot: Boot) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    keys.commit()
    ring = another()
    assert codes(ring, row(hers)) == ["opened"]
    looked: list[str] = []
    ring._db.exec_trace = lambda cursor, statement, bindings: looked.append(statement) or True  # type: ignore[func-returns-value]
    boot.now_s += 59
    assert codes(ring, row(hers)) == ["opened"]
    assert looked == []
    boot.now_s += 2
    assert codes(ring, row(hers)) == ["opened"]
    assert len(looked) == 1  # whether anything was written
    keys.keys_of("north", f"{RECORD}/another", "housing")
    keys.commit()
    boot.now_s += 61
    assert codes(ring, row(hers)) == ["opened"]
    assert len(looked) == 4  # and then what was destroyed, and whose keys are new


def test_a_ring_without_a_lease_looks_at_each_use(keys: KeyStore, tmp_path: Path) -> None:
    hers, his = (keys.keys_of("north", f"{RECORD}{at}", "housing") for at in (1, 2))
    rows = [row(hers, 1), row(his, 2)]
    keys.commit()
    ring = Ring(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key"), lease_s=0.0)
    assert codes(ring, *rows) == ["opened", "opened"]
    keys.destroy(hers.subject)
    assert codes(ring, *rows) == ["erased", "opened"]
    ring.close()


def test_a_ring_that_cannot_look_opens_nothing(keys: KeyStore, another: Callable[[], Ring], boot: Boot) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    keys.commit()
    ring = another()
    codes(ring, row(hers))
    boot.now_s += 61

    def fail(*told: Any) -> bool:
        raise apsw.IOError("disk I/O error")

    ring._db.exec_trace = fail
    with pytest.raises(TryAgainLater, match="disk-error"):
        ring.open("main-0", [row(hers)])


def test_the_hubs_own_ring_forgets_at_once(keys: KeyStore) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    keys.commit()
    assert codes(keys.ring, row(hers)) == ["opened"]
    keys.destroy(hers.subject)
    assert codes(keys.ring, row(hers)) == ["erased"]


def test_the_keys_of_many_subjects_are_read_at_once(keys: KeyStore, another: Callable[[], Ring]) -> None:
    made = [keys.keys_of("north", f"{RECORD}{at}", "raw") for at in range(10)]
    keys.keys_of("north", f"{RECORD}/other", "core")
    keys.commit()
    keys.destroy(made[3].subject)
    found = another().ciphers_of("north", [each.subject for each in made], "raw")
    assert found.keys() == {each.subject for at, each in enumerate(made) if at != 3}
    nonce, text = made[5].cipher.seal(b"raw", b"about")
    assert found[made[5].subject].open(nonce, text, b"about") == b"raw"
    assert another().ciphers_of("south", [made[5].subject], "raw") == {}


def test_more_keys_than_the_cache_holds_open_all_the_same(
    keys: KeyStore, another: Callable[[], Ring], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.vault.ring.CACHE_MAX", 10)
    rows = [row(keys.keys_of("north", f"{RECORD}{at}", "housing"), at) for at in range(60)]
    keys.commit()
    ring = another()
    for _ in range(2):
        assert codes(ring, *rows) == ["opened"] * 60
