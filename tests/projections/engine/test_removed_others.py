"""A fact's third persons are removed alone: live, and as if their box had never opened; nobody else's are touched."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from events.canonical import canonical
from events.codec import StoredRow, seal
from events.envelope import schema_urn
from events.ids import EventId, FactToken, SubjectId
from events.others import ATTRIBUTE, boxed, other_class, parted
from hub.views import projections
from projections.engine.facts import inhand
from projections.engine.projection import Connection
from projections.engine.store import ViewStore
from projections.engine.target import Target
from projections.engine.testing import digest
from tests.counts import times
from tests.keyring import Keys, stored
from tests.laws.playing import SECOND_US

PARTITION = "main-0"
AGENCY = "north"
TYPE = "circle.relationship-changed"
HERS, HIS = SubjectId(b"her random number"[:16]), SubjectId(b"his random number"[:16])
FACTS = {name: FactToken(bytes([at]) * 16) for at, name in enumerate(("next-of-kin/1", "next-of-kin/2"), 1)}
NAMES = ("Testerton", "Exemplar", "Placeholder")


class Log:
    """Rows of two records, and the keys that open them."""

    def __init__(self) -> None:
        self.rows: list[StoredRow] = []
        self.keys = Keys()
        self._secrets = 0

    def read(self, partition: str, start: int, limit: int) -> Iterator[StoredRow]:
        return iter(self.rows[start : start + limit])

    def say(self, subject: SubjectId, fact: str, family: str, **more: Any) -> None:
        """A third person is named, by the family's name."""
        outer, others = parted(TYPE, canonical({"other": {"name": {"family": family}}, "action": "stated"}))
        at = len(self.rows)
        identity = EventId(at.to_bytes(32, "big"))
        box = boxed(self.keys.others_of(AGENCY, subject, other_class(FACTS[fact])), identity, others)
        attributes = {
            "type": TYPE,
            "source": "urn:tellonce:source:north:crm",
            "subject": f"tenant/{subject.hex()}",
            "dataschema": schema_urn(TYPE, 1),
            "fact": fact,
            "factref": FACTS[fact].hex(),
            "orderfrom": "arrival",
            "data": orjson.loads(outer),
            ATTRIBUTE: box,
            **more,
        }
        self._add(seal(self.keys.of_subject(subject), identity, AGENCY, attributes))

    def remove(self, subject: SubjectId, fact: str) -> bytes:
        """Writes that the third persons of a fact are removed; the key id that goes with it."""
        retention = other_class(FACTS[fact])
        key_id = self.keys.others_of(AGENCY, subject, retention).key_id
        payload = {
            "subject": subject.hex(),
            "key_ids": [key_id.hex()],
            "ground": "objection",
            "retention_class": retention,
        }
        attributes = {
            "type": "hub.class-shredded",
            "source": "urn:tellonce:source:hub:linkage",
            "subject": "decision/x",
            "dataschema": schema_urn("hub.class-shredded", 1),
            "data": payload,
        }
        keys = self.keys.service_keys("core")
        self._add(seal(keys, EventId(len(self.rows).to_bytes(32, "big")), "hub", attributes))
        return key_id

    def _add(self, sealed: Any) -> None:
        at = len(self.rows)
        self.rows.append(stored(sealed, at, at * SECOND_US))


_NUMBER = iter(range(1 << 62))


def views_of(folder: Path, log: Log) -> Target:
    home = folder / f"{next(_NUMBER)}"
    home.mkdir()
    return Target(ViewStore(home, projections()).writer(), projections(), "1-a", log, log.keys)


def apply(target: Target, rows: Sequence[StoredRow], rng: random.Random) -> None:
    rest = list(rows)
    while rest:
        size = rng.choice((1, 2, 3, 50))
        target.apply(PARTITION, rest[:size])
        rest = rest[size:]
    assert target.lanes() == []
    assert target.db.execute("SELECT count(*) FROM refused").fetchone()[0] == 0


def digests(db: Connection) -> dict[str, str]:
    return {projection.name: digest(projection, db) for projection in projections()}


def dump(db: Connection, subject: bytes | None = None) -> str:
    where, values = ("WHERE subject = ?", (subject,)) if subject is not None else ("", ())
    return repr(db.execute(f"SELECT * FROM timeline_entries {where} ORDER BY at", values).fetchall())


def random_log(rng: random.Random, how_many: int) -> Log:
    log = Log()
    for _ in range(how_many):
        more: dict[str, Any] = {}
        if rng.random() < 0.5:
            more |= {"order": str(rng.randint(1, 3)), "orderfrom": "message"}
        if rng.random() < 0.2:
            more |= {"factgroup": "household"}
        if rng.random() < 0.2:
            more |= {"returnscope": "circle"}
        log.say(rng.choice((HERS, HIS)), rng.choice(list(FACTS)), rng.choice(NAMES), **more)
    return log


@pytest.mark.parametrize("kept_from", [1, 1_000])
def test_live_views_equal_those_that_never_opened_the_box(
    tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch, kept_from: int
) -> None:
    monkeypatch.setattr(inhand, "KEPT_FROM_ROWS", kept_from)
    for _ in range(times(12, proof=800)):
        log = random_log(rng, rng.randint(1, 15))
        live = views_of(tmp_path, log)
        behind = views_of(tmp_path, log)
        apply(live, log.rows, rng)
        folded = rng.randint(0, len(log.rows))
        apply(behind, log.rows[:folded], rng)
        before = len(log.rows)
        log.keys.gone.add(log.remove(HERS, rng.choice(list(FACTS))))
        for _ in range(rng.randint(0, 4)):
            log.say(HIS, rng.choice(list(FACTS)), rng.choice(NAMES))
        apply(live, log.rows[before:], rng)
        apply(behind, log.rows[folded:], rng)
        rebuilt = views_of(tmp_path, log)
        apply(rebuilt, log.rows, rng)
        assert digests(live.db) == digests(rebuilt.db) == digests(behind.db)


def test_the_removed_go_and_say_so_and_all_others_stay(tmp_path: Path, rng: random.Random) -> None:
    log = Log()
    log.say(HERS, "next-of-kin/1", "Testerton")
    log.say(HERS, "next-of-kin/2", "Exemplar")
    log.say(HIS, "next-of-kin/1", "Testerton")
    live = views_of(tmp_path, log)
    apply(live, log.rows, rng)
    his = dump(live.db, HIS)
    log.keys.gone.add(log.remove(HERS, "next-of-kin/1"))
    apply(live, log.rows[-1:], rng)
    hers = dump(live.db, HERS)
    assert "Testerton" not in hers
    assert '{"action":"stated","other":{"removed":true}}' in hers
    assert "Exemplar" in hers
    assert dump(live.db, HIS) == his


def test_nobody_takes_it_for_a_class_that_was_kept_long_enough(tmp_path: Path, rng: random.Random) -> None:
    log = Log()
    log.say(HERS, "next-of-kin/1", "Testerton")
    log.keys.gone.add(log.remove(HERS, "next-of-kin/1"))
    live = views_of(tmp_path, log)
    apply(live, log.rows, rng)
    assert live.db.execute("SELECT count(*) FROM custody_shredded").fetchone()[0] == 0


def test_a_box_whose_key_is_not_there_though_nobody_destroyed_it_is_refused(tmp_path: Path) -> None:
    log = Log()
    log.say(HERS, "next-of-kin/1", "Testerton")
    log.keys = Keys()
    log.keys.of_subject(HERS)
    live = views_of(tmp_path, log)
    live.apply(PARTITION, log.rows)
    assert [row[5] for row in live.db.execute("SELECT * FROM refused")] == ["unknown-key"]
