"""Sealing: nonces that never come twice, key ids that commit, secrets that unwrap as themselves alone."""

import hashlib
import os
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from events.sealing import NONCE_BYTES, Cipher, DoesNotOpen, Drawn, SecretName, key_id_of, unwrap, wrap
from tests.counts import times

BYTES_32 = st.binary(min_size=32, max_size=32)
NAMES = st.builds(
    SecretName,
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True),
    st.binary(min_size=16, max_size=16),
    st.sampled_from(["core", "health", "raw", "other/" + "ab" * 16]),
    st.just(b""),
)


def named(name: SecretName, secret: bytes) -> SecretName:
    return name._replace(key_id=key_id_of(secret))


@given(BYTES_32, st.binary(max_size=2_000), st.binary(max_size=100))
def test_what_is_sealed_opens_to_itself(key: bytes, text: bytes, about: bytes) -> None:
    nonce, sealed = Cipher(key).seal(text, about)
    assert (len(nonce), len(sealed)) == (12, len(text) + 16)
    assert Cipher(key).open(nonce, sealed, about) == text
    assert AESGCM(key).decrypt(nonce, sealed, about) == text


@given(BYTES_32, st.binary(min_size=1, max_size=64), st.data())
def test_what_was_touched_does_not_open(key: bytes, text: bytes, draw: st.DataObject) -> None:
    nonce, sealed = Cipher(key).seal(text, b"about")
    parts = [bytearray(nonce), bytearray(sealed), bytearray(b"about")]
    part = draw.draw(st.sampled_from(parts))
    part[draw.draw(st.integers(0, len(part) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(DoesNotOpen):
        Cipher(key).open(*map(bytes, parts))


def test_threads_never_get_the_same_nonce() -> None:
    nonces = Drawn(NONCE_BYTES)
    drawn: list[list[bytes]] = [[] for _ in range(8)]

    def draw(mine: list[bytes]) -> None:
        mine.extend(nonces.draw() for _ in range(times(5_000, proof=100_000)))

    threads = [threading.Thread(target=draw, args=(mine,)) for mine in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [nonce for mine in drawn for nonce in mine]
    assert len(set(everything)) == len(everything)
    assert {len(nonce) for nonce in everything} == {12}


def test_a_forked_twin_draws_other_nonces() -> None:
    nonces = Drawn(NONCE_BYTES)
    nonces.draw()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(nonces.draw() for _ in range(100)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 1_200)
    os.close(reading)
    os.close(writing)
    assert {theirs[at : at + 12] for at in range(0, 1_200, 12)}.isdisjoint(nonces.draw() for _ in range(100))


def test_a_key_id_is_the_beginning_of_a_labelled_hash() -> None:
    secret = b"s" * 32
    assert key_id_of(secret) == hashlib.sha256(b"tellonce/key-id/1\0" + secret).digest()[:24]


@given(BYTES_32, NAMES, BYTES_32)
def test_a_wrapped_secret_unwraps_to_itself(key: bytes, name: SecretName, secret: bytes) -> None:
    wrapped = wrap(Cipher(key), named(name, secret), secret)
    assert len(wrapped) == 60
    assert unwrap(Cipher(key), named(name, secret), wrapped) == secret


@given(BYTES_32, NAMES, NAMES, BYTES_32)
def test_a_wrapped_secret_is_bound_to_its_name(key: bytes, one: SecretName, two: SecretName, secret: bytes) -> None:
    one, two = named(one, secret), named(two, secret)
    if one != two:
        with pytest.raises(DoesNotOpen):
            unwrap(Cipher(key), two, wrap(Cipher(key), one, secret))


def test_no_boundary_can_be_moved_between_the_parts_of_a_name() -> None:
    abouts = {SecretName("no", b"s" * 16, "core", b"k" * 24).about, SecretName("n", b"os" * 8, "core", b"k" * 24).about}
    abouts.add(SecretName("no", b"s" * 15 + b"c", "ore", b"k" * 24).about)
    assert len(abouts) == 3


@given(BYTES_32, NAMES, BYTES_32, BYTES_32)
def test_a_secret_that_its_key_id_does_not_name_is_refused(
    key: bytes, name: SecretName, secret: bytes, other: bytes
) -> None:
    """As somebody would have it who holds the agency's key: GCM alone would not see it."""
    if secret != other:
        with pytest.raises(DoesNotOpen):
            unwrap(Cipher(key), named(name, secret), wrap(Cipher(key), named(name, secret), other))
