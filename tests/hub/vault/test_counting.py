"""Rows of somebody who has the keys and writes what no hub would: each is refused by its code, and no other with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.canonical import canonical
from events.codec import StoredRow, seal, seal_body
from events.ids import EventId
from events.others import ATTRIBUTE as OTHERS
from events.others import boxed, other_class, parted
from events.pairs import ATTRIBUTE as PAIR
from events.pairs import parted as boxed_whole
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from tests.genuine import MOVED_IN, OPENED, a_row, decided, genuine, told_of
from tests.keyring import stored

RECORD, ANOTHER = "north:crm/tenant/1", "south:crm/tenant/1"
KINSHIP = "circle.relationship-changed"
KIN = {"other": {"name": {"family": "Testerton"}}, "action": "stated"}


@pytest.fixture
def codes(tmp_path: Path, keys: KeyStore) -> Iterator[Callable[..., list[str]]]:
    """What becomes of rows in the hub's own ring; another process's, and a rebuild's, finds the same."""
    rings: list[Ring] = []

    def of(*rows: StoredRow, **how: Any) -> list[str]:
        keys.commit()
        rings.append(Ring(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key")))
        found = []
        for ring in (keys.ring, rings[-1]):
            closed = {each.offset: each.code for each in ring.open("main-0", rows, **how).closed}
            found.append([closed.get(row.offset, "opened") for row in rows])
        assert found[0] == found[1]
        return found[0]

    yield of
    for ring in rings:
        ring.close()


Codes = Callable[..., list[str]]


def test_a_row_under_an_id_that_is_not_its_own_is_refused(keys: KeyStore, codes: Codes) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    told = told_of(hers, order="2")
    anothers_id = EventId(a_row(hers, 1).header[7:39])
    forged = stored(seal(hers, anothers_id, "north", told), 2, 2)
    assert codes(a_row(hers, 1), forged, a_row(hers, 3)) == ["opened", "wrong-id", "opened"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"kind": "housing.sold"}, "unknown-type"),
        ({"dataschema": "urn:tellonce:schema:housing.accommodation-changed:9"}, "unknown-version"),
        ({"payload": {"tenure": "social-rent", "action": "started", "more": 1}}, "bad-payload"),
        ({"source": "urn:tellonce:source:south:crm"}, "foreign-key"),
        ({"subject": "nobody"}, "bad-record"),
        ({"action": "erase"}, "broken-row"),
        ({PAIR: "1:AAAA"}, "broken-row"),
    ],
)
def test_a_row_that_is_no_event_of_its_type_is_refused(
    keys: KeyStore, codes: Codes, told: dict[str, Any], code: str
) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    forged = a_row(hers, 2, **told)
    for with_grounds in (False, True):
        found = codes(a_row(hers, 1), forged, a_row(hers, 3), with_grounds=with_grounds)
        assert found == ["opened", code, "opened"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7", b"{}", b'{"type":"housing.accommodation-changed"}'])
def test_a_body_that_is_no_event_is_broken(keys: KeyStore, codes: Codes, body: bytes) -> None:
    sealed = seal_body(keys.keys_of("north", RECORD, "housing"), EventId(b"i" * 32), "north", body.ljust(256))
    assert codes(stored(sealed)) == ["broken-row"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"kind": "hub.sold"}, "unknown-type"),
        ({"payload": {**OPENED, "person": "nobody"}}, "bad-payload"),
        ({"source": "north"}, "bad-source"),
        ({PAIR: "1:AAAA"}, "broken-row"),
    ],
)
def test_what_the_hubs_own_keys_open_is_looked_at_too(
    keys: KeyStore, codes: Codes, told: dict[str, Any], code: str
) -> None:
    hubs = keys.keys_about("north", RECORD, "core")
    attributes = told_of(hubs, **{"kind": "hub.person-opened", "payload": OPENED, "agency": "hub", **told})
    forged = stored(seal(hubs, EventId(b"i" * 32), "hub", attributes), 2, 2)
    assert codes(stored(decided(hubs), 1, 1), forged) == ["opened", code]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "opened"),
        ({"payload": {"pair": [RECORD]}}, "bad-payload"),
        ({"source": "north"}, "bad-source"),
    ],
)
def test_a_decision_that_lies_in_a_box_as_a_whole_is_looked_at_when_that_is_open(
    keys: KeyStore, codes: Codes, told: dict[str, Any], code: str
) -> None:
    hubs = keys.keys_about("north", RECORD, "core")
    pair = keys.pair_keys(("north", RECORD), ("south", ANOTHER), "core")
    payload = {"pair": [RECORD, ANOTHER], "evidence": {"model": "m"}}
    attributes = told_of(hubs, **{"kind": "hub.review-opened", "payload": payload, "agency": "hub", **told})
    identity = EventId(b"i" * 32)
    row = stored(seal(hubs, identity, "hub", boxed_whole(pair, identity, attributes)), 1, 1)
    for with_grounds in (False, True):
        assert codes(row, with_grounds=with_grounds) == [code]


# ---- third persons


def naming(keys: KeyStore, family: str, number: int = 1, **more: Any) -> StoredRow:
    """A row that names somebody of this family, under the id of one that names Testerton."""
    mine = keys.keys_of("north", RECORD, "core")
    told = told_of(mine, KINSHIP, KIN, order=str(number), **more)
    identity = EventId(genuine(mine, number, kind=KINSHIP, payload=KIN).header[7:39])
    content, others = parted(KINSHIP, canonical({**KIN, "other": {"name": {"family": family}}}))
    theirs = keys.keys_of("north", RECORD, other_class(bytes.fromhex(told["factref"])))  # type: ignore[arg-type]
    told |= {"data": orjson.loads(content), OTHERS: boxed(theirs, identity, others)}
    return stored(seal(mine, identity, "north", told), number, number)


def test_the_id_covers_third_persons_as_they_were_sent(keys: KeyStore, codes: Codes) -> None:
    assert codes(naming(keys, "Testerton"), naming(keys, "Exemplar", 2)) == ["opened", "wrong-id"]


def test_when_a_third_person_is_removed_the_event_stays(keys: KeyStore, codes: Codes) -> None:
    row = naming(keys, "Testerton")
    keys.commit()
    mine = keys.keys_of("north", RECORD, "core")
    keys.destroy(mine.subject, [name.key_id for name in keys.secrets_of(mine.subject) if "/" in name.retention])
    assert codes(row) == ["opened"]
    assert keys.ring.open("main-0", [row]).logged[0].event.payload["other"] == {"removed": True}


def test_a_third_person_who_is_none_is_refused(keys: KeyStore, codes: Codes) -> None:
    mine = keys.keys_of("north", RECORD, "core")
    told = told_of(mine, KINSHIP, order="1")
    identity = EventId(b"i" * 32)
    theirs = keys.keys_of("north", RECORD, other_class(bytes.fromhex(told["factref"])))  # type: ignore[arg-type]
    told |= {"data": {"action": "stated", "other": {"removed": True}}, OTHERS: boxed(theirs, identity, [{"shoe": 9}])}
    assert codes(stored(seal(mine, identity, "north", told), 1, 1)) == ["bad-payload"]


def test_a_genuine_row_opens_whatever_else_is_said_of_it(keys: KeyStore, codes: Codes) -> None:
    hers = keys.keys_of("north", RECORD, "housing")
    rows = [a_row(hers, at, payload=MOVED_IN, findings=["unknown-code x"], traceparent="00-1") for at in range(5)]
    assert codes(*rows) == ["opened"] * 5
