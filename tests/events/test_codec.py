"""The log's bytes: header, sealed body and leaf, exactly as docs/stored-bytes.md lays them down."""

import hashlib
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from events.codec import Header, Sealed, StoredRow, header_id, leaf_hash, open_row, read_header, seal
from events.envelope import Logged
from events.identity import SubjectKeys, derive, subject_keys
from events.ids import EventId, SubjectId
from events.sealing import key_id_of
from tests.keyring import stored

AGENCIES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ATTRIBUTES = st.dictionaries(TEXTS, TEXTS | st.integers(-(2**63), 2**63) | st.none(), max_size=8)
IDS = st.binary(min_size=32, max_size=32).map(EventId)
SUBJECTS = st.binary(min_size=16, max_size=16).map(SubjectId)
SECRETS = st.binary(min_size=32, max_size=32)
KEYS = st.builds(subject_keys, SUBJECTS, SECRETS)
U64 = st.integers(0, 2**64 - 1)
ROWS = st.builds(seal, KEYS, IDS, AGENCIES, ATTRIBUTES)
NORTH = subject_keys(SubjectId(b"s" * 16), b"k" * 32)


def an_event(**attributes: Any) -> Sealed:
    return seal(NORTH, EventId(b"i" * 32), "north", attributes)


def opened(row: StoredRow, keys: SubjectKeys = NORTH) -> Logged | None:
    header = read_header(row.header)
    return open_row("main-0", row, header, keys.cipher.made()) if header is not None else None


@given(IDS, AGENCIES, KEYS, ATTRIBUTES, st.integers(0, 2**62))
def test_an_event_is_read_back_from_its_row(
    event_id: EventId, agency: str, keys: SubjectKeys, attributes: dict[str, Any], offset: int
) -> None:
    logged = opened(stored(seal(keys, event_id, agency, attributes), offset, 99), keys)
    assert logged is not None
    assert (logged.partition, logged.offset, logged.known_us) == ("main-0", offset, 99)
    assert logged.event.id == event_id
    assert logged.event.agency == agency
    assert logged.event.subject == keys.subject
    assert logged.event.attributes == attributes


@given(IDS, AGENCIES, SUBJECTS, SECRETS, ATTRIBUTES)
def test_the_clear_header_holds_format_agency_id_subject_and_key_id(
    event_id: EventId, agency: str, subject: SubjectId, secret: bytes, attributes: dict[str, Any]
) -> None:
    sealed = seal(subject_keys(subject, secret), event_id, agency, attributes)
    name = agency.encode()
    assert sealed.header == bytes([1]) + bytes([len(name)]) + name + event_id + subject + key_id_of(secret)
    assert header_id(sealed.header) == event_id
    assert read_header(sealed.header) == Header(agency, event_id, subject, key_id_of(secret))


@given(IDS, AGENCIES, SUBJECTS, SECRETS, ATTRIBUTES)
def test_the_body_is_sealed_as_the_layout_says_written_here_a_second_time(
    event_id: EventId, agency: str, subject: SubjectId, secret: bytes, attributes: dict[str, Any]
) -> None:
    sealed = seal(subject_keys(subject, secret), event_id, agency, attributes)
    (key,) = derive(secret, b"sealing/1")
    plain = AESGCM(key).decrypt(sealed.nonce, sealed.body, b"tellonce/event-body/1\0" + sealed.header)
    content = plain.rstrip(b" ")
    assert len(sealed.nonce) == 12
    assert len(plain) % 256 == 0
    assert len(plain) - len(content) < 256
    assert content == orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)


def test_a_body_that_fills_its_last_block_gets_no_padding() -> None:
    length = 256 - len(b'{"a":""}')
    assert len(an_event(a="x" * length).body) == 256 + 16
    assert len(an_event(a="x" * (length + 1)).body) == 512 + 16


def test_the_payload_may_be_given_as_its_canonical_bytes() -> None:
    events = [opened(stored(an_event(data=data))) for data in (orjson.Fragment(b'{"a":1}'), {"a": 1})]
    assert events[0] == events[1]


def test_the_same_event_sealed_twice_shows_nothing_of_it() -> None:
    one, two = an_event(a="x" * 200), an_event(a="x" * 200)
    assert one.nonce != two.nonce
    assert one.body != two.body
    assert b"xxx" not in one.body


@given(ROWS, U64, U64)
def test_the_leaf_is_the_hash_that_the_design_lays_down(sealed: Sealed, offset: int, known_us: int) -> None:
    whole = b"\x00"
    whole += offset.to_bytes(8, "big")
    whole += known_us.to_bytes(8, "big")
    whole += len(sealed.header).to_bytes(2, "big") + sealed.header
    whole += sealed.nonce
    whole += len(sealed.body).to_bytes(4, "big") + sealed.body
    assert leaf_hash(offset, known_us, sealed) == hashlib.sha256(whole).digest()


def test_one_leaf_by_hand() -> None:
    sealed = Sealed(b"\x01\x01n" + b"\xaa" * 32 + b"\xbb" * 16 + bytes(24), bytes(12), b"{}" + b" " * 254)
    given_bytes = (
        "00"
        "0000000000000005"
        "00000000075bcd15"
        "004b"
        "01016e" + "aa" * 32 + "bb" * 16 + "00" * 24 + "00" * 12 + "00000100" + "7b7d" + "20" * 254
    )
    assert leaf_hash(5, 123_456_789, sealed) == hashlib.sha256(bytes.fromhex(given_bytes)).digest()


@given(ROWS, st.integers(0, 2**32), st.data())
def test_any_flipped_bit_of_a_row_changes_its_leaf(sealed: Sealed, offset: int, draw: st.DataObject) -> None:
    known_us = 1_700_000_000_000_000
    which = draw.draw(st.sampled_from(["offset", "known", "header", "nonce", "body"]))
    changed, moved = sealed, (offset, known_us)
    if which == "offset":
        moved = (offset ^ 1 << draw.draw(st.integers(0, 63)), known_us)
    elif which == "known":
        moved = (offset, known_us ^ 1 << draw.draw(st.integers(0, 63)))
    else:
        raw = bytearray(getattr(sealed, which))
        raw[draw.draw(st.integers(0, len(raw) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
        changed = sealed._replace(**{which: bytes(raw)})
    assert leaf_hash(*moved, changed) != leaf_hash(offset, known_us, sealed)


@given(ROWS, st.integers(1, 20))
def test_no_boundary_can_be_moved_between_columns(sealed: Sealed, count: int) -> None:
    moved = Sealed(sealed.header[:-count], sealed.header[-count:] + sealed.nonce, sealed.body)
    other = Sealed(sealed.header, sealed.nonce + sealed.body[:count], sealed.body[count:])
    assert len({leaf_hash(1, 2, row) for row in (sealed, moved, other)}) == 3


@given(ROWS, st.data())
def test_any_flipped_bit_of_header_nonce_or_body_keeps_it_closed(sealed: Sealed, draw: st.DataObject) -> None:
    which = draw.draw(st.sampled_from(["header", "nonce", "body"]))
    raw = bytearray(getattr(sealed, which))
    raw[draw.draw(st.integers(0, len(raw) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    row = stored(sealed._replace(**{which: bytes(raw)}))
    assert opened(row, NORTH) is None


@given(KEYS, SECRETS)
def test_no_other_secret_opens_a_row(keys: SubjectKeys, other: bytes) -> None:
    row = stored(seal(keys, EventId(b"i" * 32), "north", {"a": 1}))
    assert opened(row, keys) is not None
    if key_id_of(other) != keys.key_id:
        assert opened(row, subject_keys(keys.subject, other)) is None


@pytest.mark.parametrize(
    "row",
    [
        stored(Sealed(b"", bytes(12), b"{}")),
        stored(Sealed(b"\x01", bytes(12), b"{}")),
        stored(Sealed(b"\x02" + an_event().header[1:], bytes(12), b"{}")),
        stored(Sealed(an_event().header[:-1], bytes(12), b"{}")),
        stored(Sealed(an_event().header + b"x", bytes(12), b"{}")),
        stored(Sealed(an_event().header, bytes(12), b"")),
        stored(Sealed(an_event().header, b"", an_event().body)),
        stored(Sealed(b"\x01\x05\xff\xff\xff\xff\xff" + an_event().header[7:], bytes(12), b"{}")),
        StoredRow(7, 99, 5, 6, 7, b""),  # type: ignore[arg-type]
        StoredRow(7, 99, an_event().header, "text", None, b""),  # type: ignore[arg-type]
    ],
)
def test_a_row_that_is_none_stays_closed(row: StoredRow) -> None:
    assert opened(row) is None


def test_a_body_that_is_no_json_stays_closed() -> None:
    header = an_event().header
    nonce, body = NORTH.cipher.seal(b'{"a":', b"tellonce/event-body/1\0" + header)
    assert opened(stored(Sealed(header, nonce, body))) is None
    with pytest.raises(InvalidTag):
        AESGCM(b"k" * 32).decrypt(nonce, body, header)
