"""What makes an event the same event."""

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from events.identity import (
    SubjectKeys,
    content_digest,
    decision_id,
    derive,
    event_id,
    fact_token,
    subject_keys,
)
from events.ids import SubjectId
from events.sealing import SECRET_BYTES, Cipher

KEYS = subject_keys(SubjectId(bytes(16)), b"\1" * SECRET_BYTES)
SAID: dict[str, Any] = {
    "source": "urn:tellonce:source:north:housing",
    "subject": "tenant/1",
    "fact": "tenancy",
    "type": "housing.tenancy-changed",
    "time": "2024-02-01T10:00:00Z",
    "recordedtime": "2024-02-01T11:00:00Z",
    "saidby": "worker/7",
    "dataclassification": "restricted",
    "factgroup": "g",
    "returnscope": "s",
    "action": "withdraw",
    "order": "2024-02-01T10:00:00Z/0",
}
CONTENT = b'{"a":1}'
HOW_IT_CAME = ("senderid", "rawref", "rawhash", "adapter", "traceparent", "orderfrom", "lawfulbasis", "dataschema")


@given(st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES), st.binary(max_size=30))
def test_keys_are_derived_as_rfc_5869_says(secret: bytes, label: bytes) -> None:
    judge = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tellonce/" + label)
    assert derive(secret, label) == [judge.derive(secret)]


def test_each_use_and_each_secret_has_a_key_of_its_own() -> None:
    other = subject_keys(SubjectId(bytes(16)), b"\2" * SECRET_BYTES)
    assert len({KEYS.id_key, KEYS.fact_key, other.id_key, other.fact_key}) == 4


def test_the_same_saying_has_the_same_id() -> None:
    assert event_id(KEYS, dict(reversed(SAID.items())), CONTENT, None) == event_id(KEYS, SAID, CONTENT, None)


@pytest.mark.parametrize("name", SAID)
def test_everything_a_reader_can_see_is_in_the_id(name: str) -> None:
    changed = {**SAID, name: "other"}
    left_out = {key: value for key, value in SAID.items() if key != name}
    ids = {event_id(KEYS, attributes, CONTENT, None) for attributes in (SAID, changed, left_out)}
    assert len(ids) == 3


@pytest.mark.parametrize("name", HOW_IT_CAME)
def test_how_it_came_is_not_in_the_id(name: str) -> None:
    assert event_id(KEYS, {**SAID, name: "x"}, CONTENT, None) == event_id(KEYS, SAID, CONTENT, None)


def test_the_content_is_in_the_id() -> None:
    assert event_id(KEYS, SAID, b'{"a":2}', None) != event_id(KEYS, SAID, CONTENT, None)


def test_the_stand_in_counts_only_where_there_is_no_order() -> None:
    without = {**SAID, "order": None}
    assert event_id(KEYS, SAID, CONTENT, "id:1") == event_id(KEYS, SAID, CONTENT, "id:2")
    assert event_id(KEYS, without, CONTENT, "id:1") != event_id(KEYS, without, CONTENT, "id:2")
    assert event_id(KEYS, {**SAID, "order": "x"}, CONTENT, None) != event_id(KEYS, without, CONTENT, "x")


def test_values_cannot_move_from_one_attribute_to_the_next() -> None:
    one = {**SAID, "saidby": 'a","b', "dataclassification": None}
    other = {**SAID, "saidby": "a", "dataclassification": "b"}
    assert event_id(KEYS, one, CONTENT, None) != event_id(KEYS, other, CONTENT, None)


def test_the_id_is_keyed_by_the_subjects_own_secret() -> None:
    other = subject_keys(SubjectId(bytes(16)), b"\2" * SECRET_BYTES)
    assert event_id(other, SAID, CONTENT, None) != event_id(KEYS, SAID, CONTENT, None)
    assert fact_token(other, "tenancy") != fact_token(KEYS, "tenancy")


def test_a_fact_token_is_an_hmac_of_the_facts_name() -> None:
    keys = SubjectKeys(SubjectId(bytes(16)), bytes(24), b"i" * 32, b"f" * 32, Cipher(b"s" * 32))
    assert fact_token(keys, "addréss/home") == hmac.digest(b"f" * 32, "addréss/home".encode(), "sha256")[:16]


def test_a_decision_is_named_by_its_kind_cause_and_model() -> None:
    ids = {
        decision_id(KEYS.id_key, *words)
        for words in (("link", "c", "m"), ("open", "c", "m"), ("link", "d", "m"), ("link", "c", "n"))
    }
    assert len(ids) == 4
    assert decision_id(KEYS.id_key, "link", "c", "m") in ids


def test_the_digest_of_content_is_its_sha_256() -> None:
    assert content_digest(CONTENT) == hashlib.sha256(CONTENT).digest()
