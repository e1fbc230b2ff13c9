"""Who tests guesses finds a digest in every form, made with any key; and none that nobody could make."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from events.identity import derive, mac
from tests.traces.guessing import Guess, guesses, labels_of_the_product, matches, matches_in

KEY = bytes(range(32))
WORDS = {"record": b"housing\0crm/tenant/1", "name": b"Quartzmarker"}
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "bytes": lambda digest: digest,
    "the first eight": lambda digest: digest[:8],
    "hex": lambda digest: digest.hex().encode(),
    "hex after an odd letter": lambda digest: b"a" + digest.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 for urls, after a subject": lambda digest: base64.urlsafe_b64encode(bytes(16) + digest),
    "base64 after letters": lambda digest: b"abc" + base64.b64encode(digest),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_digest_is_found_in_every_form(rng: random.Random, form: str) -> None:
    made = guesses({"look-up": KEY}, WORDS)
    content = rng.randbytes(500) + b"." + FORMS[form](mac(KEY, WORDS["record"])) + b"." + rng.randbytes(500)
    assert matches_in(made, content) == {Guess("look-up", "record", "hmac")}


def test_a_digest_without_a_key_and_one_under_a_derived_key_are_found() -> None:
    made = guesses({"look-up": KEY}, WORDS)
    assert matches_in(made, hashlib.sha256(WORDS["name"]).digest()) == {Guess("", "name", "sha256")}
    label = labels_of_the_product()[0]
    digest = mac(derive(KEY, label)[0], WORDS["name"])
    assert matches_in(made, digest) == {Guess(f"look-up > {label.decode()}", "name", "hmac")}


def test_a_short_token_keyed_by_blake2s_is_found(rng: random.Random) -> None:
    made = guesses({"look-up": KEY}, WORDS)
    token = hashlib.blake2s(WORDS["record"], key=KEY, digest_size=8).digest()
    assert matches_in(made, rng.randbytes(99) + token + rng.randbytes(99)) == {
        Guess("look-up", "record", "blake2s of 8 bytes")
    }


def test_the_labels_are_those_that_the_product_derives_by() -> None:
    assert {b"event-id/1", b"fact-token/1", b"sealing/1"} <= set(labels_of_the_product())


def test_a_digest_under_a_key_that_is_gone_is_no_guess(rng: random.Random) -> None:
    made = guesses({"look-up": KEY}, WORDS)
    assert matches_in(made, mac(rng.randbytes(32), WORDS["record"]) + rng.randbytes(300_000)) == set()


def test_a_match_says_where(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(mac(KEY, WORDS["record"]))
    assert matches(guesses({"look-up": KEY}, WORDS), [tmp_path]) == {Guess("look-up", "record", "hmac"): {"log"}}
