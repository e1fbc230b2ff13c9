"""Somebody who writes in keys.sqlite, and has no key: each change is told, opens nothing else, and nothing falls."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from events.codec import StoredRow
from events.errors import BrokenKey, HubError
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from tests.by_hand import run_in
from tests.counts import times
from tests.genuine import a_row

ROUNDS = times(3, proof=50)
RECORDS = [f"{agency}:crm/tenant/{at}" for agency in ("north", "south") for at in range(4)]
NO_VALUES = (7, -1, 1.5, "text", "x" * 300, b"", b"\0", b"\xff" * 60, bytes(60), bytes(24), bytes(16))


class Home:
    """A key store of eight records, one of them erased, and a row of each."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "keys.sqlite"
        self.kms = folder / "kms.key"
        keys = self.store()
        self.rows: list[StoredRow] = []
        for at, record in enumerate(RECORDS):
            agency, local_id = record.split(":")[0], record.partition("/")[2]
            mine = keys.keys_of(agency, record, "housing")
            keys.keys_about(agency, record, "core")
            self.rows.append(a_row(mine, at, agency=agency, subject=local_id))
        keys.commit()
        keys.destroy(mine.subject)
        keys.close()
        self.texts = self.opened()[0]

    def store(self) -> KeyStore:
        return KeyStore(self.path, LocalKms(self.kms))

    def opened(self) -> tuple[dict[int, Any], dict[int, str]]:
        """What opens, by position, and why the rest does not; to somebody who comes anew."""
        ring = Ring(self.path, LocalKms(self.kms))
        try:
            found = ring.open("main-0", self.rows)
        finally:
            ring.close()
        return {each.offset: each for each in found.logged}, {each.offset: each.code for each in found.closed}

    def run(self, statement: str, *values: Any) -> list[Any]:
        return run_in(self.path, statement, *values)

    def key_of(self, at: int) -> bytes:
        return self.rows[at].header[-24:]

    def swap(self, column: str, one: int, other: int) -> None:
        """Puts a column of each of two secrets into the other's row."""
        found = dict(self.run(f"SELECT key_id, {column} FROM secrets"))
        places = dict(self.run("SELECT key_id, seq FROM secrets"))
        for at, instead in ((one, other), (other, one)):
            value = found[self.key_of(instead)]
            self.run(f"UPDATE secrets SET {column} = ? WHERE seq = ?", value, places[self.key_of(at)])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(params=range(ROUNDS))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(f"{request.node.originalname} {request.param}")


def test_an_untouched_store_opens_all_but_what_was_erased(home: Home) -> None:
    texts, closed = home.opened()
    assert (texts.keys(), closed) == (set(range(7)), {7: "erased"})


@pytest.mark.parametrize("column", ["wrapped", "key_id", "subject", "agency", "class", "generation"])
def test_what_is_swapped_between_two_secrets_opens_neither_or_changes_nothing(
    home: Home, chance: random.Random, column: str
) -> None:
    one, other = chance.sample(range(7), 2)
    before = dict(home.run(f"SELECT key_id, {column} FROM secrets"))
    home.swap(column, one, other)
    texts, closed = home.opened()
    assert texts == {at: home.texts[at] for at in texts}
    told = {at: code for at, code in closed.items() if at != 7}
    is_same = column != "key_id" and before[home.key_of(one)] == before[home.key_of(other)]
    assert told.keys() == (set() if is_same else {one, other})
    assert set(told.values()) <= {"broken-key", "unknown-key"}


@pytest.mark.parametrize("column", ["wrapped", "key_id", "subject", "agency", "class", "generation"])
def test_a_value_that_is_none_closes_its_own_row_alone(home: Home, chance: random.Random, column: str) -> None:
    at = chance.randrange(7)
    for value in NO_VALUES:
        (stored,) = home.run(f"SELECT seq, {column} FROM secrets WHERE key_id = ?", home.key_of(at))
        home.run(f"UPDATE secrets SET {column} = ? WHERE seq = ?", value, stored[0])
        texts, closed = home.opened()
        assert texts == {each: text for each, text in home.texts.items() if each != at}
        assert closed.pop(at) in ("broken-key", "unknown-key")
        assert closed == {7: "erased"}
        asked_for(home, at)
        home.run(f"UPDATE secrets SET {column} = ? WHERE seq = ?", stored[1], stored[0])
    assert home.opened()[0] == home.texts


def asked_for(home: Home, at: int) -> None:
    """Whoever sends about the record gets new keys or is told that it is broken; of others, those there are."""
    keys = home.store()
    for each, record in enumerate(RECORDS[:7]):
        try:
            found = keys.keys_of(record.split(":")[0], record, "housing")
        except BrokenKey:
            assert each == at
            continue
        assert each == at or found.key_id == home.key_of(each)
    keys.close()


@pytest.mark.parametrize("cut", [1, 12, 44, 59])
def test_a_wrapped_secret_cut_short_or_run_on_does_not_open(home: Home, chance: random.Random, cut: int) -> None:
    at = chance.randrange(7)
    (whole,) = home.run("SELECT wrapped FROM secrets WHERE key_id = ?", home.key_of(at))[0]
    for spoilt in (whole[:cut], whole[cut:], whole + bytes(cut), whole[cut:] + whole[:cut]):
        home.run("UPDATE secrets SET wrapped = ? WHERE key_id = ?", spoilt, home.key_of(at))
        texts, closed = home.opened()
        assert texts == {each: text for each, text in home.texts.items() if each != at}
        assert closed == {at: "broken-key", 7: "erased"}


def test_a_secret_that_is_gone_though_nobody_destroyed_it_is_told(home: Home, chance: random.Random) -> None:
    at = chance.randrange(7)
    home.run("DELETE FROM secrets WHERE key_id = ?", home.key_of(at))
    assert home.opened()[1] == {at: "unknown-key", 7: "erased"}


def test_without_the_note_of_its_destruction_an_erased_row_is_refused_and_opens_no_more_than_before(home: Home) -> None:
    home.run("DELETE FROM destroyed")
    assert home.opened() == (home.texts, {7: "unknown-key"})


def test_a_second_row_of_the_same_secret_takes_nothing_away(home: Home, chance: random.Random) -> None:
    at = chance.randrange(7)
    columns = "agency, subject, class, key_id, generation"
    for wrapped in (bytes(60), chance.randbytes(60), b""):
        home.run(
            f"INSERT INTO secrets({columns}, wrapped) SELECT {columns}, ? FROM secrets WHERE key_id = ?",
            wrapped,
            home.key_of(at),
        )
        assert home.opened()[0] == home.texts


@pytest.mark.parametrize("table", ["agency_keys", "hub_keys"])
@pytest.mark.parametrize("value", [each for each in NO_VALUES if each != bytes(60)])
def test_without_the_keys_above_nothing_opens_and_it_is_said(home: Home, table: str, value: Any) -> None:
    home.run(f"UPDATE {table} SET wrapped = ?", value)
    with pytest.raises(HubError, match="kms-differs"):
        home.store()


def test_where_agencies_keys_were_emptied_every_row_is_refused(home: Home) -> None:
    home.run("UPDATE agency_keys SET wrapped = zeroblob(60)")
    assert home.opened() == ({}, {**dict.fromkeys(range(7), "broken-key"), 7: "erased"})


def test_agencies_whose_keys_were_swapped_do_not_open(home: Home) -> None:
    keys = dict(home.run("SELECT agency, wrapped FROM agency_keys"))
    for agency, other in (("north", "south"), ("south", "north")):
        home.run("UPDATE agency_keys SET wrapped = ? WHERE agency = ?", keys[other], agency)
    with pytest.raises(HubError, match="kms-differs"):
        home.opened()


@pytest.mark.parametrize("value", [7, "text", b"", b"\0", bytes(15), bytes(17)])
def test_a_number_that_is_none_stands_for_no_record(home: Home, value: Any) -> None:
    home.run("UPDATE subjects SET subject = ? WHERE subject = ?", value, home.rows[2].header[-40:-24])
    keys = home.store()
    keys.look_up([("north", record) for record in RECORDS[:4]])
    with pytest.raises(BrokenKey, match="broken-key"):
        keys.keys_of("north", RECORDS[2], "housing")
    assert keys.keys_of("north", RECORDS[3], "housing").key_id == home.key_of(3)
    keys.close()


def test_two_records_whose_numbers_were_swapped_get_no_keys_of_each_other(home: Home, chance: random.Random) -> None:
    one, other = chance.sample(range(7), 2)
    places = [home.rows[at].header[-40:-24] for at in (one, other)]
    for subject, instead in ((places[0], b"-"), (places[1], places[0]), (b"-", places[1])):
        home.run("UPDATE subjects SET subject = ? WHERE subject = ?", instead, subject)
    keys = home.store()
    names = [(record.split(":")[0], record) for record in RECORDS[:7]]
    keys.look_up(names)
    for at, name in enumerate(names):
        if at in (one, other):
            for ask in (keys.subject_of, lambda *name: keys.keys_of(*name, "housing")):
                with pytest.raises(BrokenKey, match="not the one that it was given"):
                    ask(*name)
        else:
            assert keys.keys_of(*name, "housing").key_id == home.key_of(at)
    keys.commit()
    assert len(home.run("SELECT 1 FROM subjects")) == 7  # nobody became somebody new
    keys.close()


@pytest.mark.parametrize("value", NO_VALUES)
def test_a_row_that_the_hub_did_not_write_stands_for_no_record(home: Home, value: Any) -> None:
    home.run("UPDATE subjects SET mac = ? WHERE subject = ?", value, home.rows[2].header[-40:-24])
    keys = home.store()
    with pytest.raises(BrokenKey, match="broken-key"):
        keys.subject_of("north", RECORDS[2])
    keys.close()
