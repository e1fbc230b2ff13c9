"""What is sealed once more inside bodies, with the keys of a real key store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from events.canonical import canonical
from events.codec import StoredRow, seal
from events.envelope import Event
from events.errors import RejectedMessage
from events.identity import decision_id, event_id, fact_token
from events.ids import EventId, FactToken
from events.others import ATTRIBUTE, boxed, other_class, parted
from hub.linkage.decisions import DecisionWriter
from hub.vault.keys import KeyStore
from hub.vault.kms import LocalKms
from hub.vault.ring import Ring
from tests.genuine import told_of
from tests.keyring import stored

HER, HIM, IT = "north:crm/tenant/1", "south:pas/patient/1", "south:pas/patient/2"
FACT, KINSHIP = "next-of-kin/1", "circle.relationship-changed"
KIN = {"other": {"name": {"family": "Testerton"}}, "action": "stated"}


@pytest.fixture
def another(tmp_path: Path, keys: KeyStore) -> Iterator[Callable[[], Ring]]:
    """Rings of other processes: they know what is durable and no more."""
    opened: list[Ring] = []

    def open_it() -> Ring:
        keys.commit()
        opened.append(Ring(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key")))
        return opened[-1]

    yield open_it
    for ring in opened:
        ring.close()


def naming(keys: KeyStore, number: int = 1, token: FactToken | None = None, fact: str = FACT) -> StoredRow:
    """An event of hers that names a third person, in a box of its fact's or of another's."""
    mine = keys.keys_of("north", HER, "core")
    told = told_of(mine, KINSHIP, KIN, fact=fact, order=str(number))
    said = {name: value for name, value in told.items() if name != "dataclassification"}
    identity = event_id(mine, said, canonical(KIN), None)
    content, others = parted(KINSHIP, canonical(KIN))
    theirs = keys.keys_of("north", HER, other_class(token or fact_token(mine, fact)))
    box = boxed(theirs, identity, others)
    return stored(
        seal(mine, identity, "north", {**told, "data": orjson.loads(content), ATTRIBUTE: box}), number, number
    )


def kept_apart(keys: KeyStore, fact: str = FACT) -> str:
    """The class of the secret that the third persons of a fact of hers lie under."""
    return other_class(fact_token(keys.keys_of("north", HER, "core"), fact))


def remove(keys: KeyStore) -> list[str]:
    """Destroys the secret of whom her fact names; its class."""
    theirs = keys.keys_of("north", HER, kept_apart(keys))
    return [name.retention for name in keys.destroy(theirs.subject, [theirs.key_id])]


def linked(keys: KeyStore, other: str | None = HIM, number: int = 1) -> StoredRow:
    """Her record was linked, for a reason that is another record's."""
    payload = {
        "record": HER,
        "subject": keys.keys_about("north", HER, "core").subject.hex(),
        "person": "7K2M-9QX3",
        "causes": ["ab" * 32],
        "method": "deterministic",
        "model": "m",
    }
    sealed = DecisionWriter(keys).row("hub.records-linked", HER, payload, cause="c", model="m", other=other)
    return stored(sealed, number, number)


def asked(keys: KeyStore) -> StoredRow:
    """Whether two records are one person."""
    payload = {"pair": [HER, HIM], "evidence": {"model": "m"}}
    return stored(DecisionWriter(keys).row("hub.review-opened", HER, payload, cause="c", model="m", other=HIM), 1, 1)


def event_in(ring: Ring, row: StoredRow, **how: Any) -> Event:
    found = ring.open("main-0", [row], **how)
    assert found.closed == []
    return found.logged[0].event


def code_of(ring: Ring, row: StoredRow) -> str:
    (closed,) = ring.open("main-0", [row]).closed
    return closed.code


# ---- third persons


def test_a_third_person_is_read_as_sent_until_removed(keys: KeyStore, another: Callable[[], Ring]) -> None:
    row = naming(keys)
    for ring in (keys.ring, another()):
        assert event_in(ring, row).payload == KIN
    assert kept_apart(keys) in remove(keys)
    for ring in (keys.ring, another()):
        event = event_in(ring, row)
        assert event.payload == {"action": "stated", "other": {"removed": True}}
        assert ATTRIBUTE not in event.attributes


def test_the_same_fact_may_name_somebody_again(keys: KeyStore) -> None:
    first = naming(keys)
    keys.commit()
    remove(keys)
    second = naming(keys, 2)
    keys.commit()
    assert event_in(keys.ring, first).payload["other"] == {"removed": True}
    assert event_in(keys.ring, second).payload == KIN


def test_they_go_with_the_record_that_names_them(keys: KeyStore) -> None:
    row = naming(keys)
    keys.commit()
    apart = kept_apart(keys)
    gone = keys.destroy(keys.keys_of("north", HER, "core").subject)
    assert {name.retention for name in gone} == {"core", apart}
    assert code_of(keys.ring, row) == "erased"


def test_another_facts_third_persons_are_another_secret(keys: KeyStore) -> None:
    one, two = naming(keys), naming(keys, 2, fact="next-of-kin/2")
    keys.commit()
    remove(keys)
    assert event_in(keys.ring, one).payload["other"] == {"removed": True}
    assert event_in(keys.ring, two).payload == KIN


def test_a_box_of_another_fact_is_refused(keys: KeyStore, another: Callable[[], Ring]) -> None:
    row = naming(keys, token=FactToken(b"u" * 16))
    assert code_of(another(), row) == "wrong-class"


def test_a_box_of_another_record_is_refused(keys: KeyStore) -> None:
    mine = keys.keys_of("north", HER, "core")
    _, others = parted(KINSHIP, canonical(KIN))
    identity = EventId(b"i" * 32)
    theirs = boxed(keys.keys_of("south", HIM, kept_apart(keys)), identity, others)
    row = stored(seal(mine, identity, "north", {**told_of(mine, KINSHIP, KIN), ATTRIBUTE: theirs}), 1, 1)
    keys.commit()
    assert code_of(keys.ring, row) in ("foreign-key", "unknown-key")


# ---- pairs


def test_a_decision_says_what_it_rests_on_to_whoever_asks_and_not_to_a_fold(
    keys: KeyStore, another: Callable[[], Ring]
) -> None:
    row = linked(keys)
    for ring in (another(), keys.ring):
        assert event_in(ring, row, with_grounds=True).payload["causes"] == ["ab" * 32]
        folded = event_in(ring, row)
        assert "causes" not in folded.payload
        assert (folded.payload["person"], folded.payload["model"]) == ("7K2M-9QX3", "m")


def test_a_fold_is_told_the_same_before_and_after_the_other_record_is_erased(
    keys: KeyStore, another: Callable[[], Ring]
) -> None:
    row = linked(keys)
    keys.commit()
    before = event_in(keys.ring, row)
    keys.destroy(keys.keys_about("south", HIM, "core").subject)
    for ring in (another(), keys.ring):
        assert event_in(ring, row) == before
        found = event_in(ring, row, with_grounds=True).payload
        assert found["removed"] is True
        assert "causes" not in found


def test_a_decision_goes_with_the_record_that_it_is_about(keys: KeyStore) -> None:
    row = linked(keys)
    keys.commit()
    keys.destroy(keys.keys_about("north", HER, "core").subject)
    assert code_of(keys.ring, row) == "erased"


@pytest.mark.parametrize("erased", [("north", HER), ("south", HIM)])
def test_a_question_about_two_records_goes_with_either(
    keys: KeyStore, another: Callable[[], Ring], erased: tuple[str, str]
) -> None:
    row = asked(keys)
    keys.commit()
    assert event_in(another(), row).payload["pair"] == [HER, HIM]
    keys.destroy(keys.keys_about(*erased, "core").subject)
    for ring in (another(), keys.ring):
        assert code_of(ring, row) == "erased"


def test_a_decision_that_rests_on_its_own_record_needs_no_second_key(keys: KeyStore) -> None:
    for row in (linked(keys, None), linked(keys, HER)):
        keys.commit()
        assert event_in(keys.ring, row).payload["causes"] == ["ab" * 32]


def test_nothing_leads_from_a_decision_to_the_erased_record(tmp_path: Path, keys: KeyStore) -> None:
    him = keys.keys_about("south", HIM, "core")
    row = linked(keys)
    keys.commit()
    keys.destroy(him.subject)
    attributes = event_in(keys.ring, row).attributes
    for trace in (him.subject, him.key_id):
        assert trace.hex() not in repr(attributes)
    db = apsw.Connection(str(tmp_path / "keys.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    assert db.execute("SELECT subject, key_id FROM partners").fetchall() == [(bytes(16), bytes(24))]
    db.close()
    mine = keys.keys_about("north", HER, "core")
    assert row.header[-72:-40] != decision_id(mine.id_key, "hub.records-linked", "c", "m")


def test_a_decision_is_made_twice_under_one_id(keys: KeyStore) -> None:
    first, second = linked(keys), linked(keys)
    keys.commit()
    assert first.header == second.header
    assert first.body != second.body
    for row in (first, second):
        assert event_in(keys.ring, row, with_grounds=True).payload["causes"] == ["ab" * 32]


def test_references_go_on_after_a_restart(tmp_path: Path, keys: KeyStore) -> None:
    row = linked(keys)
    keys.commit()
    again = KeyStore(tmp_path / "keys.sqlite", LocalKms(tmp_path / "kms.key"))
    later = linked(again, IT, 2)
    again.commit()
    for each in (row, later):
        assert event_in(again.ring, each, with_grounds=True).payload["causes"] == ["ab" * 32]
    again.close()


def test_nothing_is_decided_that_rests_on_a_record_that_is_suppressed(keys: KeyStore) -> None:
    keys.suppress(keys.suppression_of("south", HIM))
    with pytest.raises(RejectedMessage, match="subject-erased"):
        linked(keys)


def test_a_partner_whose_key_is_missing_is_no_erasure(tmp_path: Path, keys: KeyStore) -> None:
    row = asked(keys)
    keys.commit()
    db = apsw.Connection(str(tmp_path / "keys.sqlite"))
    db.execute("DELETE FROM partners")
    db.close()
    assert code_of(keys.ring, row) == "unknown-key"
