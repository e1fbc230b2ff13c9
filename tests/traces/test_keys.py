"""Who hunts for a secret finds it wherever it lies, plain or wrapped, and finds none that is gone."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from events.sealing import Cipher, SecretName, key_id_of, wrap
from tests.traces.keys import secrets_in, secrets_in_bytes


@pytest.fixture
def secret(rng: random.Random) -> bytes:
    return rng.randbytes(32)


@pytest.fixture
def wrapped(secret: bytes) -> bytes:
    return wrap(Cipher(AGENCY_KEY), SecretName("housing", bytes(16), "core", key_id_of(secret)), secret)


AGENCY_KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))


@pytest.mark.parametrize("before", range(0, 400, 37))
@pytest.mark.parametrize("around", [b"\0", b"text ", b"\xff\x80"])
def test_a_secret_is_found_at_any_place_plain_or_wrapped(
    secret: bytes, wrapped: bytes, before: int, around: bytes
) -> None:
    key_id = key_id_of(secret)
    for planted in (secret, wrapped, wrapped[:-16]):
        content = around * before + planted + around * 400
        assert secrets_in_bytes(content, {key_id}, [OTHER_KEY, AGENCY_KEY]) == {key_id: secret}


def test_a_wrapped_secret_is_not_found_without_its_wrapping_key(secret: bytes, wrapped: bytes) -> None:
    assert secrets_in_bytes(wrapped, {key_id_of(secret)}, [OTHER_KEY]) == {}


def test_a_secret_that_is_cut_or_overwritten_is_not_found(secret: bytes, wrapped: bytes) -> None:
    for planted in (secret[:-1], secret[:16] + bytes(16), wrapped[1:], bytes(60)):
        assert secrets_in_bytes(bytes(99) + planted + bytes(99), {key_id_of(secret)}, [AGENCY_KEY]) == {}


def test_a_secret_is_found_in_a_table_that_a_page_cuts_in_two(tmp_path: Path, secret: bytes, wrapped: bytes) -> None:
    key_id = key_id_of(secret)
    for at in range(4_020, 4_110, 9):
        with closing(sqlite3.connect(tmp_path / "keys")) as db:
            db.execute("CREATE TABLE IF NOT EXISTS t(x BLOB)")
            db.execute("DELETE FROM t")
            db.execute("INSERT INTO t VALUES(?)", (bytes(at) + wrapped + bytes(9_000),))
            db.commit()
        assert secrets_in([tmp_path], {key_id}, [AGENCY_KEY]) == {key_id: secret}


def test_nothing_is_found_in_a_lot_of_chance(rng: random.Random, secret: bytes) -> None:
    assert secrets_in_bytes(rng.randbytes(60_000), {key_id_of(secret)}, [AGENCY_KEY, OTHER_KEY]) == {}
