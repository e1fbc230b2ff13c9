"""The log's bytes: header, body and leaf, exactly as docs/stored-bytes.md lays them down."""

import hashlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.codec import BrokenRow, Sealed, StoredRow, header_id, leaf_hash, open_row, seal
from events.ids import EventId, SubjectId

AGENCIES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ATTRIBUTES = st.dictionaries(TEXTS, TEXTS | st.integers(-(2**63), 2**63) | st.none(), max_size=8)
IDS = st.binary(min_size=32, max_size=32).map(EventId)
SUBJECTS = st.binary(min_size=16, max_size=16).map(SubjectId)
U64 = st.integers(0, 2**64 - 1)
ROWS = st.builds(seal, IDS, AGENCIES, SUBJECTS, ATTRIBUTES)


def stored(sealed: Sealed, offset: int = 7, known_us: int = 1_700_000_000_000_000) -> StoredRow:
    return StoredRow(offset, known_us, *sealed, leaf_hash(offset, known_us, sealed))


def an_event(**attributes: Any) -> Sealed:
    return seal(EventId(b"i" * 32), "north", SubjectId(b"s" * 16), attributes)


@given(IDS, AGENCIES, SUBJECTS, ATTRIBUTES, st.integers(0, 2**62))
def test_an_event_is_read_back_from_its_row(
    event_id: EventId, agency: str, subject: SubjectId, attributes: dict[str, Any], offset: int
) -> None:
    logged = open_row("main-0", stored(seal(event_id, agency, subject, attributes), offset, 99))
    assert (logged.partition, logged.offset, logged.known_us) == ("main-0", offset, 99)
    assert logged.event.id == event_id
    assert logged.event.agency == agency
    assert logged.event.subject == subject
    assert logged.event.attributes == attributes


@given(IDS, AGENCIES, SUBJECTS, ATTRIBUTES)
def test_the_clear_header_holds_format_agency_id_subject_and_key_id(
    event_id: EventId, agency: str, subject: SubjectId, attributes: dict[str, Any]
) -> None:
    sealed = seal(event_id, agency, subject, attributes)
    name = agency.encode()
    assert sealed.header == bytes([1]) + bytes([len(name)]) + name + event_id + subject + bytes(24)
    assert sealed.nonce == bytes(12)
    assert header_id(sealed.header) == event_id


@given(ROWS)
def test_bodies_are_padded_with_blanks_to_multiples_of_256_bytes(sealed: Sealed) -> None:
    content = sealed.body.rstrip(b" ")
    assert len(sealed.body) % 256 == 0
    assert len(sealed.body) - len(content) < 256
    assert content == orjson.dumps(orjson.loads(content), option=orjson.OPT_SORT_KEYS)


def test_a_body_that_fills_its_last_block_gets_no_padding() -> None:
    length = 256 - len(b'{"a":""}')
    assert len(an_event(a="x" * length).body) == 256
    assert len(an_event(a="x" * (length + 1)).body) == 512


def test_the_payload_may_be_given_as_its_canonical_bytes() -> None:
    assert an_event(data=orjson.Fragment(b'{"a":1}')) == an_event(data={"a": 1})


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


@pytest.mark.parametrize(
    "row",
    [
        stored(Sealed(b"", bytes(12), b"{}")),
        stored(Sealed(b"\x01", bytes(12), b"{}")),
        stored(Sealed(b"\x02" + an_event().header[1:], bytes(12), b"{}")),
        stored(Sealed(an_event().header[:-1], bytes(12), b"{}")),
        stored(Sealed(an_event().header + b"x", bytes(12), b"{}")),
        stored(Sealed(an_event().header, bytes(12), b'{"a":')),
        stored(Sealed(an_event().header, bytes(12), b"\xff")),
        stored(Sealed(b"\x01\x05\xff\xff\xff\xff\xff" + an_event().header[7:], bytes(12), b"{}")),
    ],
)
def test_a_row_that_does_not_read_back_is_named_by_its_position(row: StoredRow) -> None:
    with pytest.raises(BrokenRow, match=r"broken-row: log, position 7: .*log verify"):
        open_row("main-0", row)
